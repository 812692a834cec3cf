"""An array that rows are put behind, at a cost that does not depend on how many it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Growing"]

Array = npt.NDArray[Any]


class Growing:
    """Rows in memory that grows by half whenever it is full.

    What was handed out stays as it is: a reader in another thread never sees rows move or change.

    >>> growing = Growing(np.arange(3))
    >>> growing.extend(np.array([7])).tolist(), growing.rows.tolist()
    ([0, 1, 2, 7], [0, 1, 2, 7])
    """

    def __init__(self, rows: Array) -> None:
        self._memory = rows
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def extend(self, more: Array) -> Array:
        """All rows, with ``more`` behind them. The array that this began with is copied and never written to."""
        count = len(self.rows) + len(more)
        wide = np.result_type(self._memory, more) if more.dtype.kind == "U" else self._memory.dtype
        if count > len(self._memory) or wide != self._memory.dtype:
            memory = np.empty((count + count // 2, *self.rows.shape[1:]), wide)
            memory[: len(self.rows)] = self.rows
            self._memory = memory
        self._memory[len(self.rows) : count] = more
        self.rows = self._memory[:count]
        return self.rows

    def cut(self, count: int) -> None:
        """Forget all but the first rows."""
        self.rows = self.rows[:count]
