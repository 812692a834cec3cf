"""A graph without the points that were removed from it: the same links under new numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import aligned

__all__ = ["compacted_graph"]

_LINE: Final = 64  # bytes of a cache line

Array = npt.NDArray[Any]


def compacted_graph(parts: Mapping[str, Array], kept: npt.NDArray[np.int64], count: int) -> dict[str, Array]:
    """The parts of a graph over ``count`` points as those of one over the points ``kept`` alone.

    Nobody has links to a point that was removed, so every row of links stays as long as it is.
    """
    numbers = _numbers(kept, count)
    left = {name: part for name, part in parts.items() if name != "alive"}
    left["links"] = numbers[parts["links"][kept]]
    left["entries"] = numbers[parts["entries"]]
    for name in {"rows", "codes"} & parts.keys():
        left[name] = _taken(parts[name], kept)
    if "code_scalars" in parts:
        left["code_scalars"] = parts["code_scalars"].reshape(count, -1)[kept].ravel()
    below, level = numbers, 0
    while f"layer.{level}.links" in parts:
        name = f"layer.{level}."
        points = parts[f"{name}points"]
        nodes = np.flatnonzero(numbers[points] >= 0)
        here = _numbers(nodes, len(points))
        left[f"{name}links"] = here[parts[f"{name}links"][nodes]]
        left[f"{name}points"] = numbers[points[nodes]]
        left[f"{name}below"] = below[parts[f"{name}below"][nodes]]
        below, level = here, level + 1
    left["top"] = below[parts["top"]]
    return left


def _taken(part: Array, kept: npt.NDArray[np.int64]) -> Array:
    """These rows, where a kernel reads them best."""
    size = len(kept) * part.shape[1] * part.itemsize
    rows = aligned(size, _LINE).view(part.dtype).reshape(len(kept), part.shape[1])
    return np.take(part, kept, axis=0, out=rows)


def _numbers(kept: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int32]:
    """The new number of each old one; -1 for what goes, and, in the last place, for -1."""
    numbers = np.full(count + 1, -1, np.int32)
    numbers[kept] = np.arange(len(kept), dtype=np.int32)
    return numbers
