"""a^p as 2^(p*log2(a)), with log2(a) to about twelve bits more than the format has.

An error e of the exponent p*log2(a) is a relative error e*ln(2) of the result, and the exponent may be as large as 150
or 1075: a rounded log2 would cost hundreds of ulps. So log2(a) and the product are kept as sums high + low.

a = 2^k * m, and log2(m) = log2(c) + log2((1 + s)/(1 - s)) with s = (m - c)/(m + c): c is 1 in float32; in float64 one
of three numbers near 2^(-1/3), 1, 2^(1/3), so that s is small and only the first term of its series needs the extra
digits.
"""

from __future__ import annotations

from fractions import Fraction

from anear.codegen.llvm import Body
from anear.codegen.math.arithmetic import (
    INF,
    LOG2E,
    NAN,
    clamp,
    difference_of_product,
    equal,
    fast_two_sum,
    format_of,
    is_positive_finite,
    multiply_add,
    polynomial,
    split,
    two_product,
    with_sign,
)
from anear.codegen.math.exponential import round_small, scale_by_power
from anear.codegen.math.logarithm import decompose, log_near_one
from anear.codegen.math.polynomials import EXP2, LOG2_NARROW, LOG2_QUOTIENT

__all__ = ["pow_", "power_constant"]

# Beyond these 2^y overflows, or is less than half the smallest denormal number.
EXPONENT_RANGE = {32: (-152.0, 129.0), 64: (-1077.0, 1025.0)}
# Larger exponents do what these do: every a but 1 overflows or underflows.
LARGEST_EXPONENT = {32: 2.0**34, 64: 2.0**65}
# Up to these |p| a log2 rounded to the format is enough for 4 ulp.
SHORT_EXPONENT = 4.5
# Exponents for which square roots are the quicker way.
ROOTS = (-1.5, -0.5, 0.25, 0.5, 0.75, 1.5, 2.5, 3.5)
# Bits that k takes.
EXPONENT_BITS = {32: 8, 64: 11}
# c = 203/256, 1, 323/256 for m below 0.891, between, above 1.123.
CENTRES = (203 / 256, 1.0, 323 / 256)
BORDERS = (0.8909, 1.1225)
LOG2_CENTRES = (
    Fraction("-0.3346640828148237718382573581401844288821128739579221682707648331415828"),
    Fraction(0),
    Fraction("0.3353903546939249020475854337172387767047748520063547027081337952512617"),
)


def pow_(body: Body, a: str, p: str) -> str:
    """a^p as ``numpy.power`` has it. Error <= 4 ulp (float64: 2), denormal numbers and results included.

    1 where p = 0 or a = 1, whatever the other is; a negative a gives NaN unless p is an integer, whose parity decides
    the sign; 0 and inf as IEEE 754 says.
    """
    magnitude = body.abs(a)
    exponent = clamp(body, p, -LARGEST_EXPONENT[body.kind.bits], LARGEST_EXPONENT[body.kind.bits])
    regular = is_positive_finite(body, body.to_bits(magnitude))
    raised = _exp2_of_product(body, exponent, *_log2(body, magnitude))
    zero, one, nan = body.const(0.0), body.const(1.0), body.const(NAN)
    # The rest is 0, inf or NaN: a limit of growing or of vanishing powers.
    grows = _differ(body, body.compare("ogt", magnitude, one), body.compare("olt", p, zero))
    limit = body.select(grows, body.const(INF), zero)
    limit = body.select(body.compare("uno", a, p), nan, limit)
    result = body.select(regular, raised, limit)
    half = body.mul(p, body.const(0.5))
    fractional = body.compare("une", body.rint(p), p)
    even = body.compare("oeq", body.rint(half), half)
    result = body.select(body.mask_or(even, fractional), result, with_sign(body, result, a))
    negative = body.mask_and(body.compare("olt", a, zero), regular)
    result = body.select(body.mask_and(negative, fractional), nan, result)
    return body.select(body.mask_or(equal(body, p, 0.0), equal(body, a, 1.0)), one, result)


def power_constant(body: Body, a: str, exponent: float) -> str:
    """a^exponent for an exponent known now (to double precision in float32 too), as ``numpy.power`` has it.

    Error <= 4 ulp. Integers from -8 to 16 are products, halves from -1.5 to 3.5 and the quarters 0.25 and 0.75 square
    roots; other exponents up to 4.5 take a logarithm of one rounding, larger ones that of ``pow_``.
    """
    if exponent == 0.0:
        return body.const(1.0)
    if exponent in ROOTS:
        return _root_power(body, a, exponent)
    if -8.0 <= exponent <= 16.0 and exponent == int(exponent):
        whole = int(exponent)
        return _product(body, a, whole) if -3 <= whole <= 6 else _exact_product(body, a, whole)
    if not abs(exponent) < LARGEST_EXPONENT[body.kind.bits]:
        return pow_(body, a, body.const(exponent))
    return _general_power(body, a, exponent)


def _product(body: Body, a: str, n: int) -> str:
    """A few multiplications: (n - 1)/2 to n - 1 ulp. For negative n of 1/a, because 1/a^n would lose what a^n loses in
    the denormal numbers."""
    base = body.div(body.const(1.0), a) if n < 0 else a
    result, square, left = "", base, abs(n)
    while True:
        if left & 1:
            result = body.mul(result, square) if result else square
        left >>= 1
        if left == 0:
            return result
        square = body.mul(square, square)


def _exact_product(body: Body, a: str, n: int) -> str:
    """The same with the rounding errors kept beside the products: 1 ulp."""
    base: tuple[str, str | None] = (a, None)
    if n < 0:
        one = body.const(1.0)
        inverse = body.div(one, a)
        base = inverse, body.mul(difference_of_product(body, one, inverse, a), inverse)
    result: tuple[str, str | None] | None = None
    square, left = base, abs(n)
    while True:
        if left & 1:
            result = _times(body, result, square) if result else square
        left >>= 1
        if left == 0:
            break
        square = _times(body, square, square)
    # Where a product overflowed its error is NaN; where it vanished its sign must stay.
    high, low = result or base
    total = body.add(high, low or body.const(0.0))
    return body.select(body.compare("one", total, body.const(0.0)), total, high)


def _times(body: Body, a: tuple[str, str | None], b: tuple[str, str | None]) -> tuple[str, str]:
    """The product of two numbers with errors."""
    high, low = two_product(body, a[0], b[0])
    if a[1] is not None:
        low = multiply_add(body, a[1], b[0], low)
    if b[1] is not None:
        low = multiply_add(body, a[0], b[1], low)
    return high, low


def _root_power(body: Body, a: str, exponent: float) -> str:
    """Halves and quarters. The square root of -0 is -0 and of -inf NaN; powers give 0 and inf (or their inverses)."""
    positive = body.add(a, body.const(0.0))
    reciprocal = exponent < -0.5
    base = body.div(body.const(1.0), positive) if reciprocal else positive
    root = body.sqrt(base)
    whole = int(abs(exponent))
    result = body.mul(root, _product(body, base, whole)) if whole else root
    if exponent in (0.25, 0.75):
        fourth = body.sqrt(root)
        result = fourth if exponent == 0.25 else body.mul(root, fourth)
    elif exponent == -0.5:
        result = body.div(body.const(1.0), root)
    return body.select(equal(body, a, -INF), body.const(INF if exponent > 0.0 else 0.0), result)


def _general_power(body: Body, a: str, exponent: float) -> str:
    """Any finite exponent but 0: for integers the sign is known, for others negative numbers give NaN."""
    integer = exponent == int(exponent)
    magnitude = body.abs(a)
    base = magnitude if integer else a
    if abs(exponent) <= SHORT_EXPONENT:
        raised = _short_power(body, base, exponent)
    else:
        head, tail = split(exponent, format_of(body).fraction + 1, 2)
        raised = _exp2_of_product(body, body.const(head), *_log2(body, base), p_low=tail)
    at_zero, at_inf = (0.0, INF) if exponent > 0.0 else (INF, 0.0)
    limit = body.select(equal(body, magnitude, INF), body.const(at_inf), body.const(NAN))
    limit = body.select(equal(body, a, 0.0), body.const(at_zero), limit)
    result = body.select(is_positive_finite(body, body.to_bits(base)), raised, limit)
    return with_sign(body, result, a) if integer and exponent % 2.0 == 1.0 else result


def _short_power(body: Body, a: str, exponent: float) -> str:
    """2^(k*p + p*log2(m)) for |p| <= 4.5: k times p's head is exact, and p*log2(m) small."""
    form = format_of(body)
    k, m = decompose(body, a)
    low, high = EXPONENT_RANGE[form.bits]
    head, tail = split(exponent, form.fraction + 1 - EXPONENT_BITS[form.bits], 2)
    factor, factor_low = split(Fraction(exponent) * LOG2E, form.fraction + 1, 2)
    logarithm = log_near_one(body, body.sub(m, body.const(1.0)))
    small = multiply_add(body, logarithm, body.const(factor_low), body.mul(k, body.const(tail)))
    fraction = multiply_add(body, logarithm, body.const(factor), small)
    whole = clamp(body, multiply_add(body, k, body.const(head), fraction), low, high)
    n, number = round_small(body, whole)
    # k*head - n is exact. Where the range cut the exponent off the rest is meaningless, and cut off too.
    rest = multiply_add(body, k, body.const(head), body.neg(number))
    return _exp2(body, n, number, clamp(body, body.add(rest, fraction), -0.5005, 0.5005))


def _log2(body: Body, a: str) -> tuple[str, str]:
    """log2(a) = high + low, for positive finite a; |low| <= ulp(high)/2."""
    k, m = decompose(body, a)
    if body.kind.bits == 32:
        base, extra = k, None
        high, low = _log2_reduced(body, m, body.const(1.0), LOG2_QUOTIENT[32])
    else:
        below = body.compare("olt", m, body.const(BORDERS[0]))
        above = body.compare("ogt", m, body.const(BORDERS[1]))

        def choose(values: tuple[float, ...]) -> str:
            upper = body.select(above, body.const(values[2]), body.const(values[1]))
            return body.select(below, body.const(values[0]), upper)

        parts = [split(value, 40, 2) for value in LOG2_CENTRES]
        base = body.add(k, choose(tuple(part[0] for part in parts)))
        extra = choose(tuple(part[1] for part in parts))
        high, low = _log2_reduced(body, m, choose(CENTRES), LOG2_NARROW[64])
    total, lost = fast_two_sum(body, base, high)
    low = body.add(low, lost)
    return fast_two_sum(body, total, body.add(low, extra) if extra else low)


def _log2_reduced(body: Body, m: str, centre: str, coefficients: tuple[float, ...]) -> tuple[str, str]:
    """log2(m/centre) = high + low."""
    difference = body.sub(m, centre)
    total = body.add(m, centre)
    missed = body.sub(m, body.sub(total, centre))
    inverse = body.div(body.const(1.0), total)
    s = body.mul(difference, inverse)
    rest = difference_of_product(body, difference, s, total)
    s_low = body.mul(multiply_add(body, body.neg(s), missed, rest), inverse)
    factor, factor_low = split(2 * LOG2E, format_of(body).fraction + 1, 2)
    high, low = two_product(body, s, body.const(factor))
    low = multiply_add(body, s, body.const(factor_low), low)
    low = multiply_add(body, s_low, body.const(factor), low)
    z = body.mul(s, s)
    return high, multiply_add(body, body.mul(s, z), polynomial(body, z, coefficients), low)


def _exp2_of_product(body: Body, p: str, high: str, low: str, p_low: float = 0.0) -> str:
    """2^((p + p_low)*(high + low))."""
    y, y_low = two_product(body, p, high)
    y_low = multiply_add(body, p, low, y_low)
    if p_low:
        y_low = multiply_add(body, high, body.const(p_low), y_low)
    y = clamp(body, y, *EXPONENT_RANGE[body.kind.bits])
    y_low = clamp(body, y_low, -0.0005, 0.0005)
    n, number = round_small(body, y)
    return _exp2(body, n, number, body.add(body.sub(y, number), y_low))


def _exp2(body: Body, n: str, number: str, f: str) -> str:
    """2^(n + f), |f| <= 1/2; n as integers and as numbers."""
    rest = polynomial(body, f, EXP2[body.kind.bits])
    return scale_by_power(body, multiply_add(body, f, rest, body.const(1.0)), n, number)


def _differ(body: Body, a: str, b: str) -> str:
    """The mask where two masks differ."""
    return body.emit(f"xor {body.kind.mask} {a}, {b}")
