"""Moving the origin: a formula of differences has the same value wherever the origin is.

Expanded forms (``|x|^2 - 2 x.y + |y|^2``) lose digits in proportion to the coordinates' size, not to the distance. With
the origin in the middle of the data the loss is as small as it can be, and the rounding bound with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, constant, make, walk, x, y
from anear.formula.graph import substitute
from anear.formula.hoist import Plan

__all__ = ["centred", "only_differences"]


def only_differences(expr: Expr) -> bool:
    """Whether ``x`` and ``y`` appear only as ``x - y`` (or ``y - x``), so that both can be moved by the same vector.

    >>> from anear.formula import sum
    >>> only_differences(sum((x - y) ** 2)), only_differences(sum(x * y))
    (True, False)
    """
    for node in walk(expr):
        if (x in node.args or y in node.args) and not (node.op == "sub" and set(node.args) == {x, y}):
            return False
    return expr not in (x, y)


def centred(plan: Plan, centre: npt.NDArray[np.float64]) -> Plan:
    """``plan`` with the origin at ``centre``; the formula must satisfy :func:`only_differences`.

    Entries are functions of one side alone, so each side is moved by itself. The moved coordinates are rounded once,
    which the bounds of expanded forms allow for.
    """
    c = constant(centre, "centre")
    moved = {x: make("sub", x, c), y: make("sub", y, c)}
    return replace(
        plan,
        query=tuple(substitute(e, moved) for e in plan.query),
        point=tuple(substitute(e, moved) for e in plan.point),
        maxima=tuple(substitute(e, moved) for e in plan.maxima),
    )
