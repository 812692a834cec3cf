"""Instructions of AVX-512 that the elementary functions are made of: exponent, mantissa, power of two, and a look
into a table of 32 numbers that lies in two registers.

The first three treat zero, denormal numbers, infinities and NaN as the logarithm and exponential need them, and so
replace half of what ``log`` and ``exp`` consist of elsewhere. A ``Body`` for a processor that has them has an attribute
``avx512`` that is True; they are used where its lanes fill a register, or some of the widest.
"""

from __future__ import annotations

from collections.abc import Sequence

from anear.codegen.llvm import Body, Kind

__all__ = ["available", "exponent", "lookup", "mantissa", "mantissa_near_one", "scale", "tabled"]

REGISTERS = (128, 256, 512)
WIDEST = 512
# The mantissa in [1, 2), and NaN for negative numbers.
ONE_TO_TWO_OR_NAN = 0b1000
# The same in [3/4, 3/2).
NEAR_ONE_OR_NAN = 0b1011
CURRENT_ROUNDING = 4


def available(body: Body) -> bool:
    """Whether the instructions may be used."""
    width = body.kind.bits * body.kind.lanes
    return bool(getattr(body, "avx512", False)) and (width in REGISTERS or width % WIDEST == 0)


def exponent(body: Body, a: str) -> str:
    """floor(log2(|a|)) as a number: -inf for 0, inf for infinities, right for denormal numbers."""
    return _masked(body, "getexp", [(body.kind.type, a)])


def mantissa(body: Body, a: str) -> str:
    """a / 2^exponent in [1, 2): 1 for 0 and inf, NaN for negative numbers and NaN."""
    return _masked(body, "getmant", [(body.kind.type, a), ("i32", str(ONE_TO_TWO_OR_NAN))])


def mantissa_near_one(body: Body, a: str) -> str:
    """a times the power of two that brings it into [3/4, 3/2): 1 for 0 and inf, NaN for negative numbers and NaN."""
    return _masked(body, "getmant", [(body.kind.type, a), ("i32", str(NEAR_ONE_OR_NAN))])


def scale(body: Body, a: str, n: str) -> str:
    """a * 2^n for numbers n that are integers, rounded once: denormal, 0 or inf where it must be."""
    return _masked(body, "scalef", [(body.kind.type, a), (body.kind.type, n)])


def tabled(body: Body) -> bool:
    """Whether :func:`lookup` has tables of 32 numbers: floats in the widest registers."""
    return available(body) and body.kind == Kind(32, 16)


def lookup(body: Body, index: str, table: Sequence[float]) -> str:
    """table[index mod 32] for integers ``index``."""
    kind = body.kind
    name = "@llvm.x86.avx512.vpermi2var.ps.512"
    body.declarations.add(f"declare {kind.type} {name}({kind.type}, {kind.integer}, {kind.type})")
    low, high = (body.vector_const(table[start : start + kind.lanes]) for start in (0, kind.lanes))
    return body.emit(f"call {kind.type} {name}({kind.type} {low}, {kind.integer} {index}, {kind.type} {high})")


def _masked(body: Body, instruction: str, operands: list[tuple[str, str]]) -> str:
    """The instruction, of one register after the other."""
    kind = body.kind
    whole = Kind(kind.bits, min(kind.lanes, WIDEST // kind.bits))
    if whole == kind:
        return _of_register(body, kind, instruction, operands)
    results = []
    for first in range(0, kind.lanes, whole.lanes):
        lanes = range(first, first + whole.lanes)
        part = [
            (whole.type, _chosen(body, kind, value, value, lanes)) if type_ == kind.type else (type_, value)
            for type_, value in operands
        ]
        results.append((whole, _of_register(body, whole, instruction, part)))
    while len(results) > 1:
        (half, low), (_, high), *rest = results
        results = [*rest, (Kind(kind.bits, 2 * half.lanes), _chosen(body, half, low, high, range(2 * half.lanes)))]
    return results[0][1]


def _chosen(body: Body, kind: Kind, a: str, b: str, lanes: range) -> str:
    """Lanes of two vectors, counted through, as one."""
    places = ", ".join(f"i32 {lane}" for lane in lanes)
    return body.emit(f"shufflevector {kind.type} {a}, {kind.type} {b}, <{len(lanes)} x i32> <{places}>")


def _of_register(body: Body, kind: Kind, instruction: str, operands: list[tuple[str, str]]) -> str:
    """The instruction with all lanes switched on (only the full width takes a rounding mode)."""
    width = kind.bits * kind.lanes
    mask = f"i{max(kind.lanes, 8)}"
    arguments = [*operands, (kind.type, "zeroinitializer"), (mask, "-1")]
    if width == WIDEST:
        arguments.append(("i32", str(CURRENT_ROUNDING)))
    name = f"@llvm.x86.avx512.mask.{instruction}.{'ps' if kind.bits == 32 else 'pd'}.{width}"
    types = ", ".join(type_ + (" immarg" if type_ == "i32" else "") for type_, _ in arguments)
    body.declarations.add(f"declare {kind.type} {name}({types})")
    return body.emit(f"call {kind.type} {name}({', '.join(f'{type_} {value}' for type_, value in arguments)})")
