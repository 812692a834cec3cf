"""From symbols and arrays to what anear computes: formulas of ``x`` and ``y``, queries, points and their fields.

A reduction over j has the i-variables as queries and the j-variables as points; a reduction over i the other way
round. The first two variables, one of each side, that have the same dimension become ``x`` and ``y``; the others become
fields. Names are given anew, so that the same formula of other arrays is the same formula, compiled once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from anear.compat.keops.variables import PARAMETER, Data, Floats, parameter
from anear.errors import ArgumentError
from anear.formula.expression import Expr, make, point_field, query_field, walk, x, y
from anear.formula.graph import substitute
from anear.formula.hoist import fields
from anear.formula.interpret import evaluate
from anear.index.index import Index
from anear.index.results import Neighbors
from anear.index.search import pairwise

__all__ = ["Problem", "bind"]

BLOCK: Final = 1 << 19
"""Pairs of queries and points that are looked at together, and coordinates of either. An array of so many numbers takes
4 MB in float64; a sum holds at most six of them, whatever the number of queries and points."""

_FIELDS: Final = ("query_field", "point_field")


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Queries, or points: rows of coordinates and the fields that belong to each row."""

    rows: Floats
    fields: dict[str, Floats]

    def part(self, which: slice) -> Side:
        """Some of the rows."""
        return Side(self.rows[which], {name: array[which] for name, array in self.fields.items()})

    def used(self, expr: Expr, side: str) -> dict[str, Floats]:
        """The fields that ``expr`` asks for."""
        return {name: self.fields[name] for name, _ in fields(expr, side)}


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Formulas and the data they are about; all rows are of the same type, float32 or float64."""

    exprs: tuple[Expr, ...]
    queries: Side
    points: Side

    def nearest(self, expr: Expr, k: int) -> Neighbors:
        """The k points of each query where ``expr``, a scalar, is smallest."""
        point_data = self.points.used(expr, "point")
        index = Index(self.points.rows, expr, point_data=point_data, check_domain=False, allow_nan=True)
        return index.search(self.queries.rows, k, query_data=self.queries.used(expr, "query"))

    def matrix(self, expr: Expr) -> Floats:
        """The value of ``expr``, a scalar, for every query and point, in the type of the rows."""
        return pairwise(
            self.queries.rows,
            self.points.rows,
            expr,
            query_data=self.queries.used(expr, "query"),
            point_data=self.points.used(expr, "point"),
            check_domain=False,
            allow_nan=True,
        )

    def values(self, expr: Expr) -> Floats:
        """The value of any ``expr``, interpreted in float64: (queries, points, dimension)."""
        found = evaluate(expr, self.queries.rows, self.points.rows, self.points.fields, self.queries.fields)
        return found if expr.is_vector else found[:, :, None]

    def of_queries(self, expr: Expr) -> Floats:
        """The value of an ``expr`` of queries alone, in float64: (queries, dimension)."""
        return Problem((), self.queries, self.points.part(slice(0, 1))).values(expr)[:, 0]

    def of_points(self, expr: Expr) -> Floats:
        """The value of an ``expr`` of points alone, in float64: (points, dimension)."""
        found: Floats = Problem((), self.queries.part(slice(0, 1)), self.points).values(expr)[0]
        return found

    def blocks(self, width: int) -> Iterator[tuple[slice, Iterator[Problem]]]:
        """Some queries after the other, each with some points after the other; rows may hold ``width`` numbers."""
        nq, n, longest = len(self.queries.rows), len(self.points.rows), max(1, BLOCK // width)
        across = min(n, longest, max(1, BLOCK // min(nq, 256)))
        down = min(nq, longest, max(1, BLOCK // across))
        for q in range(0, nq, down):
            rows = slice(q, q + down)
            queries = self.queries.part(rows)
            yield (
                rows,
                (Problem(self.exprs, queries, self.points.part(slice(p, p + across))) for p in range(0, n, across)),
            )


def bind(exprs: Sequence[Expr], data: Data, over: int) -> Problem:
    """The problem of reducing ``exprs`` over i (``over`` 0) or j (1)."""
    leaves = [n for n in dict.fromkeys(n for e in exprs for n in walk(e)) if n.op in _FIELDS]
    renamed: dict[Expr, Expr] = {}
    sides: dict[str, list[Expr]] = {"query": [], "point": []}
    for leaf in leaves:
        v = data.variables[leaf.value[0]]
        if v.axis == PARAMETER:
            assert v.array is not None
            renamed[leaf] = parameter(v.array[0], "a parameter")
        else:
            sides["point" if (leaf.op == "point_field") == (over == 1) else "query"].append(leaf)
    if not sides["query"] and not sides["point"]:
        raise ArgumentError(
            "a reduction needs at least one variable indexed by i or j; the formula has parameters only"
        )
    main = _main_pair(sides["query"], sides["point"])
    done = []
    for n, (name, symbol) in enumerate((("query", x), ("point", y))):
        count = data.rows[n if over == 1 else 1 - n] or 1
        arrays = {leaf: _array(leaf, data) for leaf in sides[name]}
        rows = np.zeros((count, 1), data.dtype) if main is None else arrays.pop(main[n])
        if main is not None:
            renamed[main[n]] = symbol if main[n].is_vector else make("index", symbol, value=0)
        done.append(Side(rows, _named(name, arrays, renamed)))
    return Problem(tuple(substitute(e, renamed) for e in exprs), *done)


def _main_pair(queries: Sequence[Expr], points: Sequence[Expr]) -> tuple[Expr, Expr] | None:
    """The variables that become ``x`` and ``y``: the first of those as long as one of the other side, vectors first."""
    pairs = [(a, b) for a in queries for b in points if a.length == b.length]
    return min(pairs, key=lambda pair: not pair[0].is_vector, default=None)


def _named(side: str, arrays: dict[Expr, Floats], renamed: dict[Expr, Expr]) -> dict[str, Floats]:
    """The remaining arrays of a side by new names; ``renamed`` learns them."""
    result = {}
    make_field = query_field if side == "query" else point_field
    for number, (leaf, array) in enumerate(arrays.items()):
        name = f"{side[0]}{number}"
        renamed[leaf] = make_field(name, leaf.length)
        result[name] = array
    return result


def _array(leaf: Expr, data: Data) -> Floats:
    array = data.variables[leaf.value[0]].array
    assert array is not None
    return np.ascontiguousarray(array, data.dtype)
