"""What was proved of a bound, in words for people."""

from __future__ import annotations

from anear.formula.bounds_interval import Encloser
from anear.formula.bounds_shape import CONSTANT, FALLING, RISING, VALLEY, Shape
from anear.formula.expression import Expr, walk, y
from anear.formula.show import brief

__all__ = ["in_words"]

_RUNS = {RISING: "rises with the point's coordinate", FALLING: "falls with the point's coordinate"}


def in_words(enclose: Encloser, tight: bool, coordinates: Expr) -> tuple[str, ...]:
    """The lines: what each part does, what bound results, what is kept beside a box."""
    lines = [
        f"{brief(part)} {_shape(shape)}" for part, (leaf, shape) in enclose.found.items() if shape.kind != CONSTANT
    ]
    if tight:
        lines.append("so the least value over a box is the one at its nearest place: no tighter bound exists")
    else:
        lines.append("the bound over a box is made of the ranges of such parts: valid, but not the tightest")
    if coordinates is not y:
        lines.append(f"boxes are of {brief(coordinates)}, not of the points themselves")
    if enclose.extras:
        lines.append(f"kept beside each box: the extremes of {', '.join(brief(extra) for extra in enclose.extras)}")
    lines.append(_where_it_pays(enclose, tight))
    return tuple(lines)


def _shape(shape: Shape) -> str:
    if shape.kind in _RUNS:
        return f"{_RUNS[shape.kind]} ({shape.reason})"
    bottom = "least" if shape.kind == VALLEY else "greatest"
    if shape.place is None:
        return f"is {bottom} somewhere between ends where it runs one way ({shape.reason})"
    return f"is {bottom} where the coordinate is {brief(shape.place)}, and runs one way from there ({shape.reason})"


def _where_it_pays(enclose: Encloser, tight: bool) -> str:
    if not tight:
        return "it excludes boxes in few dimensions, up to about 6 where the points are spread evenly"
    kinked = any(node.op in ("abs", "ne") for part in enclose.found for node in walk(part))
    most = 8 if kinked else 12
    return f"it excludes most boxes up to about {most} dimensions, counting those in which the points truly vary"
