"""Where a kernel's leaves come from: packed blocks, raw blocks or rows."""

from __future__ import annotations

from typing import Final

from anear.codegen.emit import Cell, Place
from anear.codegen.layout import STORAGE_BYTES, Entry, Layout
from anear.codegen.llvm import Body
from anear.codegen.memory import load_as
from anear.formula.expression import Expr

__all__ = ["PackedSource", "QueryRowSource", "RawSource", "RowSource", "TurnedSource", "captured", "moved"]


def moved(body: Body, pointer: str, place: Place | None, stride: int, base: int = 0) -> str:
    """pointer + base + place * stride, with the constant part last so that it can fold into the instruction."""
    if place is None:
        return body.at(pointer, base)
    if place.variable is not None:
        by = place.variable
        if stride != 1:
            by = body.emit(f"mul i64 {place.variable}, {stride}")
        pointer = body.at(pointer, by)
    return body.at(pointer, base + place.offset * stride)


def captured(body: Body, layout: Layout, node: Expr, place: Place | None, across: bool) -> str:
    """A coordinate of a captured vector, or an element of a captured matrix (float64 in memory)."""
    pointer = moved(body, "%parameters", place, 8, layout.parameters[node] * 8)
    if across:
        return load_as(body, pointer, "float64")
    return _broadcast(body, pointer, "float64")


def _broadcast(body: Body, pointer: str, storage: str, half: bool = True) -> str:
    """One stored number in every lane."""
    wide = body.kind
    body.kind = type(wide)(wide.bits, 1)
    value = load_as(body, pointer, storage, half)
    body.kind = wide
    return body.splat(value)


class PackedSource:
    """Tiles: prepared queries, one number broadcast to all lanes, against prepared blocks, a point a lane."""

    across: Final = False

    def __init__(self, layout: Layout, queries: list[str], blocks: list[str]) -> None:
        self.layout = layout
        self.queries = queries
        self.blocks = blocks

    def leaf(self, body: Body, node: Expr, place: Place | None, cell: Cell) -> str:
        """A prepared entry's number(s)."""
        if node.op == "constant":
            return captured(body, self.layout, node, place, False)
        side, index, _ = node.value
        if side == "query":
            entry = self.layout.query[index]
            size = body.kind.size
            return body.load_splat(moved(body, self.queries[cell.query], place, size, entry.offset * size))
        entry = self.layout.point[index]
        stride = self.layout.lanes * STORAGE_BYTES[entry.storage]
        pointer = moved(body, self.blocks[cell.point], place, stride, entry.offset)
        return load_as(body, pointer, entry.storage, self.layout.target.half)


class RawSource:
    """Preparing: raw blocks of float64 columns, one object a lane."""

    across: Final = False

    def __init__(self, layout: Layout, block: str) -> None:
        self.layout = layout
        self.block = block

    def leaf(self, body: Body, node: Expr, place: Place | None, cell: Cell) -> str:
        """A raw coordinate or field of the objects in all lanes."""
        if node.op == "constant":
            return captured(body, self.layout, node, place, False)
        stride = self.layout.lanes * 8
        return body.load(moved(body, self.block, place, stride, self.layout.column(node) * stride))


class TurnedSource:
    """Preparing: coordinates that stand in a prepared block already, a point a lane."""

    across: Final = False

    def __init__(self, layout: Layout, block: str) -> None:
        assert layout.coordinates is not None
        self.layout = layout
        self.offset = layout.coordinates.offset
        self.block = block

    def leaf(self, body: Body, node: Expr, place: Place | None, cell: Cell) -> str:
        """A coordinate of the points in all lanes."""
        if node.op == "constant":
            return captured(body, self.layout, node, place, False)
        stride = self.layout.lanes * STORAGE_BYTES["float32"]
        return load_as(body, moved(body, self.block, place, stride, self.offset), "float32")


class QueryRowSource:
    """Preparing without lanes of objects: a query's row of the arithmetic type, coordinates across the lanes."""

    across: Final = True

    def __init__(self, layout: Layout, row: str) -> None:
        self.layout = layout
        self.row = row

    def leaf(self, body: Body, node: Expr, place: Place | None, cell: Cell) -> str:
        """Raw coordinates (or a field) of the query."""
        layout = self.layout
        if node.op == "constant":
            return captured(body, layout, node, place, True)
        stride = STORAGE_BYTES[layout.arithmetic]
        return load_as(body, moved(body, self.row, place, stride, layout.column(node) * stride), layout.arithmetic)


class RowSource:
    """Rows: one prepared query against one raw row, coordinates across the lanes (scalars in one lane)."""

    across: Final = True

    def __init__(self, layout: Layout, query: str, row: str, raw_query: bool = False) -> None:
        self.layout = layout
        self.query = query
        self.row = row
        self.raw_query = raw_query  # the query too is a raw row of the storage type

    def leaf(self, body: Body, node: Expr, place: Place | None, cell: Cell) -> str:
        """Coordinates (or a scalar) of the query or the row."""
        layout = self.layout
        if node.op == "constant":
            return captured(body, layout, node, place, True)
        side, index, _ = node.value
        if side == "query" and not self.raw_query:
            entry = layout.query[index]
            size = body.kind.size
            return body.load(moved(body, self.query, place, size, entry.offset * size))
        entry = (layout.query if side == "query" else layout.point)[index]
        return self._raw(body, entry, self.query if side == "query" else self.row, place)

    def _raw(self, body: Body, entry: Entry, row: str, place: Place | None) -> str:
        """An entry that is a raw leaf, read from a row of the storage type."""
        layout = self.layout
        if entry.expr.op == "constant":
            return captured(body, layout, entry.expr, place, True)
        stride = STORAGE_BYTES[layout.storage]
        pointer = moved(body, row, place, stride, layout.column(entry.expr) * stride)
        return load_as(body, pointer, layout.storage, layout.target.half)
