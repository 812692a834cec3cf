"""arcsin, arccos, arctan and arctan2.

arctan: angles beyond pi/8 are taken from pi/4 and those beyond 3*pi/8 from pi/2, so that what is left is the arctangent
of a quotient below tan(pi/8), by an odd polynomial; one division serves all three ranges.
arcsin: an odd polynomial up to 1/2; beyond, arcsin(t) = pi/2 - 2*arcsin(sqrt((1 - t)/2)) brings the argument there.
"""

from __future__ import annotations

import math

from anear.codegen.llvm import Body
from anear.codegen.math.arithmetic import INF, PI, equal, format_of, multiply_add, polynomial, split, with_sign
from anear.codegen.math.polynomials import ARCSIN, ARCTAN

__all__ = ["arccos", "arcsin", "arctan", "arctan2"]

TAN_EIGHTH = math.sqrt(2.0) - 1.0


def arcsin(body: Body, a: str) -> str:
    """The inverse sine in [-pi/2, pi/2]. Error <= 3 ulp; NaN outside [-1, 1]; keeps -0 and denormal numbers."""
    large, angle = _arcsin_parts(body, a)
    head, tail = _parts_of_pi(body, 2)
    folded = body.sub(body.const(head), body.sub(body.add(angle, angle), body.const(tail)))
    return with_sign(body, body.select(large, folded, angle), a)


def arccos(body: Body, a: str) -> str:
    """The inverse cosine in [0, pi]. Error <= 3 ulp, also next to 1; NaN outside [-1, 1]."""
    large, angle = _arcsin_parts(body, a)
    double = body.add(angle, angle)
    head, tail = _parts_of_pi(body, 1)
    behind = body.sub(body.const(head), body.sub(double, body.const(tail)))
    folded = body.select(body.compare("ogt", a, body.const(0.0)), double, behind)
    half, half_tail = _parts_of_pi(body, 2)
    near = body.sub(body.const(half), body.sub(with_sign(body, angle, a), body.const(half_tail)))
    return body.select(large, folded, near)


def _arcsin_parts(body: Body, a: str) -> tuple[str, str]:
    """The mask |a| > 1/2, and arcsin(|a|), or arcsin(sqrt((1 - |a|)/2)) where the mask is set."""
    magnitude = body.abs(a)
    half = body.const(0.5)
    large = body.compare("ogt", magnitude, half)
    rest = body.mul(body.sub(body.const(1.0), magnitude), half)
    z = body.select(large, rest, body.mul(magnitude, magnitude))
    t = body.select(large, body.sqrt(rest), magnitude)
    angle = multiply_add(body, body.mul(t, z), polynomial(body, z, ARCSIN[body.kind.bits]), t)
    return large, angle


def arctan(body: Body, a: str) -> str:
    """The inverse tangent in [-pi/2, pi/2]. Error <= 2 ulp; keeps -0 and denormal numbers."""
    return with_sign(body, _angle(body, body.abs(a), body.const(1.0)), a)


def arctan2(body: Body, y: str, x: str) -> str:
    """The angle of (x, y) in [-pi, pi]. Error <= 3 ulp; zeros, infinities and their signs as IEEE 754 has them."""
    above, right = body.abs(y), body.abs(x)
    both = body.mask_and(equal(body, above, INF), equal(body, right, INF))
    one = body.const(1.0)
    above, right = body.select(both, one, above), body.select(both, one, right)
    # Keep the sum of both finite, and products with them normal. What gets lost of a much smaller one does not matter.
    largest = body.larger(above, right)
    form = format_of(body)
    huge = body.compare("ogt", largest, body.const(2.0 ** (form.bias - 2)))
    small = body.compare("olt", largest, body.const(form.smallest * 2.0**form.fraction))
    scale = body.select(small, body.const(2.0 ** (form.fraction + 1)), body.select(huge, body.const(0.125), one))
    angle = _angle(body, body.mul(above, scale), body.mul(right, scale))
    head, tail = _parts_of_pi(body, 1)
    behind = body.sub(body.const(head), body.sub(angle, body.const(tail)))
    leftward = body.icompare("slt", body.to_bits(x), body.iconst(0))
    return with_sign(body, body.select(leftward, behind, angle), y)


def _angle(body: Body, above: str, right: str) -> str:
    """The angle in [0, pi/2] of a point with coordinates >= 0, not both infinite."""
    border = body.const(TAN_EIGHTH)
    low = body.compare("ole", above, body.mul(right, border))
    high = body.compare("olt", right, body.mul(above, border))
    upper = body.select(high, body.neg(right), body.sub(above, right))
    lower = body.select(high, above, body.add(above, right))
    upper, lower = body.select(low, above, upper), body.select(low, right, lower)
    t = body.select(equal(body, upper, 0.0), upper, body.div(upper, lower))
    z = body.mul(t, t)
    zero = body.const(0.0)

    def base(quarter: float, half: float) -> str:
        return body.select(low, zero, body.select(high, body.const(half), body.const(quarter)))

    (quarter, quarter_tail), (half, half_tail) = _parts_of_pi(body, 4), _parts_of_pi(body, 2)
    tail = base(quarter_tail, half_tail)
    rest = multiply_add(body, body.mul(t, z), polynomial(body, z, ARCTAN[body.kind.bits]), tail)
    return body.add(base(quarter, half), body.add(rest, t))


def _parts_of_pi(body: Body, divisor: int) -> tuple[float, ...]:
    """pi/divisor as a sum of two of the body's numbers."""
    return split(PI / divisor, format_of(body).fraction + 1, 2)
