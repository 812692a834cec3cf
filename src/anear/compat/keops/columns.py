"""One coordinate of a vector formula, as a scalar formula of columns of the data.

What is computed coordinate by coordinate is the same scalar formula for all of them, of other columns: compiled once.
"""

from __future__ import annotations

import numpy as np

from anear.compat.keops.problem import Problem, Side
from anear.formula.expression import Expr, constant, make, point_field, query_field

__all__ = ["column_matrix"]


def column_matrix(expr: Expr, position: int, block: Problem) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Coordinate ``position`` of ``expr``, a vector, for every query and point of a block."""
    data = _ColumnData(block)
    scalar = _coordinate(expr, position, data)
    queries, points = Side(block.queries.rows, data.of_queries), Side(block.points.rows, data.of_points)
    return Problem((), queries, points).matrix(scalar)


class _ColumnData:
    """The fields of a block, and further ones that hold single columns of vectors."""

    def __init__(self, block: Problem) -> None:
        self._block = block
        self._known: dict[tuple[Expr, int], Expr] = {}
        self.of_queries = dict(block.queries.fields)
        self.of_points = dict(block.points.fields)

    def field(self, leaf: Expr, position: int) -> Expr:
        """The scalar field that holds coordinate ``position`` of a vector that is a leaf."""
        key = leaf, position
        if key not in self._known:
            name = f"c{len(self._known)}"
            of_point = leaf.op in ("y", "point_field")
            side, fields = (self._block.points, self.of_points) if of_point else (self._block.queries, self.of_queries)
            if leaf.op == "constant":
                fields[name] = np.full(len(side.rows), leaf.value.values[position], side.rows.dtype)
            else:
                array = side.rows if leaf.op in ("x", "y") else side.fields[leaf.value[0]]
                fields[name] = np.ascontiguousarray(array[:, position])
            self._known[key] = point_field(name) if of_point else query_field(name)
        return self._known[key]


def _coordinate(expr: Expr, position: int, data: _ColumnData) -> Expr:
    done: dict[tuple[Expr, int], Expr] = {}
    stack = [(expr, position)]
    while stack:
        node, at = item = stack[-1]
        needed = _needed(node, at)
        missing = [other for other in needed if other not in done]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if not node.is_vector:
            done[item] = node
        elif node.op == "slice":
            done[item] = done[needed[0]]
        elif node.op == "matvec":
            matrix, vector = node.args
            done[item] = make("sum", make("mul", constant(matrix.value.values[at]), vector))
        elif not node.args:
            done[item] = data.field(node, at)
        else:
            done[item] = make(node.op, *(done[other] for other in needed))
    return done[expr, position]


def _needed(node: Expr, at: int) -> list[tuple[Expr, int]]:
    """The coordinates that coordinate ``at`` of a node is made of."""
    if not node.is_vector or node.op == "matvec":
        return []
    if node.op == "slice":
        return [(node.args[0], at + (node.value[0] or 0))]
    return [(a, at) for a in node.args]
