"""What of a point a rank depends on: its coordinates, or an image of them, and further scalars.

    -sum((x/|x|) * (y/|y|))       the image y/|y| alone
    sum(abs(A @ x - A @ y))       the image A @ y
    sum(x*y) / (|x| * |y|**2)     the coordinates, and the scalar |y|

Boxes are taken of the coordinates or the image; of scalars the extremes are stored beside a box.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from anear.formula.bounds_error import ZERO, float64_error
from anear.formula.bounds_interval import Encloser
from anear.formula.expression import Expr, constant, make, point_field, x, y
from anear.formula.graph import POINT, Sides, substitute
from anear.formula.shapes import lengths

__all__ = ["Image", "imaged"]

MOST_SCALARS: Final = 32
"""More numbers beside a box are not worth their memory."""


@dataclass(frozen=True, slots=True)
class Image:
    """``rank`` over the image as ``y`` and the scalars as point fields.

    ``coordinates`` is the image of ``y``, ``centre`` the same of ``x``; ``error`` bounds what float64 makes of it;
    ``scalars`` are the fields with what they stand for.
    """

    rank: Expr
    coordinates: Expr
    centre: Expr
    error: Expr | None
    scalars: dict[Expr, Expr]


def imaged(rank: Expr, dimension: int, probe: Encloser) -> Image:
    """The rank over its image; ``probe`` knows shapes of functions of the plain coordinates."""
    parts = _parts(rank, probe)
    scalars = [p for p in parts if not p.is_vector]
    vectors = [p for p in parts if p.is_vector]
    replaced: dict[Expr, Expr] = {}
    fields: dict[Expr, Expr] = {}
    for scalar in scalars:
        if float64_error(scalar) is not None:
            field = point_field(f"scalar {len(fields)}")
            replaced[scalar], fields[field] = field, scalar
    coordinates, error = y, None
    if len(vectors) == 1 and not _uses_plain(rank, {*vectors, *replaced}):
        found = _as_image(vectors[0], dimension)
        if found is not None:
            leaf, coordinates, error = found
            replaced[vectors[0]] = leaf
    return Image(substitute(rank, replaced), coordinates, substitute(coordinates, {y: x}), error, fields)


def _parts(rank: Expr, probe: Encloser) -> list[Expr]:
    """The largest parts made of the point alone whose range over a box of plain coordinates is not known exactly."""
    sides = Sides()
    found: dict[Expr, None] = {}
    stack, seen = [rank], {rank}
    while stack:
        node = stack.pop()
        if sides(node) == POINT and not probe.is_exact(node):
            found[node] = None
            continue
        if sides(node) == POINT:
            continue
        for a in node.args:
            if a not in seen:
                seen.add(a)
                stack.append(a)
    return list(found)


def _uses_plain(rank: Expr, parts: set[Expr]) -> bool:
    """Whether the coordinates themselves are used outside of these parts."""
    stack, seen = [rank], {rank}
    while stack:
        node = stack.pop()
        if node is y:
            return True
        for a in () if node in parts else node.args:
            if a not in seen:
                seen.add(a)
                stack.append(a)
    return False


def _as_image(vector: Expr, dimension: int) -> tuple[Expr, Expr, Expr | None] | None:
    """(what stands for the vector, the image of D coordinates, its error in float64); None if it does not fit."""
    length = lengths(vector, dimension)[vector]
    leaf = y
    if length != dimension:
        if vector.op != "matvec" or length is None or length > dimension:
            return None
        matrix = vector.args[0].value.values
        rows = np.zeros((dimension - length, matrix.shape[1]))
        vector = make("matvec", constant(np.vstack([matrix, rows])), vector.args[1])
        leaf = make("slice", y, value=(0, length))
    error = float64_error(vector)
    return None if error is None else (leaf, vector, None if error is ZERO else error)
