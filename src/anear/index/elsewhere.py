"""Points that an index file leaves where they lie: in a .npy file, whose name, shape and checksums it holds instead."""

from __future__ import annotations

import json
import os
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError, FileFormatError
from anear.index.container import AT_ONCE, BLOCK, Unchecked, checksums

__all__ = ["refer", "referred"]

_KEYS: Final = {"file", "shape", "crc32"}


def refer(rows: npt.NDArray[Any], name: str, target: str) -> str:
    """What stands in the index file ``target`` for ``rows``, which lie in the file ``name`` as well."""
    held = _opened(name)
    if held.dtype != rows.dtype or held.shape != rows.shape:
        raise ArgumentError(
            f"points is {name!r}, which holds {held.dtype} of shape {held.shape}; it must hold the index's own points, "
            f"{rows.dtype} of shape {rows.shape} (coordinates, then fields)"
        )
    sums = checksums(rows, BLOCK)
    if checksums(held, BLOCK) != sums:
        row = next(i for i in range(len(rows)) if held[i].tobytes() != rows[i].tobytes())
        raise ArgumentError(f"points is {name!r}, which does not hold the index's own points: row {row} differs")
    # Both may move together; a file that lies elsewhere is found where it was.
    folder, path = os.path.dirname(os.path.realpath(target)), os.path.realpath(name)
    beside = os.path.relpath(path, folder) if os.path.dirname(path) == folder else path
    return json.dumps({"file": beside, "shape": rows.shape, "crc32": sums})


def referred(text: str, folder: str, moved: str | None, mmap: bool) -> tuple[npt.NDArray[Any], tuple[Unchecked, ...]]:
    """The rows that ``refer`` wrote ``text`` of, and what is unchecked of them; ``moved``: where the file is now."""
    said = json.loads(text)
    if not isinstance(said, dict) or set(said) != _KEYS or not isinstance(said["file"], str):
        raise FileFormatError(f"what it says of where its points lie does not make sense: {text[:200]}")
    name = moved or os.path.join(folder, said["file"])
    if not os.path.isfile(name):
        raise FileFormatError(f"its points lie in {name}, and there is no such file; name it by points= if it moved")
    try:
        rows = _opened(name)
    except ArgumentError as error:
        raise FileFormatError(f"its points cannot be read: {error}") from error
    if list(rows.shape) != said["shape"]:
        raise FileFormatError(f"its points lie in {name}, whose shape is {rows.shape}, not {said['shape']}")
    unchecked = Unchecked(f"the points in {name}", rows, said["crc32"], BLOCK)
    if mmap and rows.nbytes > AT_ONCE:
        return rows, (unchecked,)
    unchecked.check()
    return (rows if mmap else np.array(rows)), ()


def _opened(name: str) -> npt.NDArray[Any]:
    """The matrix of a .npy file, left on disk."""
    if not os.path.isfile(name):
        raise ArgumentError(f"points is {name!r}, which is not a file; allowed: a .npy file that numpy.save wrote")
    try:
        held = np.load(name, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ArgumentError(f"points is {name!r}, which is no .npy file of numbers: {error}") from error
    if not isinstance(held, np.ndarray) or held.ndim != 2 or not held.flags.c_contiguous or held.size == 0:
        raise ArgumentError(f"points is {name!r}; allowed: a .npy file of a matrix, one row after another")
    return held
