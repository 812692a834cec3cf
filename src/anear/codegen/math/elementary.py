"""The functions that the hardware (nearly) has: signs, square roots, division, remainders, comparisons, selection."""

from __future__ import annotations

from collections.abc import Callable

from anear.codegen.llvm import Body
from anear.codegen.math.arithmetic import difference_of_product, with_sign

__all__ = [
    "absolute",
    "add",
    "comparison",
    "div",
    "floor",
    "maximum",
    "minimum",
    "mod",
    "mul",
    "neg",
    "rsqrt",
    "sign",
    "sqrt",
    "sub",
    "where",
]


def neg(body: Body, a: str) -> str:
    """-a: the sign bit flipped, also of zeros and NaN."""
    return body.neg(a)


def absolute(body: Body, a: str) -> str:
    """|a|: the sign bit cleared."""
    return body.abs(a)


def add(body: Body, a: str, b: str) -> str:
    """a + b, correctly rounded."""
    return body.add(a, b)


def sub(body: Body, a: str, b: str) -> str:
    """a - b, correctly rounded."""
    return body.sub(a, b)


def mul(body: Body, a: str, b: str) -> str:
    """a * b, correctly rounded."""
    return body.mul(a, b)


def div(body: Body, a: str, b: str) -> str:
    """a / b, correctly rounded."""
    return body.div(a, b)


def sqrt(body: Body, a: str) -> str:
    """The square root, correctly rounded; NaN below zero, 0 for -0: what is said to be no less than 0 has no sign."""
    return body.sqrt(body.add(a, body.const(0.0)))


def rsqrt(body: Body, a: str) -> str:
    """1 / sqrt(a), both correctly rounded: at most 1.5 ulp together. inf at 0 and -0, NaN below."""
    return body.div(body.const(1.0), sqrt(body, a))


def floor(body: Body, a: str) -> str:
    """The largest integer <= a."""
    return body.floor(a)


def sign(body: Body, a: str) -> str:
    """-1, 0 (for both zeros) or 1; NaN for NaN."""
    zero = body.const(0.0)
    rest = body.add(a, zero)
    not_positive = body.select(body.compare("olt", a, zero), body.const(-1.0), rest)
    return body.select(body.compare("ogt", a, zero), body.const(1.0), not_positive)


def minimum(body: Body, a: str, b: str) -> str:
    """The smaller one; NaN where either is NaN."""
    return body.select(body.compare("uno", a, a), a, body.smaller(a, b))


def maximum(body: Body, a: str, b: str) -> str:
    """The larger one; NaN where either is NaN."""
    return body.select(body.compare("uno", a, a), a, body.larger(a, b))


def mod(body: Body, a: str, b: str) -> str:
    """a - floor(a/b)*b as ``numpy.mod`` has it: exact up to one final rounding, with b's sign (zero too).

    Two steps each take a quotient rounded to the format away exactly, which is enough for |a/b| < 2^46 in float32 and
    2^104 in float64. Beyond, where the quotient has many more digits than the numbers, the result is NaN. Without a
    fused multiply-add the same holds for |a| and |b| below 2^100 (float32) or 2^990 (float64).
    """
    once = _take_quotient(body, a, b)
    rest = _take_quotient(body, once, b)
    other_side = body.emit(
        f"xor {body.kind.mask} {body.compare('olt', rest, body.const(0.0))}, {body.compare('olt', b, body.const(0.0))}"
    )
    moved = body.select(other_side, body.add(rest, b), rest)
    is_zero = body.compare("oeq", rest, body.const(0.0))
    result = body.select(is_zero, with_sign(body, body.const(0.0), b), moved)
    reduced = body.compare("ole", body.abs(rest), body.abs(b))
    return body.select(reduced, result, body.const(float("nan")))


def _take_quotient(body: Body, a: str, b: str) -> str:
    """a - rint(a/b)*b, which is exact; a itself where the quotient is below 1/2 (b may be infinite then)."""
    quotient = body.rint(body.div(a, b))
    rest = difference_of_product(body, a, quotient, b)
    return body.select(body.compare("oeq", quotient, body.const(0.0)), a, rest)


def comparison(predicate: str) -> Callable[[Body, str, str], str]:
    """The function that gives 1.0 where LLVM's ``predicate`` holds and 0.0 elsewhere."""

    def compare(body: Body, a: str, b: str) -> str:
        return body.select(body.compare(predicate, a, b), body.const(1.0), body.const(0.0))

    compare.__doc__ = f"1.0 where ``{predicate}`` holds for (a, b), else 0.0."
    return compare


def where(body: Body, condition: str, a: str, b: str) -> str:
    """a where the condition is not zero (NaN counts as not zero), else b."""
    return body.select(body.compare("une", condition, body.const(0.0)), a, b)
