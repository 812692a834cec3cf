"""Loads and stores between the six storage types and a kernel's numbers.

float16 is converted in hardware where the target can, else with integer instructions: LLVM would otherwise call a
library function, and compiled kernels call nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from anear.codegen.layout import STORAGE_BYTES
from anear.codegen.llvm import Body, Kind

__all__ = ["load_as", "store_as", "store_pair"]


def load_as(body: Body, pointer: str, storage: str, half: bool = True) -> str:
    """``body.kind.lanes`` numbers of type ``storage``, side by side at ``pointer``, in the body's kind."""
    kind = body.kind
    align = STORAGE_BYTES[storage]

    def wide(element: str) -> str:
        return f"<{kind.lanes} x {element}>" if kind.lanes > 1 else element

    def load(element: str) -> str:
        return body.emit(f"load {wide(element)}, ptr {pointer}, align {align}")

    if storage in ("float32", "float64", "pairs"):
        return _resize(body, load("double" if storage == "float64" else "float"), align * 8, wide)
    if storage in ("int8", "uint8"):
        grown = body.emit(f"{'sext' if storage == 'int8' else 'zext'} {wide('i8')} {load('i8')} to {wide('i32')}")
        return body.emit(f"sitofp {wide('i32')} {grown} to {kind.type}")
    if storage == "bfloat16":
        bits = body.emit(f"zext {wide('i16')} {load('i16')} to {wide('i32')}")
        shifted = body.emit(f"shl {wide('i32')} {bits}, {_ints(kind, 16)}")
        return _resize(body, body.emit(f"bitcast {wide('i32')} {shifted} to {wide('float')}"), 32, wide)
    if half:
        return _resize(body, body.emit(f"fpext {wide('half')} {load('half')} to {wide('float')}"), 32, wide)
    return _resize(body, _half_by_hand(body, load("i16")), 32, wide)


def store_as(body: Body, value: str, pointer: str, storage: str) -> None:
    """Store the body's numbers as ``storage``; narrow types hold only values that were read from them."""
    kind = body.kind

    def wide(element: str) -> str:
        return f"<{kind.lanes} x {element}>" if kind.lanes > 1 else element

    def put(element: str, what: str) -> None:
        body.do(f"store {wide(element)} {what}, ptr {pointer}, align {STORAGE_BYTES[storage]}")

    if storage == "float64":
        put("double", value if kind.bits == 64 else body.emit(f"fpext {kind.type} {value} to {wide('double')}"))
        return
    if storage in ("int8", "uint8"):
        whole = body.emit(f"fptosi {kind.type} {value} to {wide('i32')}")
        put("i8", body.emit(f"trunc {wide('i32')} {whole} to {wide('i8')}"))
        return
    single = value if kind.bits == 32 else body.emit(f"fptrunc {kind.type} {value} to {wide('float')}")
    if storage == "float32":
        put("float", single)
    elif storage == "bfloat16":
        bits = body.emit(f"bitcast {wide('float')} {single} to {wide('i32')}")
        top = body.emit(f"lshr {wide('i32')} {bits}, {_ints(kind, 16)}")
        put("i16", body.emit(f"trunc {wide('i32')} {top} to {wide('i16')}"))
    else:
        put("half", body.emit(f"fptrunc {wide('float')} {single} to {wide('half')}"))


def store_pair(body: Body, first: str, second: str, pointer: str) -> None:
    """Store two numbers a lane, rounded to bfloat16, the first one in the lower half of 32 bits.

    Rounded to the nearest, ties to even; what would become infinite by that, and NaN, is cut off instead.
    """
    before, single = body.kind, Kind(32, body.kind.lanes)
    body.kind = single
    rounded = []
    for value in (first, second):
        bits = body.to_bits(_resize(body, value, before.bits, single._wide))
        odd = body.iop("and", body.iop("lshr", bits, body.iconst(16)), body.iconst(1))
        more = body.iop("add", bits, body.iop("add", odd, body.iconst(0x7FFF)))
        infinite = body.icompare("uge", body.iop("and", bits, body.iconst(0x7FFFFFFF)), body.iconst(0x7F7F8000))
        rounded.append(body.iselect(infinite, bits, more))
    low = body.iop("lshr", rounded[0], body.iconst(16))
    high = body.iop("and", rounded[1], body.iconst(0xFFFF0000))
    both = body.iop("or", low, high)
    body.do(f"store {single.integer} {both}, ptr {pointer}, align 4")
    body.kind = before


def _ints(kind: Kind, value: int) -> str:
    """An i32 constant in every lane."""
    return f"splat (i32 {value})" if kind.lanes > 1 else str(value)


def _resize(body: Body, value: str, bits: int, wide: Callable[[str], str]) -> str:
    """float <-> double where the kind asks for the other."""
    kind = body.kind
    if bits == kind.bits:
        return value
    word = "fpext" if kind.bits == 64 else "fptrunc"
    return body.emit(f"{word} {wide('float' if bits == 32 else 'double')} {value} to {kind.type}")


def _half_by_hand(body: Body, bits: str) -> str:
    """float16 bit patterns to floats: shift the fields into place and rescale; 2**112 turns denormals right too."""
    single = Kind(32, body.kind.lanes)
    narrow = single._wide("i16")
    whole = body.emit(f"zext {narrow} {bits} to {single.integer}")
    before, body.kind = body.kind, single
    magnitude = body.iop("shl", body.iop("and", whole, body.iconst(0x7FFF)), body.iconst(13))
    scaled = body.to_bits(body.mul(body.from_bits(magnitude), body.const(2.0**112)))
    special = body.icompare("uge", magnitude, body.iconst(0x7C00 << 13))
    scaled = body.iselect(special, body.iop("or", magnitude, body.iconst(0x7F800000)), scaled)
    sign = body.iop("shl", body.iop("and", whole, body.iconst(0x8000)), body.iconst(16))
    result = body.from_bits(body.iop("or", scaled, sign))
    body.kind = before
    return result
