"""sin, cos and tan.

x = q*pi/2 + r with an integer q and |r| <= pi/4 (a hair more for large x); sin(r) and cos(r) are polynomials, and q's
last two bits say which of them to take with which sign. pi/2 is a sum of three doubles. x - q*(the first one) is a
multiple of 2^-52 below 2 and so exact in double precision, whatever digits cancel; each of the other two steps rounds
relative to its result. float32 is reduced in double precision too, where two steps are enough.

Beyond 2^45 (3.5e13) the product of q with these parts is no longer exact. Vectors that hold so large a number, which
hardly any does, take a detour through :mod:`anear.codegen.math.reduction`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from anear.codegen.llvm import Body, Kind
from anear.codegen.math.arithmetic import INF, NAN, PI, difference_of_product, equal, multiply_add, polynomial, split
from anear.codegen.math.exponential import round_small
from anear.codegen.math.polynomials import COS, SIN
from anear.codegen.math.reduction import REACH, reduce_large
from anear.codegen.scopes import Kinded

__all__ = ["cos", "sin", "tan"]


def _shared(emit: Callable[[Body, str], str]) -> Callable[[Body, str], str]:
    """Called, a register at a time, in code that is to be brief: the text of one is as long as a whole kernel's."""

    @wraps(emit)
    def call(body: Body, a: str) -> str:
        if not body.brief:
            return emit(body, a)
        kind = body.kind
        if kind.lanes * kind.bits > (512 if body.avx512 else 256):
            half = Kind(kind.bits, kind.lanes // 2)
            low, high = (body.shuffle(a, a, range(i, i + half.lanes)) for i in (0, half.lanes))
            with Kinded(body, half):
                return body.shuffle(call(body, low), call(body, high), range(kind.lanes))
        name = f"@{emit.__name__}_{kind.suffix}"
        if name not in body.functions:
            inner = body.like()
            value = emit(inner, "%a")
            head = f"define internal fastcc {kind.type} {name}({kind.type} %a) noinline #0 {{"
            body.functions[name] = "\n".join([head, "entry:", *inner.lines, f"  ret {kind.type} {value}", "}"])
            body.declarations |= inner.declarations
        return body.emit(f"call fastcc {kind.type} {name}({kind.type} {a})")

    return call


@_shared
def sin(body: Body, a: str) -> str:
    """The sine. Error <= 2 ulp, also next to its zeros; NaN at inf; keeps -0."""
    quarter, r = _reduce(body, a)
    s, c = _sin_cos(body, r)
    value = _flip(body, body.select(_odd(body, quarter), c, s), quarter)
    return _where_finite(body, a, body.select(equal(body, a, 0.0), a, value))


@_shared
def cos(body: Body, a: str) -> str:
    """The cosine. Error <= 2 ulp, also next to its zeros; NaN at inf."""
    quarter, r = _reduce(body, a)
    s, c = _sin_cos(body, r)
    following = body.iop("add", quarter, body.iconst(1))
    value = body.select(_odd(body, quarter), s, c)
    return _where_finite(body, a, _flip(body, value, following))


@_shared
def tan(body: Body, a: str) -> str:
    """The tangent, sin/cos. Error <= 4 ulp, also next to zeros and poles; NaN at inf."""
    quarter, r = _reduce(body, a)
    s, c = _sin_cos(body, r)
    odd = _odd(body, quarter)
    value = body.div(body.select(odd, body.neg(c), s), body.select(odd, s, c))
    return _where_finite(body, a, body.select(equal(body, a, 0.0), a, value))


def _reduce(body: Body, a: str) -> tuple[str, str]:
    """(q as integers of which only the low bits matter, r)."""
    large = body.any(body.compare("ogt", body.abs(a), body.const(REACH)))
    if body.kind.bits == 64:
        return _reduce_double(body, a, large, 3)
    narrow = body.kind
    with Kinded(body, Kind(64, narrow.lanes)):
        wide = body.emit(f"fpext {narrow.type} {a} to {body.kind.type}")
        quarter, r = _reduce_double(body, wide, large, 2)
        quarter = body.emit(f"trunc {body.kind.integer} {quarter} to {narrow.integer}")
        return quarter, body.emit(f"fptrunc {body.kind.type} {r} to {narrow.type}")


def _reduce_double(body: Body, a: str, large: str, parts: int) -> tuple[str, str]:
    quarter, number = round_small(body, body.mul(a, body.const(float(2 / PI))))
    r = a
    for part in split(PI / 2, 53, 3)[:parts]:
        r = difference_of_product(body, r, number, body.const(part))
    return reduce_large(body, large, a, quarter, r)


def _sin_cos(body: Body, r: str) -> tuple[str, str]:
    """(sin(r), cos(r)) for |r| <= pi/4."""
    z = body.mul(r, r)
    s = multiply_add(body, body.mul(r, z), polynomial(body, z, SIN[body.kind.bits]), r)
    c = multiply_add(body, z, polynomial(body, z, COS[body.kind.bits]), body.const(-0.5))
    return s, multiply_add(body, z, c, body.const(1.0))


def _odd(body: Body, quarter: str) -> str:
    """The mask where q is odd."""
    return body.icompare("ne", body.iop("and", quarter, body.iconst(1)), body.iconst(0))


def _flip(body: Body, value: str, quarter: str) -> str:
    """-value where the second bit of q is set."""
    top = body.kind.bits - 1
    sign = body.iop("and", body.iop("shl", quarter, body.iconst(top - 1)), body.iconst(1 << top))
    return body.from_bits(body.iop("xor", body.to_bits(value), sign))


def _where_finite(body: Body, a: str, value: str) -> str:
    return body.select(body.compare("olt", body.abs(a), body.const(INF)), value, body.const(NAN))
