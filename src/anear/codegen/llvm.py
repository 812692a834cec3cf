"""Writing LLVM's textual form: a small typed emitter.

A ``Kind`` is the type of the numbers a kernel computes with: ``lanes`` floats or doubles side by side (one lane is a
plain scalar). A ``Body`` collects the instructions of one function. Values are the names that LLVM's text uses
(``%v12``) or constants; every method emits one instruction and returns the name of its result.

Text rather than llvmlite's object builder: it is several times quicker to make, and importing this module does
not import llvmlite, which a warm start never needs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Body", "Kind", "Loop"]


@dataclass(frozen=True, slots=True)
class Kind:
    """``lanes`` numbers of ``bits`` (32 or 64) bits each."""

    bits: int
    lanes: int

    @property
    def scalar(self) -> str:
        """The LLVM type of one number."""
        return "float" if self.bits == 32 else "double"

    @property
    def type(self) -> str:
        """The LLVM type of all lanes."""
        return self._wide(self.scalar)

    @property
    def integer(self) -> str:
        """The integer type as wide as the numbers, all lanes."""
        return self._wide(f"i{self.bits}")

    @property
    def mask(self) -> str:
        """The type of a comparison's result."""
        return self._wide("i1")

    @property
    def suffix(self) -> str:
        """What LLVM's overloaded intrinsics append to their names."""
        return f"v{self.lanes}f{self.bits}" if self.lanes > 1 else f"f{self.bits}"

    @property
    def size(self) -> int:
        """Bytes of one number."""
        return self.bits // 8

    @property
    def bytes(self) -> int:
        """Bytes of all lanes."""
        return self.size * self.lanes

    def _wide(self, element: str) -> str:
        return f"<{self.lanes} x {element}>" if self.lanes > 1 else element


@dataclass(slots=True)
class Loop:
    """A running loop: its counter, and the current values of what it carries round."""

    index: str
    values: list[str]
    next: list[str]


class Body:
    """The instructions of one function, computing in one ``Kind``."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.lines: list[str] = []
        self.rooms: list[str] = []  # memory that lasts as long as the call
        self.declarations: set[str] = set()
        self.functions: dict[str, str] = {}  # by name, what the instructions call
        self.block = "entry"
        self._count = 0
        self.fused = True  # whether the target multiplies and adds in one instruction
        self.avx512 = False  # whether it has AVX-512's instructions on exponents
        self.brief = False  # whether short code matters more than fast code

    def like(self) -> Body:
        """An empty body that computes in the same kind for the same target."""
        other = Body(self.kind)
        other.fused, other.avx512 = self.fused, self.avx512
        return other

    # names and raw lines

    def name(self, stem: str = "v") -> str:
        """A fresh value name."""
        self._count += 1
        return f"%{stem}{self._count}"

    def emit(self, text: str) -> str:
        """``%new = text``; returns the name."""
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """An instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Start the basic block ``name``."""
        self.lines.append(f"{name}:")
        self.block = name

    def fresh_label(self, stem: str) -> str:
        """A block name not used before."""
        self._count += 1
        return f"{stem}{self._count}"

    # constants

    def const(self, value: float) -> str:
        """The number in every lane (rounded to the kind)."""
        text = self._digits(value)
        return f"splat ({self.kind.scalar} {text})" if self.kind.lanes > 1 else text

    def vector_const(self, values: Sequence[float]) -> str:
        """One number a lane (rounded to the kind)."""
        return f"<{', '.join(f'{self.kind.scalar} {self._digits(value)}' for value in values)}>"

    def _digits(self, value: float) -> str:
        """A number as LLVM writes it."""
        if self.kind.bits == 32:
            value = _to_float32(value)
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"

    def iconst(self, value: int) -> str:
        """The integer in every lane of the companion integer type."""
        value &= (1 << self.kind.bits) - 1
        if value >> (self.kind.bits - 1):
            value -= 1 << self.kind.bits
        return f"splat (i{self.kind.bits} {value})" if self.kind.lanes > 1 else str(value)

    # arithmetic on numbers

    def op(self, opcode: str, a: str, b: str) -> str:
        """A binary floating-point instruction: fadd, fsub, fmul, fdiv."""
        return self.emit(f"{opcode} {self.kind.type} {a}, {b}")

    def add(self, a: str, b: str) -> str:
        return self.op("fadd", a, b)

    def sub(self, a: str, b: str) -> str:
        return self.op("fsub", a, b)

    def mul(self, a: str, b: str) -> str:
        return self.op("fmul", a, b)

    def div(self, a: str, b: str) -> str:
        return self.op("fdiv", a, b)

    def neg(self, a: str) -> str:
        return self.emit(f"fneg {self.kind.type} {a}")

    def call(self, intrinsic: str, *args: str) -> str:
        """An overloaded floating-point intrinsic, by its short name: fma, fabs, sqrt, floor, rint, copysign ..."""
        kind = self.kind
        full = f"@llvm.{intrinsic}.{kind.suffix}"
        self.declarations.add(f"declare {kind.type} {full}({', '.join([kind.type] * len(args))})")
        return self.emit(f"call {kind.type} {full}({', '.join(f'{kind.type} {a}' for a in args)})")

    def fma(self, a: str, b: str, c: str) -> str:
        """a*b + c, rounded once."""
        return self.call("fma", a, b, c)

    def add_pairs(self, a: str, b: str, total: str) -> str:
        """total + a0 * b0 + a1 * b1, each lane of ``a`` and ``b`` being two numbers in bfloat16; of 16 lanes."""
        name, pairs = "@llvm.x86.avx512bf16.dpbf16ps.512", "<32 x bfloat>"
        self.declarations.add(f"declare {self.kind.type} {name}({self.kind.type}, {pairs}, {pairs})")
        a, b = (self.emit(f"bitcast {self.kind.type} {value} to {pairs}") for value in (a, b))
        return self.emit(f"call {self.kind.type} {name}({self.kind.type} {total}, {pairs} {a}, {pairs} {b})")

    def abs(self, a: str) -> str:
        return self.call("fabs", a)

    def sqrt(self, a: str) -> str:
        return self.call("sqrt", a)

    def floor(self, a: str) -> str:
        return self.call("floor", a)

    def rint(self, a: str) -> str:
        """Nearest integer, ties to even, as a number."""
        return self.call("rint", a)

    def compare(self, predicate: str, a: str, b: str) -> str:
        """A mask; predicates are LLVM's: olt ole ogt oge oeq une uno ult ..."""
        return self.emit(f"fcmp {predicate} {self.kind.type} {a}, {b}")

    def select(self, mask: str, a: str, b: str) -> str:
        """``a`` where the mask is set, else ``b``."""
        return self.emit(f"select {self.kind.mask} {mask}, {self.kind.type} {a}, {self.kind.type} {b}")

    def smaller(self, a: str, b: str) -> str:
        """a if a < b else b: one instruction on x86; a NaN in either gives b."""
        return self.select(self.compare("olt", a, b), a, b)

    def larger(self, a: str, b: str) -> str:
        """a if a > b else b: one instruction on x86; a NaN in either gives b."""
        return self.select(self.compare("ogt", a, b), a, b)

    # the companion integers

    def to_bits(self, a: str) -> str:
        """The numbers' bit patterns."""
        return self.emit(f"bitcast {self.kind.type} {a} to {self.kind.integer}")

    def from_bits(self, a: str) -> str:
        """Numbers with these bit patterns."""
        return self.emit(f"bitcast {self.kind.integer} {a} to {self.kind.type}")

    def iop(self, opcode: str, a: str, b: str) -> str:
        """A binary integer instruction: add, sub, mul, and, or, xor, shl, lshr, ashr."""
        return self.emit(f"{opcode} {self.kind.integer} {a}, {b}")

    def icompare(self, predicate: str, a: str, b: str) -> str:
        """A mask from integers; predicates: eq ne slt sle sgt sge ult ..."""
        return self.emit(f"icmp {predicate} {self.kind.integer} {a}, {b}")

    def iselect(self, mask: str, a: str, b: str) -> str:
        """Integers: ``a`` where the mask is set, else ``b``."""
        return self.emit(f"select {self.kind.mask} {mask}, {self.kind.integer} {a}, {self.kind.integer} {b}")

    def mask_and(self, a: str, b: str) -> str:
        return self.emit(f"and {self.kind.mask} {a}, {b}")

    def mask_or(self, a: str, b: str) -> str:
        return self.emit(f"or {self.kind.mask} {a}, {b}")

    def any(self, mask: str) -> str:
        """One i1: whether any lane of the mask is set."""
        lanes = self.kind.lanes
        if lanes == 1:
            return mask
        bits = self.emit(f"bitcast {self.kind.mask} {mask} to i{lanes}")
        return self.emit(f"icmp ne i{lanes} {bits}, 0")

    # memory

    def at(self, pointer: str, offset: str | int) -> str:
        """The pointer ``offset`` bytes further on."""
        if offset == 0:
            return pointer
        return self.emit(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, pointer: str, align: int | None = None) -> str:
        """All lanes, side by side in memory."""
        return self.emit(f"load {self.kind.type}, ptr {pointer}, align {align or self.kind.size}")

    def store(self, value: str, pointer: str, align: int | None = None) -> None:
        """All lanes, side by side."""
        self.do(f"store {self.kind.type} {value}, ptr {pointer}, align {align or self.kind.size}")

    def room(self, length: int) -> str:
        """A pointer to memory for so many values of the current kind, the same in every round of a loop."""
        name = self.name("room")
        self.rooms.append(f"  {name} = alloca [{length} x {self.kind.type}], align {self.kind.size}")
        return name

    def splat(self, scalar: str) -> str:
        """One number copied into every lane."""
        kind = self.kind
        if kind.lanes == 1:
            return scalar
        first = self.emit(f"insertelement {kind.type} poison, {kind.scalar} {scalar}, i64 0")
        return self.emit(f"shufflevector {kind.type} {first}, {kind.type} poison, <{kind.lanes} x i32> zeroinitializer")

    def shuffle(self, a: str, b: str, lanes: Sequence[int]) -> str:
        """The named lanes of ``a`` and, counted on from there, of ``b``."""
        kind = self.kind
        chosen = ", ".join(f"i32 {i}" for i in lanes)
        return self.emit(f"shufflevector {kind.type} {a}, {kind.type} {b}, <{len(lanes)} x i32> <{chosen}>")

    def load_splat(self, pointer: str) -> str:
        """One number from memory in every lane."""
        return self.splat(self.emit(f"load {self.kind.scalar}, ptr {pointer}, align {self.kind.size}"))

    # loops

    @contextmanager
    def loop(
        self, count: str | int, carried: Sequence[tuple[str, str]] = (), step: int = 1, start: str | int = 0
    ) -> Iterator[Loop]:
        """Run the body for index = start, start + step, ... while index < count (at least once).

        ``carried`` holds (type, initial value) of what is passed from round to round; the body sets ``loop.next`` and
        finds the results in ``loop.values`` afterwards.
        """
        head, tail = self.fresh_label("loop"), self.fresh_label("after")
        before = self.block
        self.do(f"br label %{head}")
        self.label(head)
        index, following = self.name("i"), self.name("i")
        names = [self.name("c") for _ in carried]
        place = len(self.lines)
        state = Loop(index, list(names), list(names))
        yield state
        self.do(f"{following} = add i64 {index}, {step}")
        more = self.emit(f"icmp slt i64 {following}, {count}")
        end = self.block
        self.do(f"br i1 {more}, label %{head}, label %{tail}")
        phis = [f"  {index} = phi i64 [ {start}, %{before} ], [ {following}, %{end} ]"]
        for name, (type_, initial), following_value in zip(names, carried, state.next, strict=True):
            phis.append(f"  {name} = phi {type_} [ {initial}, %{before} ], [ {following_value}, %{end} ]")
        self.lines[place:place] = phis
        self.label(tail)
        state.values = list(state.next)


def _to_float32(value: float) -> float:
    """The nearest float32 (infinite where it overflows), as a float."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
