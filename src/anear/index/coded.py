"""What walking through codes instead of points costs."""

from __future__ import annotations

from collections.abc import Callable

from anear.index.results import Neighbors

__all__ = ["cost_of_codes"]

_K = 10
_WIDTH = 200
"""Of the walks: so wide that nearly all that is lost is lost by the codes."""


def cost_of_codes(search: Callable[[int, dict[str, float]], Neighbors]) -> str:
    """In words: how many of the nearest points that a walk meets the codes put behind others.

    Parameters
    ----------
    search : the k nearest of some of the points, themselves left out, under search-time parameters.
    """
    gold, few, usual = (
        [set(row) for row in search(_K, {"ef": float(_WIDTH), "rerank": float(many)}).ids.tolist()]
        for many in (_WIDTH, _K, 0)
    )
    nearest, compared = (
        sum(len(g & f) for g, f in zip(gold, found, strict=True)) / sum(map(len, gold)) for found in (few, usual)
    )
    return (
        f"of the {_K} nearest points that a walk of width {_WIDTH} meets, {nearest:.1%} are the {_K} nearest by their"
        f" codes as well, and {compared:.1%} among those that are compared in full ({len(gold)} points asked)"
    )
