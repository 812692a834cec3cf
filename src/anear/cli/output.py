"""Results into files, tables and JSON."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["check_out", "plain", "print_json", "print_table", "save_npz", "table"]


def check_out(out: Path | None) -> None:
    """Refuse an output file that cannot be written, before any work is done for it."""
    if out is None:
        return
    if out.suffix != ".npz":
        raise ArgumentError(f"--out {str(out)!r}: results are written as .npz, so the name must end with .npz")
    if not out.parent.is_dir():
        raise ArgumentError(f"--out {str(out)!r}: there is no folder {str(out.parent)!r}")


def save_npz(out: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Write the arrays as one .npz, which appears under its name only when it is complete."""
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # NumPy's stub reads ** as its own keyword
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def plain(thing: Any) -> Any:
    """The thing with nothing in it that JSON cannot say: arrays become lists, inf and NaN become null.

    >>> plain({"a": np.array([1.0, np.inf]), "b": (np.int64(2), "c")})
    {'a': [1.0, None], 'b': [2, 'c']}
    """
    if isinstance(thing, np.ndarray | np.generic):
        thing = thing.tolist()
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else None
    if isinstance(thing, dict):
        return {str(key): plain(entry) for key, entry in thing.items()}
    if isinstance(thing, list | tuple):
        return [plain(entry) for entry in thing]
    return thing


def print_json(thing: Any) -> None:
    """One JSON document on stdout, and nothing else."""
    json.dump(plain(thing), sys.stdout, allow_nan=False)
    print()


def table(title: str | None, *columns: str, left: tuple[str, ...] = ()) -> Table:
    """An empty table; numbers stand to the right, the columns named in ``left`` to the left."""
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, justify="left" if column in left else "right", overflow="fold")
    return made


def print_table(made: Table) -> None:
    """Print to stdout; in a pipe, where nobody wraps lines by hand, as wide as it needs."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
    Console(width=width).print(made)
