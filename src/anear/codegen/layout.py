"""Where everything lies: prepared queries, prepared blocks of points, raw rows, captured arrays.

    prepared query   [entry 0 | entry 1 | ...]                      numbers of the arithmetic type
    prepared block   [entry 0: length x lanes | entry 1 ...]         each entry in its own type, lanes side by side
    raw row          [coordinates | fields in the order of `fields`] numbers of the storage type

An entry of a point that is just its coordinates (or a field) stays in the storage type: a uint8 image costs one byte
a pixel in its prepared form too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from anear.codegen.targets import Target
from anear.formula.expression import Expr, constant, walk
from anear.formula.shapes import lengths as lengths_of

if TYPE_CHECKING:
    from anear.formula.hoist import Plan

__all__ = ["LEVELS", "STORAGE_BYTES", "Entry", "Layout", "make_layout"]

STORAGE_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1, "uint4": 1, "pairs": 4}
"""Of a number by itself. Codes of four bits, "uint4", lie two in a byte where they are read, in prepared rows. Of
"pairs" each is two coordinates in bfloat16, the first one in the lower half: vectors are half as long. Behind an odd
number of coordinates comes 0."""

LEVELS: Final = constant(np.full(16, np.nan), "levels")
"""What such codes stand for: captured, for the core to fill in."""

Fields = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One prepared vector or scalar: ``length`` numbers of type ``storage`` from ``offset`` on.

    ``offset`` counts numbers in a prepared query, and bytes in a prepared block.
    """

    expr: Expr
    length: int
    offset: int
    storage: str


@dataclass(frozen=True, slots=True)
class Layout:
    """All places of one plan for one dimension, storage and target."""

    plan: Plan
    dimension: int
    storage: str
    arithmetic: str
    target: Target
    lanes: int
    query: tuple[Entry, ...]
    point: tuple[Entry, ...]
    query_slots: int
    block_bytes: int
    query_fields: Fields
    point_fields: Fields
    lengths: dict[Expr, int | None]
    parameters: dict[Expr, int] = field(default_factory=dict)
    ordered: bool = False

    def columns(self, side: str) -> int:
        """Numbers in a raw row of a query or point."""
        fields = self.query_fields if side == "query" else self.point_fields
        return self.dimension + sum(length or 1 for _, length in fields)

    @property
    def coordinates(self) -> Entry | None:
        """The entry that is a float32 point's whole row as it is, where there is one."""
        return self.whole if self.storage == "float32" else None

    @property
    def whole(self) -> Entry | None:
        """The entry that is a point's whole row as it is stored, where there is one."""
        if self.point_fields:
            return None
        kept = (entry for entry in self.point if entry.expr.op == "y" and entry.storage == self.storage)
        return next(kept, None)

    @property
    def plain_query(self) -> bool:
        """Whether a prepared query is the raw one."""
        held = [(entry.expr.op, entry.storage) for entry in self.query]
        return held == [("x", self.arithmetic)] and not self.query_fields

    def is_number(self, node: Expr) -> bool:
        """Whether a node's value is surely not NaN."""
        if node.op == "number" or not self.ordered or node.op != "prepared":
            return node.op == "number"
        side, index, _ = node.value
        return side == "point" and self.point[index].expr.op in ("y", "point_field")

    def column(self, node: Expr) -> int:
        """The first column of a raw leaf: x, y or a field."""
        if node.op in ("x", "y"):
            return 0
        at = self.dimension
        for name, length in self.query_fields if node.op == "query_field" else self.point_fields:
            if name == node.value[0]:
                return at
            at += length or 1
        raise KeyError(node.value[0])


_REGISTERS: Final = 4  # of one value: with more, logarithms take a second to compile


def make_layout(
    plan: Plan,
    dimension: int,
    storage: str,
    arithmetic: str,
    target: Target,
    query_fields: Fields = (),
    point_fields: Fields = (),
    kinds: Mapping[int, str] | None = None,
    ordered: bool = False,
    points: int = 1,
) -> Layout:
    """Lay a plan out for data of ``dimension`` coordinates.

    Parameters
    ----------
    kinds : what some of a point's entries are kept in.
    ordered : no number of a raw point is NaN.
    points : wanted of a block, at least; a block has those of one vector register, or of some.
    """
    register = target.vector_bytes // STORAGE_BYTES[arithmetic]
    lanes = max(register, min(points, _REGISTERS * register))
    lengths: dict[Expr, int | None] = {}
    entry_lengths: dict[tuple[str, int], int | None] = {}
    for side, entries in (("query", plan.query), ("point", plan.point)):
        for i, expr in enumerate(entries):
            lengths.update(lengths_of(expr, dimension))
            entry_lengths[side, i] = _entry_length(plan, expr, lengths[expr])
    for expr in plan.maxima:
        lengths.update(lengths_of(expr, dimension))
    lengths.update(lengths_of(plan.pair, dimension, entry_lengths))
    pairs = {expr for expr in (*plan.query, *plan.point) if plan.halved and expr.is_vector}
    placed = {expr: _entry_length(plan, expr, length) for expr, length in lengths.items()}
    query, slots = _place(plan.query, placed, lambda expr: "pairs" if expr in pairs else arithmetic, 1)
    packed = storage if storage != "float16" or target.half else arithmetic

    def kept(expr: Expr) -> str:
        return packed if expr.op in ("y", "point_field", "slice") and _is_raw(expr) else arithmetic

    given = {plan.point[i]: kind for i, kind in (kinds or {}).items()}
    given |= dict.fromkeys(pairs, "pairs")
    point, block_bytes = _place(plan.point, placed, lambda expr: given.get(expr) or kept(expr), lanes)
    captured: dict[Expr, int] = {}
    size = 0
    for expr in (*plan.query, *plan.point, *plan.maxima, plan.pair):
        for node in walk(expr):
            if node.op == "constant" and node not in captured:
                captured[node] = size
                size += len(node.value.bytes) // 8
    if "uint4" in given.values():
        captured[LEVELS] = size
    return Layout(
        plan, dimension, storage, arithmetic, target, lanes, query, point, slots, block_bytes,
        query_fields, point_fields, lengths, captured, ordered,
    )  # fmt: skip


def _entry_length(plan: Plan, expr: Expr, length: int | None) -> int | None:
    """How many numbers an entry with this expression has."""
    return -(-length // 2) if plan.halved and length is not None else length


def _is_raw(expr: Expr) -> bool:
    return all(n.op in ("y", "point_field", "slice") for n in walk(expr))


def _place(
    entries: tuple[Expr, ...], lengths: dict[Expr, int | None], storage_of: Callable[[Expr], str], lanes: int
) -> tuple[tuple[Entry, ...], int]:
    """Entries one after the other; offsets in numbers (lanes == 1: a query) or in bytes."""
    placed: list[Entry] = []
    at = 0
    for expr in entries:
        length = lengths[expr] or 1
        storage = storage_of(expr)
        placed.append(Entry(expr, length, at, storage))
        if lanes == 1:
            at += length
        else:
            at += -(-length * lanes * STORAGE_BYTES[storage] // 16) * 16
    return tuple(placed), at
