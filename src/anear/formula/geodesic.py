"""The squared Euclidean distance that is alike to a formula, found from what it costs to take a small step."""

from __future__ import annotations

from anear.formula.bounds_local import even_coordinate
from anear.formula.convexity import summand
from anear.formula.expression import Expr, make, x, y
from anear.formula.graph import substitute

__all__ = ["geodesic"]


def geodesic(rank: Expr) -> Expr | None:
    """The squared Euclidean distance of coordinates in which small steps cost as much as by ``rank``.

    It is Hellinger's for Kullback-Leibler and Jensen-Shannon, and that of logarithms for Itakura-Saito. None where the
    formula is not a smooth sum over coordinates that is least where the two are equal.

    Examples
    --------
    >>> from anear.formula import log, sum, x, y
    >>> geodesic(sum(y * log(y / x)))
    sum((x ** 0.5 - y ** 0.5) * (x ** 0.5 - y ** 0.5))
    >>> geodesic(sum(abs(x - y))) is None
    True
    """
    share = summand(rank)
    step = None if share is None else even_coordinate(share)
    if step is None:
        return None
    difference = make("sub", substitute(step, {y: x}), step)
    return make("sum", make("mul", difference, difference))
