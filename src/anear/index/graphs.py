"""What proximity graphs are built with: points as prepared rows, and as the queries they are while a graph grows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.codegen.layout import LEVELS, STORAGE_BYTES, Layout
from anear.codegen.rows import row_layout
from anear.data.types.dense import storage_name
from anear.errors import ArgumentError
from anear.formula.expression import Expr, constant, make, prepared
from anear.formula.graph import substitute
from anear.formula.hoist import Plan
from anear.index.metrics import never_negative, symmetric
from anear.index.objects import viewed
from anear.index.tables import Space
from anear.spaces.space import Resolved

__all__ = ["code_form", "prepared_form", "row_form"]

_CODES: Final = "codes, second form"
"""What codes were is said by the name, so that those of another form are made anew."""


def row_form(
    space: Space,
    layout: Layout,
    method: str,
    resolved: Resolved,
    checked: bool,
    rows: npt.NDArray[Any],
    objects: npt.NDArray[Any],
) -> Any:
    """How the points lie as prepared rows, for the core; ``objects`` are their coordinates alone."""
    if space.fields("query"):
        raise ArgumentError(
            f"method is {method!r}, which compares points with each other, but the formula uses query_field(...), which"
            " points do not have; method='flat' serves it"
        )
    offsets = row_layout(layout).offsets
    pieces = [
        (entry.offset, entry.length, STORAGE_BYTES[entry.storage], offset)
        for entry, offset in zip(layout.point, offsets, strict=True)
    ]
    raw = [entry.expr.op for entry in layout.point] == ["y"] and layout.point[0].storage == space.storage
    raw = raw and row_layout(layout).row_bytes == rows.shape[1] * rows.itemsize
    raw_queries = [entry.expr.op for entry in layout.query] == ["x"] and layout.arithmetic == storage_name(objects)
    return _core.RowForm(
        np.array(pieces, np.int32).ravel(),
        raw,
        viewed(objects),
        storage_name(objects),
        raw_queries,
        symmetric(resolved, checked),
        never_negative(resolved, space.stages.outer, checked),
    )


def code_form(space: Space, plan: Plan, precision: str, bits: int, product: Plan | None = None) -> tuple[Any, Layout]:
    """How the points become codes of so many bits, for the core, and how what becomes codes is laid out.

    Of a formula that is an inner product the core needs only its terms. Others are compiled to decode: ``plan`` with
    ``low + step * level`` in place of each coordinate, where low and step are captured vectors that the core fills in.
    ``product``: the inner product to take, where it is not the formula's usual one.
    """
    if precision != "float32":
        raise ArgumentError(
            f"options['codes'] is {bits}, but these points are searched in float64 ({space.storage} points, or a"
            " formula whose rounding is not bounded, or is too large beside the distances); allowed: 0 (the points"
            " themselves)"
        )
    objects = 0 if space.fields("query") else space.dimension
    expanded = product or space.stages.expanded
    if expanded is not None and expanded.bilinear:
        table = space.code_table(expanded, "float64")
        terms = [(*_term(term, table.layout), 0, 0, 0) for term in _terms(expanded.pair)]
        numbers = np.array(terms, np.int32).ravel()
        return _core.CodeForm(table.table, table.parameters, numbers, bits=bits, objects=objects), table.layout
    table = space.code_table(plan, "float32")
    coded, places = _decoded(plan, table.layout)
    kernel = space.decoded_table(coded, bits)
    offsets, at = row_layout(kernel.layout).offsets, kernel.layout.parameters
    terms = []
    for i, entry in enumerate(table.layout.point):
        low, step = (at[node] for node in places[i]) if i in places else (0, 0)
        length = entry.length if entry.expr.is_vector else 0
        terms.append((0, entry.offset, length, offsets[i], low, step))
    numbers, levels = np.array(terms, np.int32).ravel(), at.get(LEVELS, -1)
    vectors = [entry.expr.op for entry in table.layout.point if entry.expr.is_vector]
    whole = vectors == ["y"] and not space.fields("point")
    form = _core.CodeForm(
        table.table, table.parameters, numbers, kernel.table, kernel.parameters, bits, levels, objects, whole
    )
    return form, table.layout


def _decoded(plan: Plan, layout: Layout) -> tuple[Plan, dict[int, tuple[Expr, Expr]]]:
    """The plan whose points are codes, and for each vector of theirs the captured vectors that decode it."""
    places: dict[int, tuple[Expr, Expr]] = {}
    meanings: dict[Expr, Expr] = {}
    for i, entry in enumerate(layout.point):
        if entry.expr.is_vector:
            # Placeholders, told apart by their numbers: equal arrays would be one and the same.
            low, step = (constant(np.full(entry.length, number)) for number in (2.0 * i + 0.5, 2.0 * i + 1.5))
            leaf = prepared("point", i, True)
            places[i] = low, step
            meanings[leaf] = make("add", low, make("mul", step, leaf))
    return replace(plan, pair=substitute(plan.pair, meanings), maxima=(), bilinear=False), places


def _terms(pair: Expr) -> list[Expr]:
    """The summands of a bilinear pair: scalars of the point, or products with one of the query, and inner products."""
    if pair.op == "add":
        return [term for arg in pair.args for term in _terms(arg)]
    if pair.op == "sum" and pair.args[0].op == "add":
        return [make("sum", arg) for arg in pair.args[0].args for arg in _summands(arg)]
    return [pair]


def _summands(expr: Expr) -> list[Expr]:
    return [term for arg in expr.args for term in _summands(arg)] if expr.op == "add" else [expr]


def _term(term: Expr, layout: Layout) -> tuple[int, int, int]:
    """Slot of the query, offset in a block, and length (0: a scalar) of one summand."""
    factors = (term.args[0] if term.op == "sum" else term).args or (term,)
    if term.op == "prepared":
        factors = (term,)
    sides = {leaf.value[0]: leaf.value[1] for leaf in factors}
    entry = layout.point[sides["point"]]
    slot = layout.query[sides["query"]].offset if "query" in sides else -1
    return slot, entry.offset, entry.length if term.op == "sum" else 0


def prepared_form(layout: Layout, codes: Layout | None = None, bits: int = 0) -> str:
    """A name for what prepared rows and codes hold, and where: what was prepared under another is of no use."""
    rows = row_layout(layout)
    entries = [
        f"{entry.expr} as {entry.length} {entry.storage} at {offset}"
        for entry, offset in zip(layout.point, rows.offsets, strict=True)
    ]
    entries += [f"{rows.row_bytes} bytes", *(f"largest {expr}" for expr in layout.plan.maxima)]
    if codes is not None:
        entries += [f"{_CODES} of {bits} bits of {codes.plan.pair}"]
        entries += [f"{entry.expr} as {entry.length}" for entry in codes.point]
    text = "; ".join(entries)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
