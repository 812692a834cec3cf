"""Codes of four bits, two in a byte, the first in its lower half: each stands for one of sixteen levels."""

from __future__ import annotations

from typing import Final

from anear.codegen.emit import Place
from anear.codegen.layout import LEVELS, Layout
from anear.codegen.llvm import Body

__all__ = ["level_at"]

# A table of sixteen bytes in a register, looked up by another's.
_LOOKUPS: Final = {"x86_64": "llvm.x86.ssse3.pshuf.b.128", "aarch64": "llvm.aarch64.neon.tbl1.v16i8"}


def level_at(body: Body, layout: Layout, pointer: str, place: Place) -> str:
    """The levels of the codes from ``place`` on, one a lane, as numbers of the body's kind."""
    lanes = body.kind.lanes
    codes = _one(body, pointer, place) if lanes == 1 else _several(body, pointer, place)
    levels = _looked_up(body, layout, codes)
    if lanes == 1:
        return body.emit(f"uitofp i8 {levels} to {body.kind.type}")
    return body.emit(f"uitofp <{lanes} x i8> {levels} to {body.kind.type}")


def _one(body: Body, pointer: str, place: Place) -> str:
    """One code, at any place."""
    at = body.emit(f"add i64 {place.variable or 0}, {place.offset}")
    byte = body.emit(f"load i8, ptr {body.at(pointer, body.emit(f'lshr i64 {at}, 1'))}, align 1")
    odd = body.emit(f"trunc i64 {body.emit(f'and i64 {at}, 1')} to i8")
    shifted = body.emit(f"lshr i8 {byte}, {body.emit(f'shl i8 {odd}, 2')}")
    return body.emit(f"and i8 {shifted}, 15")


def _several(body: Body, pointer: str, place: Place) -> str:
    """Codes side by side, a byte each. Loops go in whole registers, so a place is odd only where its offset is."""
    lanes = body.kind.lanes
    half = lanes // 2
    narrow, wide = (f"<{half} x i8>", f"<{half} x i16>") if half > 1 else ("i8", "i16")

    def splat(number: int) -> str:
        return f"splat (i16 {number})" if half > 1 else str(number)

    if place.variable is not None:
        pointer = body.at(pointer, body.emit(f"lshr i64 {place.variable}, 1"))

    def pairs(byte: int) -> str:
        loaded = body.emit(f"load {narrow}, ptr {body.at(pointer, byte)}, align 1")
        return body.emit(f"zext {narrow} {loaded} to {wide}")

    byte = place.offset // 2
    first = pairs(byte)
    if place.offset % 2 == 0:
        apart = body.emit(f"or {wide} {first}, {body.emit(f'shl {wide} {first}, {splat(4)}')}")
    else:
        lower = body.emit(f"lshr {wide} {first}, {splat(4)}")
        upper = body.emit(f"shl {wide} {pairs(byte + 1)}, {splat(8)}")
        apart = body.emit(f"or {wide} {lower}, {upper}")
    return body.emit(f"bitcast {wide} {body.emit(f'and {wide} {apart}, {splat(0x0F0F)}')} to <{lanes} x i8>")


def _looked_up(body: Body, layout: Layout, codes: str) -> str:
    """The level of each code."""
    lanes = body.kind.lanes
    kept = body.at("%parameters", layout.parameters[LEVELS] * 8)
    table = body.emit(f"fptoui <16 x double> {body.emit(f'load <16 x double>, ptr {kept}, align 8')} to <16 x i8>")
    name = _LOOKUPS[layout.target.triple.partition("-")[0]]
    body.declarations.add(f"declare <16 x i8> @{name}(<16 x i8>, <16 x i8>)")
    if lanes == 1:
        codes = body.emit(f"insertelement <16 x i8> zeroinitializer, i8 {codes}, i32 0")
    elif lanes < 16:
        places = ", ".join(f"i32 {min(lane, lanes)}" for lane in range(16))
        codes = body.emit(
            f"shufflevector <{lanes} x i8> {codes}, <{lanes} x i8> zeroinitializer, <16 x i32> <{places}>"
        )
    found = body.emit(f"call <16 x i8> @{name}(<16 x i8> {table}, <16 x i8> {codes})")
    if lanes == 1:
        return body.emit(f"extractelement <16 x i8> {found}, i32 0")
    if lanes == 16:
        return found
    places = ", ".join(f"i32 {lane}" for lane in range(lanes))
    return body.emit(f"shufflevector <16 x i8> {found}, <16 x i8> poison, <{lanes} x i32> <{places}>")
