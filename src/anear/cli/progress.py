"""A progress bar on stderr for whatever takes long.

A bar costs a rich import and a redraw thread, so it appears only once a task has run for a while, and only where
somebody can see it. The callback exists in every case: it is where Ctrl-C reaches a search.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Bars"]

PATIENCE = 0.5  # seconds without a bar


class Bars:
    """The bars of one command, to be used in a ``with`` statement.

    >>> with Bars(shown=False) as bars:
    ...     bars.task("searching")(1, 10)
    True
    """

    def __init__(self, shown: bool | None = None) -> None:
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._progress: Progress | None = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def task(self, description: str) -> Callable[[int, int], bool]:
        """A callback ``(done, total)`` that draws one bar; it always returns True: go on."""
        start = time.monotonic()
        task: TaskID | None = None

        def report(done: int, total: int) -> bool:
            nonlocal task
            if not self._shown or (task is None and time.monotonic() - start < PATIENCE):
                return True
            if self._progress is None:
                self._progress = _start()
            if task is None:
                task = self._progress.add_task(description, total=total)
            self._progress.update(task, completed=done, total=total)
            return True

        return report


def _start() -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    progress = Progress(console=Console(stderr=True), transient=True)
    progress.start()
    return progress
