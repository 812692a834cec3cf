"""Prepared points as rows: one point after the other, for methods that meet their points one by one (graphs).

    prepared row   [entry 0 | entry 1 | ...]    the entries of a prepared block, each in its own type, one point's only

Vectors come first, so that a row that is just a point's coordinates is the raw row itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anear.codegen.emit import Cell, Place
from anear.codegen.layout import STORAGE_BYTES, Entry, Layout
from anear.codegen.llvm import Body
from anear.codegen.loops import cost, passes, scalar_cost
from anear.codegen.memory import load_as
from anear.codegen.nibbles import level_at
from anear.codegen.sources import captured, moved
from anear.formula.expression import Expr

__all__ = ["PreparedRows", "RowLayout", "row_layout", "row_tile"]

_ALIGNED: Final = 4  # bytes that a row is a multiple of, if it holds nothing longer


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Where each entry of ``Layout.point`` begins in a prepared row, in bytes, and how long a row is."""

    offsets: tuple[int, ...]
    row_bytes: int


def row_layout(layout: Layout) -> RowLayout:
    """Lay the entries of a point out as a row: long ones first, then by the size of their numbers."""
    sizes = [STORAGE_BYTES[entry.storage] for entry in layout.point]
    order = sorted(range(len(sizes)), key=lambda i: (layout.point[i].length == 1, -sizes[i], i))
    offsets = [0] * len(sizes)
    at = 0
    for i in order:
        at = -(-at // sizes[i]) * sizes[i]
        offsets[i] = at
        at += _bytes(layout.point[i])
    whole = max(sizes) if len(sizes) == 1 else max(*sizes, _ALIGNED)
    return RowLayout(tuple(offsets), -(-at // whole) * whole)


def _bytes(entry: Entry) -> int:
    """Of an entry in a row; where codes of four bits are read from an odd one on, one byte more is."""
    return entry.length // 2 + 1 if entry.storage == "uint4" else entry.length * STORAGE_BYTES[entry.storage]


def row_tile(layout: Layout) -> int:
    """How many rows ``gather_rows`` works on at once: they share the query's loads and the sums across the lanes."""
    pair = layout.plan.pair
    runs = passes([pair], layout.lengths)
    work = max((cost(r.args[0] for r in p.reductions) for p in runs), default=1)
    work = max(work, scalar_cost(pair) // 4)
    return 1 if work > 60 else 2 if work > 24 else 4


class PreparedRows:
    """One prepared query against several prepared rows, coordinates across the lanes."""

    across: Final = True

    def __init__(self, layout: Layout, query: str, rows: list[str]) -> None:
        self.layout = layout
        self.query = query
        self.rows = rows
        self.offsets = row_layout(layout).offsets

    def leaf(self, body: Body, node: Expr, place: Place | None, cell: Cell) -> str:
        """A prepared entry's coordinates (or its scalar)."""
        layout = self.layout
        if node.op == "constant":
            return captured(body, layout, node, place, True)
        side, index, _ = node.value
        entry: Entry = (layout.query if side == "query" else layout.point)[index]
        if side == "query":
            size = body.kind.size
            return body.load(moved(body, self.query, place, size, entry.offset * size))
        if entry.storage == "uint4":
            assert place is not None
            return level_at(body, layout, body.at(self.rows[cell.point], self.offsets[index]), place)
        pointer = moved(body, self.rows[cell.point], place, STORAGE_BYTES[entry.storage], self.offsets[index])
        return load_as(body, pointer, entry.storage, layout.target.half)
