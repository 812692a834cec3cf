"""sinh, cosh, tanh and arcosh.

For sinh and cosh |x| = n*ln(2) + r as for exp. With h = 2^n and g = 2^-n, exp(x) = h*(C + S) and exp(-x) = g*(C - S)
for C = cosh(r) and S = sinh(r), so that 2*sinh(x) = (h - g)*C + (h + g)*S and 2*cosh(x) = (h + g)*C + (h - g)*S: no
cancellation (h = g leaves S alone) and no division.
"""

from __future__ import annotations

from anear.codegen.llvm import Body
from anear.codegen.math import avx512
from anear.codegen.math.arithmetic import LN2, NAN, clamp, format_of, multiply_add, polynomial, with_sign
from anear.codegen.math.exponential import expm1, power_of_two, reduce_ln2
from anear.codegen.math.logarithm import log1p
from anear.codegen.math.polynomials import COSH, SINH

__all__ = ["arcosh", "cosh", "sinh", "tanh"]

# Beyond these sinh and cosh overflow; h/4 does not.
LIMIT = {32: 89.45, 64: 710.6}
# Beyond these tanh rounds to 1.
TANH_LIMIT = {32: 10.0, 64: 20.0}
# Powers 2^-n beyond this one add nothing to 2^n.
NEGLIGIBLE = 100


def sinh(body: Body, a: str) -> str:
    """The hyperbolic sine. Error <= 3 ulp; keeps -0 and denormal numbers, inf where it overflows."""
    magnitude = body.abs(a)
    plus, minus, c, s = _pieces(body, magnitude)
    half = body.add(minus, multiply_add(body, minus, c, body.mul(plus, s)))
    # Computed at half the size because h may be too large; half of a denormal number would lose its last bit.
    tiny = body.compare("olt", magnitude, body.const(2.0 ** -(format_of(body).fraction // 2 + 2)))
    return with_sign(body, body.select(tiny, magnitude, body.add(half, half)), a)


def cosh(body: Body, a: str) -> str:
    """The hyperbolic cosine. Error <= 2 ulp; inf where it overflows."""
    plus, minus, c, s = _pieces(body, body.abs(a))
    half = body.add(plus, multiply_add(body, plus, c, body.mul(minus, s)))
    return body.add(half, half)


def tanh(body: Body, a: str) -> str:
    """The hyperbolic tangent, e/(e + 2) with e = exp(2|a|) - 1. Error <= 4 ulp; keeps -0 and denormal numbers."""
    magnitude = clamp(body, body.abs(a), 0.0, TANH_LIMIT[body.kind.bits])
    e = expm1(body, body.add(magnitude, magnitude))
    return with_sign(body, body.div(e, body.add(e, body.const(2.0))), a)


def arcosh(body: Body, a: str) -> str:
    """The inverse of cosh, >= 0. Error <= 4 ulp also next to 1; NaN below 1, inf at inf.

    log(a + sqrt(a^2 - 1)) = log1p(t + sqrt(t*(t + 2))) with t = a - 1; for large a, where the square may overflow,
    log(2a).
    """
    one = body.const(1.0)
    t = body.sub(a, one)
    root = body.sqrt(body.mul(t, body.add(t, body.const(2.0))))
    large = body.compare("ogt", a, body.const(2.0 ** (format_of(body).fraction + 3)))
    logarithm = log1p(body, body.select(large, a, body.add(t, root)))
    result = body.add(logarithm, body.select(large, body.const(float(LN2)), body.const(0.0)))
    return body.select(body.compare("olt", a, one), body.const(NAN), result)


def _pieces(body: Body, magnitude: str) -> tuple[str, str, str, str]:
    """(h + g)/4, (h - g)/4, cosh(r) - 1, sinh(r)."""
    n, number, r = reduce_ln2(body, clamp(body, magnitude, 0.0, LIMIT[body.kind.bits]))
    h = power_of_two(body, n, number, -2)
    if avx512.available(body):
        g = avx512.scale(body, body.const(0.25), body.neg(number))
    else:
        vanished = body.icompare("sgt", n, body.iconst(NEGLIGIBLE))
        inverse = power_of_two(body, body.iop("sub", body.iconst(0), n), number, -2)
        g = body.select(vanished, body.const(0.0), inverse)
    z = body.mul(r, r)
    c = body.mul(z, multiply_add(body, z, polynomial(body, z, COSH[body.kind.bits]), body.const(0.5)))
    s = multiply_add(body, body.mul(r, z), polynomial(body, z, SINH[body.kind.bits]), r)
    return body.add(h, g), body.sub(h, g), c, s
