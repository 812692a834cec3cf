"""The way in: a plan and a layout go in, objects and the numbers of a kernel table come out.

    layout -> key -> in memory? -> on disk? -> LLVM text -> object

Nothing here loads the code or calls it: that is the core's part.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anear.codegen import cache
from anear.codegen.abi import ABI_VERSION
from anear.codegen.layout import STORAGE_BYTES, Layout
from anear.codegen.rows import row_layout, row_tile
from anear.codegen.tile import Tile, choose_tile
from anear.formula.expression import Expr, walk

__all__ = ["Kernels", "compile_kernels", "parameters", "slots"]

_made: dict[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Kernels:
    """Compiled kernels of one plan: ``objects`` (ELF, by kernel name) and the ``numbers`` of their table."""

    layout: Layout
    tile: Tile
    objects: dict[str, bytes]
    numbers: dict[str, int]


def compile_kernels(layout: Layout, names: Iterable[str], tile: Tile | None = None) -> Kernels:
    """Compile (or fetch) the named kernels of a layout."""
    tile = tile or choose_tile(layout)
    base = _key(layout, tile)
    return Kernels(layout, tile, {name: _object(base, name, layout, tile) for name in names}, _numbers(layout, tile))


def parameters(layout: Layout) -> npt.NDArray[np.float64]:
    """The captured vectors and matrices, in the order in which the kernels expect them."""
    parts = [node.value.values.ravel() for node in layout.parameters]
    return np.concatenate(parts) if parts else np.zeros(1)


def slots(layout: Layout, entries: Iterable[int]) -> list[int]:
    """The places of scalar query entries in a prepared query."""
    return [layout.query[i].offset for i in entries]


def _object(base: str, name: str, layout: Layout, tile: Tile) -> bytes:
    key = hashlib.sha256(f"{base}|{name}".encode()).hexdigest()
    found = _made.get(key) or cache.fetch(key)
    if found is None:
        from anear.codegen.jit import compile_text  # what a warm start does not need
        from anear.codegen.kernels import kernel_text

        start = time.perf_counter()
        with _deep():
            text = kernel_text(name, layout, tile)
        found = compile_text(text, layout.target)
        cache.put(key, found)
        _debug(name, text, time.perf_counter() - start)
    _made[key] = found
    return found


@contextmanager
def _deep() -> Iterator[None]:
    """Room for the generator, which follows a formula's nesting, however deep that is; Python's own limit is low."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 200_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _debug(name: str, text: str, seconds: float) -> None:
    level = os.environ.get("ANEAR_DEBUG", "0")
    if level >= "2":
        print(f"anear: compiled {name} in {1e3 * seconds:.1f} ms", file=sys.stderr)
    if level >= "4":
        print(text, file=sys.stderr)


def _numbers(layout: Layout, tile: Tile) -> dict[str, int]:
    return {
        "arithmetic_bytes": STORAGE_BYTES[layout.arithmetic],
        "block": layout.lanes,
        "query_tile": tile.queries,
        "point_tile": tile.blocks,
        "scan_tile": tile.scan,
        "query_columns": layout.columns("query"),
        "point_columns": layout.columns("point"),
        "query_slots": layout.query_slots,
        "point_block_bytes": layout.block_bytes,
        "maxima": len(layout.plan.maxima),
        **({} if layout.whole is None else {"coordinates": layout.whole.offset}),
        "row_bytes": row_layout(layout).row_bytes,
        "row_tile": row_tile(layout),
        "plain_query": int(layout.plain_query),
    }


def _key(layout: Layout, tile: Tile) -> str:
    """Everything the machine code depends on; captured arrays by their shape alone, for their numbers are data."""
    plan = layout.plan
    parts = [
        *(_structure(e, layout) for e in (*plan.query, *plan.point, *plan.maxima, plan.pair)),
        f"{len(plan.query)},{len(plan.point)},{plan.bilinear},{plan.guarded},{plan.halved}",
        f"{layout.dimension},{layout.storage},{layout.arithmetic},{layout.target.name},{layout.query_fields}",
        f"{layout.point_fields},{[entry.storage for entry in layout.point]},{layout.ordered},{layout.lanes}",
        f"{tile},{ABI_VERSION},{cache.source_digest('codegen')}",
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _structure(root: Expr, layout: Layout) -> str:
    """A text that two expressions share if and only if they compile alike.

    Of a captured array the shape counts, and its place among the parameters: one array used twice is not two arrays.
    """
    numbers: dict[Expr, int] = {}
    lines = []
    for node in walk(root):
        numbers[node] = len(numbers)
        value = (node.value.shape, layout.parameters[node]) if node.op == "constant" else node.value
        lines.append(f"{node.op}{[numbers[a] for a in node.args]}{value!r}")
    return ";".join(lines)
