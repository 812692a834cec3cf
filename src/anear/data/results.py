"""Neighbours written to files: .npz, .hdf5, .csv, .json, or .ivecs with the distances in an .fvecs beside it.

A file appears under its name only when it is complete, so that nobody mistakes half a result for a whole one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anear.data.columns import need
from anear.data.formats import all_formats
from anear.data.types.dense import Array
from anear.errors import ArgumentError

__all__ = ["check_output", "save_neighbors"]

# Rows of text made at a time.
_BLOCK = 10_000


def check_output(path: str | os.PathLike[str]) -> Path:
    """Refuse, before any work is done for it, a file that :func:`save_neighbors` could not write."""
    file = Path(path)
    if file.suffix.lower() not in _WRITERS:
        raise ArgumentError(f"path {str(file)!r} must end in one of {', '.join(_WRITERS)}")
    if file.is_dir() or not file.parent.is_dir():
        wrong = f"{str(file)!r} is a folder" if file.is_dir() else f"there is no folder {str(file.parent)!r}"
        raise ArgumentError(f"path {str(file)!r} cannot be written: {wrong}")
    if file.suffix.lower() in (".hdf5", ".h5"):
        need("h5py", f"writing {file}")
    return file


def save_neighbors(
    path: str | os.PathLike[str], ids: Array, distances: Array, offsets: Array | None = None, **about: Any
) -> list[Path]:
    """Write the answer of a search; the kind of file follows from the name's ending.

    :param ids: shape ``(queries, k)`` (-1: none); or flat, with ``offsets``, for a range search.
    :param distances: as ``ids``.
    :param offsets: the hits of query ``i`` are ``offsets[i]`` to ``offsets[i + 1]``; None for k neighbours each.
    :param about: what else is worth knowing (distance, k, ...), kept where the kind of file has a place for it.
    :returns: the files written: one, or two for .ivecs.
    :raises ArgumentError: if the name or the shapes do not fit.
    """
    file = check_output(path)
    ids, distances = np.asarray(ids), np.asarray(distances)
    if ids.shape != distances.shape or ids.ndim != (2 if offsets is None else 1):
        needed = "(queries, k)" if offsets is None else "(hits,)"
        raise ArgumentError(f"ids and distances have shapes {ids.shape} and {distances.shape}; both need {needed}")
    if offsets is not None and (len(offsets) < 1 or int(offsets[-1]) != len(ids)):
        raise ArgumentError(f"offsets must end in {len(ids)}, the number of hits")
    arrays = {"ids": ids, "distances": distances} | ({} if offsets is None else {"offsets": np.asarray(offsets)})
    return _WRITERS[file.suffix.lower()](file, arrays, about)


def _complete(file: Path, write: Callable[[Path], None]) -> Path:
    """Write beside the file, then give it its name."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        write(unfinished)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return file


def _npz(file: Path, arrays: dict[str, Array], about: dict[str, Any]) -> list[Path]:
    def write(path: Path) -> None:
        with path.open("wb") as opened:
            everything: dict[str, Any] = {**arrays, **{key: np.asarray(value) for key, value in about.items()}}
            np.savez(opened, **everything)

    return [_complete(file, write)]


def _hdf5(file: Path, arrays: dict[str, Array], about: dict[str, Any]) -> list[Path]:
    """As ann-benchmarks names them, so that the file can serve as a gold standard there."""
    h5py = need("h5py", f"writing {file}")

    def write(path: Path) -> None:
        with h5py.File(path, "w") as opened:
            for name, array in arrays.items():
                opened["neighbors" if name == "ids" else name] = array
            opened.attrs.update(about)

    return [_complete(file, write)]


def _ivecs(file: Path, arrays: dict[str, Array], about: dict[str, Any]) -> list[Path]:
    """Ids, and beside them the distances; these formats keep nothing else."""
    if "offsets" in arrays:
        raise ArgumentError(f"path {str(file)!r}: .ivecs has rows of one length, but a range search has not: use .npz")
    writers = {entry.name: entry.write for entry in all_formats()}
    written = []
    for name, array, suffix in (("ivecs", arrays["ids"], ".ivecs"), ("fvecs", arrays["distances"], ".fvecs")):
        write = writers[name]
        assert write is not None
        written.append(_complete(file.with_suffix(suffix), partial(_swapped, write, array)))
    return written


def _swapped(write: Callable[[Path, Array], None], array: Array, path: Path) -> None:
    write(path, array)


def _bounds(arrays: dict[str, Array]) -> Array:
    ids = arrays["ids"]
    return arrays["offsets"] if "offsets" in arrays else np.arange(len(ids) + 1) * ids.shape[1]


def _csv(file: Path, arrays: dict[str, Array], about: dict[str, Any]) -> list[Path]:
    """A line a neighbour: query, rank, id, distance. Neighbours that are missing are left out."""
    bounds = _bounds(arrays)
    ids, distances = arrays["ids"].reshape(-1), arrays["distances"].reshape(-1)

    def write(path: Path) -> None:
        with path.open("w", newline="") as opened:
            opened.write("query,rank,id,distance\n")
            for first in range(0, len(bounds) - 1, _BLOCK):
                lines = []
                for query in range(first, min(first + _BLOCK, len(bounds) - 1)):
                    part = slice(int(bounds[query]), int(bounds[query + 1]))
                    pairs = zip(ids[part].tolist(), distances[part], strict=True)
                    lines += [f"{query},{rank},{at},{far!s}\n" for rank, (at, far) in enumerate(pairs) if at >= 0]
                opened.writelines(lines)

    return [_complete(file, write)]


def _json(file: Path, arrays: dict[str, Array], about: dict[str, Any]) -> list[Path]:
    """One object; ids and distances are lists of one list a query. JSON has no infinity: null stands for it."""
    bounds = _bounds(arrays)
    ids, distances = arrays["ids"].reshape(-1), arrays["distances"].reshape(-1)

    def write(path: Path) -> None:
        with path.open("w") as opened:
            opened.write("{")
            for key, value in about.items():
                plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
                opened.write(f"{json.dumps(str(key))}: {json.dumps(plain, default=str)}, ")
            for name, values in (("ids", ids), ("distances", distances)):
                opened.write(f'"{name}": [' if name == "ids" else f', "{name}": [')
                for query in range(len(bounds) - 1):
                    part = values[int(bounds[query]) : int(bounds[query + 1])].tolist()
                    part = [value if abs(value) != float("inf") and value == value else None for value in part]
                    opened.write((", " if query else "") + json.dumps(part))
                opened.write("]")
            opened.write("}\n")

    return [_complete(file, write)]


_WRITERS: dict[str, Callable[[Path, dict[str, Array], dict[str, Any]], list[Path]]] = {
    ".npz": _npz,
    ".ivecs": _ivecs,
    ".csv": _csv,
    ".json": _json,
    ".hdf5": _hdf5,
    ".h5": _hdf5,
}
