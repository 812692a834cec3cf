"""Moving the origin: a formula of differences has the same value wherever the origin is.

Expanded forms (``|x|^2 - 2 x.y + |y|^2``) lose digits in proportion to the coordinates' size, not to the distance. With
the origin in the middle of the data the loss is as small as it can be, and the rounding bound with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, constant, make, x, y
from anear.formula.graph import substitute
from anear.formula.hoist import Plan

__all__ = ["centred"]


def centred(plan: Plan, centre: npt.NDArray[np.float64]) -> Plan:
    """``plan`` with the origin at ``centre``; the formula must satisfy :func:`~anear.formula.graph.only_differences`.

    Entries are functions of one side alone, so each side is moved by itself. The moved coordinates are rounded once,
    for which the bounds of expanded forms leave room.
    """
    c = constant(centre, "centre")
    moved = {x: make("sub", x, c), y: make("sub", y, c)}

    def each(expressions: tuple[Expr, ...]) -> tuple[Expr, ...]:
        return tuple(substitute(e, moved) for e in expressions)

    return replace(
        plan,
        query=each(plan.query),
        point=each(plan.point),
        maxima=each(plan.maxima),
        in_float64=None if plan.in_float64 is None else centred(plan.in_float64, centre),
    )
