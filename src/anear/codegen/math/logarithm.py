"""log, log1p and xlogy.

x = 2^k * m with sqrt(1/2) <= m < sqrt(2); log(x) = k*ln(2) + log(m). In float32 log(m) is a polynomial in r = m - 1; in
float64, where that would take twenty terms, one in s = r/(2 + r), for which log(m) = log((1 + s)/(1 - s)) is odd. ln(2)
is split so that k times its first part is exact; the terms are added from the smallest to the largest. Where a register
holds a table, float32 has a shorter way: see ``_log_by_table``.
"""

from __future__ import annotations

from collections.abc import Sequence

from anear.codegen.llvm import Body
from anear.codegen.math import avx512
from anear.codegen.math.arithmetic import (
    INF,
    LN2,
    LOG2E,
    NAN,
    equal,
    fast_two_sum,
    format_of,
    multiply_add,
    polynomial,
    split,
)
from anear.codegen.math.polynomials import LOG2_CLOSE, LOG2_TABLE, LOG_CLOSE, LOG_DIRECT, LOG_QUOTIENT, LOG_TABLE

__all__ = [
    "decompose",
    "log",
    "log1p",
    "log2_of_rounded",
    "log_near_one",
    "log_of_rounded",
    "xlogy",
    "xlogy_of_rounded",
]

# Bits that k takes, the exponents of denormal numbers included.
EXPONENT_BITS = {32: 8, 64: 11}


def log(body: Body, a: str) -> str:
    """The natural logarithm. Error <= 1.2 ulp, denormal numbers included; -inf at 0, NaN below, inf at inf."""
    if avx512.tabled(body):
        return _log_by_table(body, a)
    k, m = decompose(body, a)
    result = _assemble(body, k, body.sub(m, body.const(1.0)))
    # AVX-512 gives k = -inf at 0, inf at inf, and m = NaN below and at NaN, which go through to the result.
    return result if avx512.available(body) else _special(body, a, result, 0.0)


def _log_by_table(body: Body, a: str) -> str:
    """log(2^k * m) = k*ln(2) - log(c) + log(1 + r), r = m*c - 1, with c near 1/m from a table: few terms of r do.

    The table's -log(c) end where the first part of ln(2) does, so that the sum with k*ln(2) is exact; next to m = 1,
    on either side, c is 1.
    """
    m = avx512.mantissa_near_one(body, a)
    k = body.sub(avx512.exponent(body, a), avx512.exponent(body, m))
    factor, logarithm = _looked_up(body, m, LOG_TABLE)
    head, tail = split(LN2, format_of(body).fraction + 1 - EXPONENT_BITS[32], 2)
    large = body.fma(k, body.const(head), logarithm)
    r = body.fma(m, factor, body.const(-1.0))
    rest = polynomial(body, r, LOG_CLOSE[32])
    return body.add(large, body.fma(body.mul(r, r), rest, body.fma(k, body.const(tail), r)))


def log2_of_rounded(body: Body, a: str, more: int = 0) -> str:
    """log2(2^more * a) for an ``a`` that was rounded itself, which brings an error of 2^-24: off by 2 ulp and
    2^-23 * (1 + |more|) where 2^more * a is a normal number or 0.

    Exactly 0 where the argument is 1; special values as :func:`log` has them.
    """
    log2e = body.const(float(LOG2E))
    if not avx512.tabled(body):
        return body.mul(log(body, body.mul(a, body.const(2.0**more))), log2e)
    m, k = avx512.mantissa(body, a), avx512.exponent(body, a)
    factor, logarithm = _looked_up(body, m, [(c, value + more) for c, value in LOG2_TABLE])
    r = body.fma(m, factor, body.const(-1.0))
    slope = body.fma(polynomial(body, r, LOG2_CLOSE[32]), r, log2e)
    return body.fma(r, slope, body.add(k, logarithm))


def _looked_up(body: Body, m: str, table: Sequence[tuple[float, float]]) -> tuple[str, str]:
    """The table's factor and logarithm for the first five bits of m's fraction."""
    index = body.iop("lshr", body.to_bits(m), body.iconst(format_of(body).fraction - 5))
    factor, logarithm = (avx512.lookup(body, index, column) for column in zip(*table, strict=True))
    return factor, logarithm


def log_of_rounded(body: Body, a: str) -> str:
    """The natural logarithm, by :func:`log2_of_rounded` where that is quicker."""
    return body.mul(log2_of_rounded(body, a), body.const(float(LN2))) if avx512.tabled(body) else log(body, a)


def log1p(body: Body, a: str) -> str:
    """log(1 + a), accurate near 0 as well. Error <= 2 ulp; -inf at -1, NaN below; keeps -0 and denormal numbers.

    The rounding error of u = 1 + a is known exactly and goes into r, scaled as u is.
    """
    one = body.const(1.0)
    u, missed = fast_two_sum(body, body.larger(one, a), body.smaller(one, a))
    form = format_of(body)
    exponent, m = _parts(body, u, body.iconst(_offset(body)))
    # 2^-k; beyond 2^(fraction + 2) it may be denormal, and what was missed does not matter.
    scale = body.iop("sub", body.iconst(3 * form.bias), exponent)
    inverse = body.from_bits(body.iop("shl", scale, body.iconst(form.fraction)))
    near = body.compare("olt", a, body.const(2.0 ** (form.fraction + 2)))
    extra = body.select(near, body.mul(missed, inverse), body.const(0.0))
    r = body.add(body.sub(m, one), extra)
    result = _special(body, a, _assemble(body, _exponent_number(body, exponent), r), -1.0)
    return body.select(equal(body, a, 0.0), a, result)


def xlogy(body: Body, a: str, b: str) -> str:
    """a * log(b), and 0 wherever a is 0 (also where log(b) is not finite). Error <= 2 ulp."""
    return _or_zero(body, a, body.mul(a, log(body, b)))


def xlogy_of_rounded(body: Body, a: str, b: str) -> str:
    """a * log(b) with :func:`log_of_rounded`, and 0 wherever a is 0."""
    return _or_zero(body, a, body.mul(a, log_of_rounded(body, b)))


def _or_zero(body: Body, a: str, product: str) -> str:
    """The product, but 0 where a is 0 and the other factor perhaps not a number."""
    zero = body.const(0.0)
    return body.select(body.compare("oeq", a, zero), zero, product)


def decompose(body: Body, a: str) -> tuple[str, str]:
    """(k, m) as numbers: a = 2^k * m, sqrt(1/2) <= m < sqrt(2), for positive finite a; denormal numbers too."""
    form = format_of(body)
    if avx512.available(body):
        k, m = avx512.exponent(body, a), avx512.mantissa(body, a)
        upper = body.compare("oge", m, body.from_bits(body.iconst(form.root_half + (1 << form.fraction))))
        one, half = body.const(1.0), body.const(0.5)
        return body.select(upper, body.add(k, one), k), body.select(upper, body.mul(m, half), m)
    denormal = body.compare("olt", a, body.const(form.smallest))
    normal = body.select(denormal, body.mul(a, body.const(2.0**form.fraction)), a)
    offset = _offset(body)
    lifted = offset + (form.fraction << form.fraction)
    exponent, m = _parts(body, normal, body.iselect(denormal, body.iconst(lifted), body.iconst(offset)))
    return _exponent_number(body, exponent), m


def _offset(body: Body) -> int:
    """What to take from a number's bits so that k + 2*bias stands in the exponent's place (never negative)."""
    form = format_of(body)
    return form.root_half - (2 * form.bias << form.fraction)


def _parts(body: Body, normal: str, offset: str) -> tuple[str, str]:
    """k + 2*bias as integers, and m, for normal numbers."""
    form = format_of(body)
    shifted = body.iop("sub", body.to_bits(normal), offset)
    exponent = body.iop("lshr", shifted, body.iconst(form.fraction))
    fraction = body.iop("and", shifted, body.iconst(form.fraction_mask))
    return exponent, body.from_bits(body.iop("add", fraction, body.iconst(form.root_half)))


def _exponent_number(body: Body, exponent: str) -> str:
    """k from k + 2*bias: put under the bits of 2^fraction, which AVX2 can do in 64 bits too (it has no conversion)."""
    form = format_of(body)
    power = form.bias + form.fraction << form.fraction
    large = body.from_bits(body.iop("or", exponent, body.iconst(power)))
    return body.sub(large, body.const(2.0**form.fraction + 2 * form.bias))


def _assemble(body: Body, k: str, r: str) -> str:
    """k*ln(2) + log(1 + r)."""
    head, tail = split(LN2, format_of(body).fraction + 1 - EXPONENT_BITS[body.kind.bits], 2)
    small = log_near_one(body, r, body.mul(k, body.const(tail)))
    return multiply_add(body, k, body.const(head), small)


def log_near_one(body: Body, r: str, low: str | None = None) -> str:
    """log(1 + r) (+ low, which is much smaller) for sqrt(1/2) <= 1 + r <= sqrt(2)."""
    square = body.mul(r, r)
    if body.kind.bits == 32:
        rest = polynomial(body, r, LOG_DIRECT[32], square)
        return body.add(multiply_add(body, square, rest, low) if low else body.mul(square, rest), r)
    half = body.mul(square, body.const(0.5))
    s = body.div(r, body.add(r, body.const(2.0)))
    z = body.mul(s, s)
    rest = multiply_add(body, z, polynomial(body, z, LOG_QUOTIENT[64]), half)
    # log(1 + r) = r - (half - s*rest), since 2s = r - half + s*half
    added = multiply_add(body, s, rest, low) if low else body.mul(s, rest)
    return body.sub(r, body.sub(half, added))


def _special(body: Body, a: str, result: str, pole: float) -> str:
    """``result`` for pole < a < inf; else inf at inf, -inf at the pole, and NaN."""
    edge = body.const(pole)
    bounded = body.select(body.compare("olt", a, body.const(INF)), result, a)
    outside = body.select(body.compare("oeq", a, edge), body.const(-INF), body.const(NAN))
    return body.select(body.compare("ole", a, edge), outside, bounded)
