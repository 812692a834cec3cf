"""What the functions of this package share: fused or separate multiplication and addition, polynomials, exact sums.

Targets without a fused multiply-add (x86-64-v2) would turn ``llvm.fma`` into a call of libm's ``fma``, which kernels
must not contain. A ``Body`` for such a target has an attribute ``fused`` that is False; everything here reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from anear.codegen.llvm import Body

__all__ = [
    "INF",
    "LN2",
    "LOG2E",
    "NAN",
    "PI",
    "Format",
    "clamp",
    "difference_of_product",
    "equal",
    "fast_two_sum",
    "format_of",
    "fused",
    "is_positive_finite",
    "multiply_add",
    "polynomial",
    "split",
    "two_product",
    "two_sum",
    "with_sign",
]

INF = math.inf
NAN = math.nan
LN2 = Fraction("0.6931471805599453094172321214581765680755001343602552541206800094933936")
LOG2E = Fraction("1.442695040888963407359924681001892137426645954152985934135449406931109")
PI = Fraction("3.141592653589793238462643383279502884197169399375105820974944592307816")


@dataclass(frozen=True, slots=True)
class Format:
    """The layout of a float: fraction bits, exponent bias, smallest normal number, bits of sqrt(1/2)."""

    bits: int
    fraction: int
    bias: int
    smallest: float
    largest: float
    root_half: int

    @property
    def exponent_mask(self) -> int:
        """The exponent's bits, which are also those of infinity."""
        return (2 * self.bias + 1) << self.fraction

    @property
    def fraction_mask(self) -> int:
        """The fraction's bits."""
        return (1 << self.fraction) - 1

    @property
    def magic(self) -> float:
        """1.5 * 2^fraction: adding it rounds a small number to an integer, whose low bits are then those of the sum."""
        return 1.5 * 2.0**self.fraction


FORMATS = {
    32: Format(32, 23, 127, 2.0**-126, (2.0 - 2.0**-23) * 2.0**127, 0x3F3504F3),
    64: Format(64, 52, 1023, 2.0**-1022, (2.0 - 2.0**-52) * 2.0**1023, 0x3FE6A09E667F3BCD),
}


def format_of(body: Body) -> Format:
    """The format of the body's numbers."""
    return FORMATS[body.kind.bits]


def fused(body: Body) -> bool:
    """Whether the target multiplies and adds with one rounding."""
    return body.fused


def split(value: Fraction | float, bits: int, parts: int) -> tuple[float, ...]:
    """``value`` as a sum of ``parts`` floats: all but the last with ``bits`` significant bits, so that products with
    short integers are exact."""
    rest = Fraction(value)
    result = []
    for _ in range(parts - 1):
        exponent = math.frexp(float(rest))[1]
        scale = Fraction(2) ** (bits - exponent)
        head = Fraction(round(rest * scale)) / scale
        result.append(float(head))
        rest -= head
    return (*result, float(rest))


def multiply_add(body: Body, a: str, b: str, c: str) -> str:
    """a*b + c, rounded once where the target can, else twice."""
    return body.fma(a, b, c) if fused(body) else body.add(body.mul(a, b), c)


def polynomial(body: Body, u: str, coefficients: Sequence[float], square: str | None = None) -> str:
    """sum coefficients[i] * u^i; ``square`` is u^2 where it is known already.

    Long ones go in two interleaved chains over u^2: half the latency for one multiplication more. The constant term is
    added last, by itself, for accuracy.
    """
    constants = [body.const(c) for c in coefficients]
    if len(constants) < 7:
        return _horner(body, u, constants)
    power = square or body.mul(u, u)
    odd = _horner(body, power, constants[1::2])
    even = _horner(body, power, constants[2::2])
    return multiply_add(body, u, multiply_add(body, u, even, odd), constants[0])


def _horner(body: Body, u: str, constants: Sequence[str]) -> str:
    total = constants[-1]
    for c in reversed(constants[:-1]):
        total = multiply_add(body, total, u, c)
    return total


def two_sum(body: Body, a: str, b: str) -> tuple[str, str]:
    """a + b = high + low exactly."""
    high = body.add(a, b)
    moved = body.sub(high, a)
    low = body.add(body.sub(a, body.sub(high, moved)), body.sub(b, moved))
    return high, low


def fast_two_sum(body: Body, a: str, b: str) -> tuple[str, str]:
    """a + b = high + low exactly, where |a| >= |b| or a = 0."""
    high = body.add(a, b)
    return high, body.sub(b, body.sub(high, a))


def two_product(body: Body, a: str, b: str) -> tuple[str, str]:
    """a*b = high + low exactly (barring overflow and underflow)."""
    high = body.mul(a, b)
    if fused(body):
        return high, body.fma(a, b, body.neg(high))
    a_high, a_low = _halves(body, a)
    b_high, b_low = _halves(body, b)
    low = body.sub(body.mul(a_high, b_high), high)
    low = body.add(low, body.mul(a_high, b_low))
    low = body.add(low, body.mul(a_low, b_high))
    return high, body.add(low, body.mul(a_low, b_low))


def difference_of_product(body: Body, c: str, a: str, b: str) -> str:
    """c - a*b rounded once, where a*b is so close to c that c minus the rounded product is exact."""
    if fused(body):
        return body.fma(body.neg(a), b, c)
    high, low = two_product(body, a, b)
    return body.sub(body.sub(c, high), low)


def _halves(body: Body, a: str) -> tuple[str, str]:
    """a as a sum of two numbers of half the digits, whose products are exact."""
    spread = body.mul(a, body.const(2.0 ** ((format_of(body).fraction + 2) // 2) + 1.0))
    high = body.sub(spread, body.sub(spread, a))
    return high, body.sub(a, high)


def clamp(body: Body, a: str, low: float, high: float) -> str:
    """a kept within [low, high]; NaN stays NaN."""
    return body.smaller(body.const(high), body.larger(body.const(low), a))


def equal(body: Body, a: str, value: float) -> str:
    """The mask a == value."""
    return body.compare("oeq", a, body.const(value))


def is_positive_finite(body: Body, bits: str) -> str:
    """The mask 0 < a < inf, from a's bits: one unsigned comparison."""
    shifted = body.iop("sub", bits, body.iconst(1))
    return body.icompare("ult", shifted, body.iconst(format_of(body).exponent_mask - 1))


def with_sign(body: Body, magnitude: str, sign: str) -> str:
    """|magnitude| with the sign of ``sign``."""
    return body.call("copysign", magnitude, sign)
