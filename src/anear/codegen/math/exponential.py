"""exp and expm1.

x = n*ln(2) + r with an integer n and |r| <= ln(2)/2; exp(x) = 2^n * exp(r), exp(r) by a polynomial. ln(2) is split into
a short and a long part so that n times the short one is exact. 2^n is applied as two powers of about half the exponent,
so that results may be as large or as small (denormal) as the format allows, with one rounding.
"""

from __future__ import annotations

from anear.codegen.llvm import Body
from anear.codegen.math import avx512
from anear.codegen.math.arithmetic import LN2, LOG2E, clamp, format_of, multiply_add, polynomial, split
from anear.codegen.math.polynomials import EXP

__all__ = ["exp", "expm1", "power_of_two", "reduce_ln2", "round_small", "scale_by_power"]

# Beyond these exp overflows, or is less than half the smallest denormal number.
EXP_RANGE = {32: (-105.0, 89.0), 64: (-746.0, 710.0)}
# Below these expm1 rounds to -1; above exp overflows.
EXPM1_RANGE = {32: (-18.0, 89.0), 64: (-38.0, 710.0)}
# How many bits n may take: the short part of ln(2) leaves that many free.
EXPONENT_BITS = {32: 8, 64: 11}


def exp(body: Body, a: str) -> str:
    """e^a. Error <= 1.1 ulp in float32 and float64, denormal results included; inf and 0 beyond the range."""
    n, number, r = reduce_ln2(body, clamp(body, a, *EXP_RANGE[body.kind.bits]))
    power = body.add(_expm1_reduced(body, r), body.const(1.0))
    return scale_by_power(body, power, n, number)


def expm1(body: Body, a: str) -> str:
    """e^a - 1. Error <= 2.5 ulp; keeps -0 and denormal numbers.

    2^n*(exp(r) - 1) + (2^n - 1), at half the size so that n may be as large as exp needs it.
    """
    low, high = EXPM1_RANGE[body.kind.bits]
    n, number, r = reduce_ln2(body, clamp(body, a, low, high))
    half = power_of_two(body, n, number, -1)
    total = multiply_add(body, half, _expm1_reduced(body, r), body.sub(half, body.const(0.5)))
    doubled = body.add(total, total)
    # A half of a small number may lose its last bit; there the result is the number itself.
    tiny = body.compare("olt", body.abs(a), body.const(2.0 ** -(format_of(body).fraction + 2)))
    return body.select(tiny, a, doubled)


def reduce_ln2(body: Body, a: str) -> tuple[str, str, str]:
    """a = n*ln(2) + r, |r| <= ln(2)/2: n as integers and as numbers, and r. |a/ln(2)| must be below 2^EXPONENT_BITS."""
    bits = body.kind.bits
    n, number = round_small(body, body.mul(a, body.const(float(LOG2E))))
    head, tail = split(LN2, format_of(body).fraction + 1 - EXPONENT_BITS[bits], 2)
    r = multiply_add(body, number, body.const(-head), a)
    return n, number, multiply_add(body, number, body.const(-tail), r)


def round_small(body: Body, a: str) -> tuple[str, str]:
    """a rounded to the nearest integer, as integers and as numbers; |a| must be below 2^(fraction - 1).

    Adding 1.5 * 2^fraction leaves no room for a fraction: the sum's low bits are the integer.
    """
    form = format_of(body)
    magic = body.const(form.magic)
    sum_ = body.add(a, magic)
    magic_bits = ((form.bias + form.fraction) << form.fraction) | (1 << (form.fraction - 1))
    integers = body.iop("sub", body.to_bits(sum_), body.iconst(magic_bits))
    # With the instructions of AVX-512 the integers are not needed after all, and LLVM drops their computation.
    return integers, body.rint(a) if avx512.available(body) else body.sub(sum_, magic)


def power_of_two(body: Body, n: str, number: str, offset: int) -> str:
    """2^(n + offset), a normal number; n as integers and as numbers."""
    if avx512.available(body):
        return avx512.scale(body, body.const(2.0**offset), number)
    form = format_of(body)
    exponent = body.iop("add", n, body.iconst(form.bias + offset))
    return body.from_bits(body.iop("shl", exponent, body.iconst(form.fraction)))


def scale_by_power(body: Body, a: str, n: str, number: str) -> str:
    """a * 2^n for normal a near 1 and |n| < 2*bias (as integers and as numbers), rounded once."""
    if avx512.available(body):
        return avx512.scale(body, a, number)
    form = format_of(body)
    both = body.iop("add", n, body.iconst(2 * form.bias))
    one = body.iop("lshr", both, body.iconst(1))
    other = body.iop("sub", both, one)
    shift = body.iconst(form.fraction)
    first = body.mul(a, body.from_bits(body.iop("shl", one, shift)))
    return body.mul(first, body.from_bits(body.iop("shl", other, shift)))


def _expm1_reduced(body: Body, r: str) -> str:
    """exp(r) - 1 for |r| <= ln(2)/2."""
    square = body.mul(r, r)
    rest = polynomial(body, r, EXP[body.kind.bits], square)
    return multiply_add(body, square, rest, r)
