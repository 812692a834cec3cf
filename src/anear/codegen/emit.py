"""Emitting the value of an expression for several *cells* at once.

A cell is one (query, point) combination of a register tile: in a ``tile`` kernel 6 queries by 4 blocks of points make
24 cells. A node that depends on the query alone is emitted once a query, one that depends on the point alone once a
block: this is where loads, conversions and transcendental functions are shared.

Where leaves come from is a ``Source``'s affair. In *lane-per-point* sources a vector register holds one coordinate of
many points; in *lane-per-coordinate* sources (rows) it holds many coordinates of one point, and reductions end with a
sum across the lanes. The same code emits both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from anear.codegen.across import across_lanes
from anear.codegen.interleave import interleaved
from anear.codegen.llvm import Body, Kind, Loop
from anear.codegen.loops import Pass, cost, depends_on, passes, scalars_of
from anear.codegen.math import ELEMENTWISE, power_constant
from anear.codegen.scopes import Kinded, Scope, Scoped
from anear.formula.expression import Expr, number, walk

__all__ = ["Cell", "Emitter", "Place", "Source"]

UNROLL_BUDGET = 600  # instructions in a fully unrolled loop; beyond, or after so many rounds, a real loop is made
UNROLL_ROUNDS = 24
STEP_BUDGET = 160  # instructions in one round of a real loop
SIDE_BY_SIDE = 3  # steps of an unrolled loop across the lanes whose instructions alternate where there are registers
# for their values (four made some kernels spill), but no more than make
IN_SIGHT = 150  # instructions together; a processor sees that many
DEAR = 12  # instructions a step, below which it sees enough steps by itself
MOST_KEPT = 256 << 10  # bytes of a thread's stack, of which some systems give 512 KB
CHAINS = 4  # independent chains of additions that keep the adders of current processors busy


@dataclass(frozen=True, slots=True)
class Cell:
    """One query (by its number in the tile) against one block of points."""

    query: int
    point: int


@dataclass(frozen=True, slots=True)
class Place:
    """A coordinate: ``variable + offset``; the variable is a loop's counter or None."""

    variable: str | None
    offset: int

    def moved(self, by: int) -> Place:
        """The coordinate ``by`` further on."""
        return Place(self.variable, self.offset + by)


TWO = number(2.0)

_Chain = tuple[Expr, Cell, int]  # an accumulator: of which reduction and cell, and its number there


class Source(Protocol):
    """Where leaves come from."""

    @property
    def across(self) -> bool:
        """Whether lanes hold coordinates (rows), not points."""
        ...

    def leaf(self, body: Body, node: Expr, place: Place | None, cell: Cell) -> str:
        """Emit the load of a leaf; ``place`` is None for a scalar leaf."""
        ...


class Emitter:
    """Emits scalars for a set of cells; see the module's text."""

    def __init__(
        self,
        body: Body,
        source: Source,
        lengths: dict[Expr, int | None],
        cells: Sequence[Cell],
        split_sums: bool = False,
        is_number: Callable[[Expr], bool] = lambda node: node.op == "number",
        halved: bool = False,
    ) -> None:
        self.body = body
        self.source = source
        self.lengths = lengths
        self.cells = list(cells)
        self.is_number = is_number  # whether a node's value is surely not NaN
        self.halved = halved  # whether a coordinate of vectors is two numbers, as "pairs" of the layout
        self.split_sums = split_sums  # whether sum(a + b) may add a and b in turn (more fused operations)
        # Additions to one accumulator wait for one another: few cells keep several, over every n-th coordinate.
        self.chains = max(1, CHAINS // len(self.cells))
        self.wide = body.kind
        self.narrow = Kind(body.kind.bits, 1) if source.across else body.kind
        self.scopes = [Scope()]
        self.sides: dict[Expr, frozenset[str]] = {}
        self.seeds: dict[Expr, Expr] = {}
        self.carried: dict[Expr, dict[Cell, str]] = {}
        self.off_pace = False  # whether coordinates are not those the running loop goes through in order

    # the whole

    def scalars(self, roots: Sequence[Expr]) -> list[list[str]]:
        """The values of scalar expressions: ``result[root][cell]``, in the narrow kind."""
        for root in roots:
            self.sides.update(depends_on(root))
        self._find_seeds(roots)
        for one in passes(roots, self.lengths):
            self._run(one)
        with self._kind(self.narrow):
            return [[self.scalar(root, cell) for cell in self.cells] for root in roots]

    def _find_seeds(self, roots: Sequence[Expr]) -> None:
        """a + sum(v) with an `a` that needs no loop: the accumulator starts at a, which saves an addition a cell."""
        if not self.split_sums:
            return
        for node in dict.fromkeys(n for root in roots for n in walk(root) if n.op == "add"):
            for other, total in (node.args, node.args[::-1]):
                free = total.op == "sum" and total not in self.seeds and not any(n.op in _ENDS for n in walk(other))
                if free and not other.is_vector:
                    self.seeds[node] = total
                    self.seeds[total] = other
                    break

    def _run(self, one: Pass) -> None:
        """Emit the loop(s) of one pass; its reductions become known scalars of the surrounding code."""
        bodies = [r.args[0] for r in one.reductions]
        for node in scalars_of(bodies):
            for cell in self.cells:
                with self._kind(self.narrow):
                    self.scalar(node, cell)
        self.keep(bodies)
        partial: dict[tuple[Expr, Cell], list[str]] = {(r, c): [] for r in one.reductions for c in self.cells}
        start = 0
        for kind in self._widths(one.length):
            rounds = (one.length - start) // kind.lanes if self.source.across else one.length
            if rounds == 0:
                continue
            with self._kind(kind):
                totals = self._accumulate(one, start, rounds, first=start == 0)
                start += rounds * kind.lanes
                if self.source.across:
                    sums = [key for key in totals if key[0].op == "sum"]
                    totals = across_lanes(self.body, totals, lambda key, a, b: self._combine(key[0], a, b), sums)
                for key, value in totals.items():
                    partial[key].append(value)
        with self._kind(self.narrow):
            for (reduction, cell), values in partial.items():
                total = values[0]
                for value in values[1:]:
                    total = self._combine(reduction, total, value)
                self._remember(self._key(reduction, None, cell), self._finished(reduction, total))

    def along(self, length: int, visit: Callable[[Place], None]) -> None:
        """Visit every register of ``length`` coordinates across the lanes; a remainder in narrower ones."""
        start = 0
        for kind in self._widths(length):
            rounds = (length - start) // kind.lanes
            if rounds == 0:
                continue
            with self._kind(kind):
                if rounds > 1:
                    with self.body.loop(start + rounds * kind.lanes, (), kind.lanes, start) as loop, self.scope():
                        visit(Place(loop.index, 0))
                else:
                    with self.scope():
                        visit(Place(None, start))
            start += rounds * kind.lanes

    def one_lane(self) -> Kinded:
        """Emit scalars for a while."""
        return self._kind(self.narrow)

    def _widths(self, length: int) -> list[Kind]:
        """The register widths a loop is run with: lanes across coordinates take ever narrower remainders."""
        if not self.source.across:
            return [self.wide]
        lanes, result = self.wide.lanes, []
        while lanes >= 1:
            result.append(Kind(self.wide.bits, lanes))
            lanes //= 2
        return result

    def _accumulate(self, one: Pass, start: int, rounds: int, first: bool) -> dict[tuple[Expr, Cell], str]:
        """Accumulators over ``rounds`` steps from coordinate ``start``: unrolled, or a loop and its remainder."""
        body, step = self.body, (self.body.kind.lanes if self.source.across else 1)
        work = cost(r.args[0] for r in one.reductions) * len(self.cells)
        running = [n for r in one.reductions for n in walk(r.args[0]) if n.op == "cumsum"]
        states = [(n, c) for n in dict.fromkeys(running) for c in self.cells]
        self.carried = {n: {c: body.const(0.0) for c in self.cells} for n, c in states}
        short = (rounds <= UNROLL_ROUNDS and rounds * work <= UNROLL_BUDGET) or rounds == 1
        unroll = 1 if running else max(1, min(8 if len(self.cells) == 1 else 4, rounds, STEP_BUDGET // work))
        wanted = -(-min(self.chains, 2 if work >= DEAR else CHAINS) // len(one.reductions))
        chains = 1 if running else min(wanted, rounds if short else unroll)
        keys = [(r, c, n) for n in range(chains) for r in one.reductions for c in self.cells]
        values = {key: self._identity(key[0], key[1], first and key[2] == 0) for key in keys}
        done = 0
        if not short:
            done = rounds // unroll * unroll
            carried = [(body.kind.type, values[key]) for key in keys]
            carried += [(body.kind.type, self.carried[n][c]) for n, c in states]
            with body.loop(start + done * step, carried, unroll * step, start) as loop, self.scope():
                self._round(values, states, loop, unroll, step)
            values = dict(zip(keys, loop.values[: len(keys)], strict=True))
        with self.scope():
            alternate = self.source.across and body.avx512 and work >= DEAR
            group = max(1, min(SIDE_BY_SIDE, IN_SIGHT // work)) if alternate else 1
            for i in range(done, rounds, group):
                runs = []
                for j in range(i, min(i + group, rounds)):
                    begin = len(body.lines)
                    self._step(values, Place(None, start + j * step), j % chains)
                    runs.append(body.lines[begin:])
                    del body.lines[begin:]
                body.lines += interleaved(runs)
            return {(r, c): self._joined(values, r, c, chains) for r in one.reductions for c in self.cells}

    def _round(
        self, values: dict[_Chain, str], states: list[tuple[Expr, Cell]], loop: Loop, unroll: int, step: int
    ) -> None:
        """The body of a real loop; the accumulators come in and go out with the loop's carried values."""
        keys = list(values)
        values.update(zip(keys, loop.values[: len(keys)], strict=True))
        for (node, cell), name in zip(states, loop.values[len(keys) :], strict=True):
            self.carried[node][cell] = name
        chains = 1 + max(n for _, _, n in keys)
        for u in range(unroll):
            self._step(values, Place(loop.index, u * step), u % chains)
        loop.next = [values[key] for key in keys] + [self.carried[n][c] for n, c in states]

    def _step(self, values: dict[_Chain, str], place: Place, chain: int) -> None:
        """One coordinate (or one register of them) of every reduction and cell."""
        for key in values:
            reduction, cell, n = key
            if n == chain:
                values[key] = self._add_to(reduction, values[key], reduction.args[0], place, cell)

    def _joined(self, values: dict[_Chain, str], reduction: Expr, cell: Cell, chains: int) -> str:
        """The chains of one accumulator, combined pairwise."""
        parts = [values[reduction, cell, n] for n in range(chains)]
        while len(parts) > 1:
            pairs = [self._combine(reduction, *parts[i : i + 2]) for i in range(0, len(parts) - 1, 2)]
            parts = pairs + parts[len(pairs) * 2 :]
        return parts[0]

    # reductions

    def _identity(self, reduction: Expr, cell: Cell, first: bool) -> str:
        """What an accumulator starts at."""
        seed = self.seeds.get(reduction)
        if seed is not None and first and not self.source.across:
            return self.scalar(seed, cell)
        empty = {"sum": 0.0, "prod": 1.0, "max": float("-inf"), "min": float("inf")}[reduction.op]
        return self.body.const(0.0 if _is_max_of_abs(reduction) else empty)

    def _add_to(self, reduction: Expr, total: str, node: Expr, place: Place, cell: Cell) -> str:
        """The accumulator with one more term."""
        if reduction.op == "sum":
            return self._plus(total, node, place, cell)
        return self._combine(reduction, total, self.element(node, place, cell))

    def _plus(self, total: str, node: Expr, place: Place, cell: Cell) -> str:
        """total + node, through fused multiply-adds where the term is a product."""
        body = self.body
        if self.split_sums and node.op == "add" and node.is_vector:
            return self._plus(self._plus(total, node.args[0], place, cell), node.args[1], place, cell)
        if node.op == "mul" and self._fused:
            a, b = (self.element(n, place, cell) for n in node.args)
            return body.add_pairs(a, b, total) if self.halved and node.is_vector else body.fma(a, b, total)
        if node.op == "pow" and node.args[1] == TWO and self._fused:
            root = self.element(node.args[0], place, cell)
            return body.fma(root, root, total)
        return body.add(total, self.element(node, place, cell))

    def _finished(self, reduction: Expr, total: str) -> str:
        """A reduction's value from what its accumulators hold together."""
        return total

    def _combine(self, reduction: Expr, a: str, b: str) -> str:
        """Two partial results of a reduction made one."""
        body = self.body
        if reduction.op == "sum":
            return body.add(a, b)
        if reduction.op == "prod":
            return body.mul(a, b)
        if _is_max_of_abs(reduction):
            # Numbers without a sign order like their bit patterns, NaN above all: one instruction, and NaN stays.
            ia, ib = body.to_bits(a), body.to_bits(b)
            return body.from_bits(body.iselect(body.icompare("ugt", ia, ib), ia, ib))
        return ELEMENTWISE["maximum" if reduction.op == "max" else "minimum"](body, a, b)

    # nodes

    @property
    def _fused(self) -> bool:
        return self.body.fused

    def scalar(self, node: Expr, cell: Cell) -> str:
        """A scalar node's value; reductions must have been run."""
        if node.op == "number":
            return self.body.const(node.value)
        seeded = self.seeds.get(node) if node.op == "add" and not self.source.across else None
        if seeded is not None:
            return self.scalar(seeded, cell)
        key = self._key(node, None, cell)
        found = self._known(key)
        if found is not None:
            return found
        if node.op in _ENDS - {"index"}:
            raise AssertionError(f"{node.op} was used before its loop ran")
        if node.op == "index":
            value = self._element_at(node, cell)
        elif node.op == "add" and self.split_sums and self._fused and "mul" in (a.op for a in node.args):
            product, other = node.args if node.args[0].op == "mul" else node.args[::-1]
            value = self.body.fma(*(self.scalar(a, cell) for a in (*product.args, other)))
        elif node.args:
            value = self._apply(node, [self.scalar(a, cell) for a in node.args])
        else:
            value = self.source.leaf(self.body, node, None, cell)
        return self._remember(key, value)

    def _element_at(self, node: Expr, cell: Cell) -> str:
        """vector[i] as a scalar."""
        vector = node.args[0]
        length = self.lengths[vector]
        assert length is not None
        with self._off_pace():
            return self.element(vector, Place(None, node.value % length), cell)

    def element(self, node: Expr, place: Place, cell: Cell) -> str:
        """A vector node's value at a coordinate (or at a register of coordinates from there on)."""
        if not node.is_vector:
            return self.scalar_widened(node, cell)
        key = self._key(node, place, cell)
        found = self._known(key)
        if found is not None:
            return found
        if node.op == "slice":
            length = self.lengths[node.args[0]]
            assert length is not None
            start, _, _ = slice(*node.value).indices(length)
            with self._off_pace():
                value = self.element(node.args[0], place.moved(start), cell)
        elif node.op == "cumsum":
            value = self._running_sum(node, place, cell)
        elif node.op == "matvec":
            value = self._matrix_row(node, place, cell)
        elif node.args:
            value = self._apply(node, [self.element(a, place, cell) for a in node.args])
        else:
            value = self.source.leaf(self.body, node, place, cell)
        return self._remember(key, value)

    def scalar_widened(self, node: Expr, cell: Cell) -> str:
        """A scalar in every lane of the current kind."""
        if node.op == "number":
            return self.body.const(node.value)
        if self.body.kind == self.narrow:
            return self.scalar(node, cell)
        key = (self._key(node, None, cell), self.body.kind)
        found = self._known(key)
        if found is None:
            wide = self.body.kind
            with self._kind(self.narrow):
                value = self.scalar(node, cell)
            with self._kind(wide):
                found = self._remember(key, self.body.splat(value))
        return found

    def _apply(self, node: Expr, values: list[str]) -> str:
        """An elementwise operation of values that are there; powers by a known exponent need no logarithm.

        Of two of which one is known not to be NaN, the other one comes out where it is: one instruction does that.
        """
        if node.op == "pow" and node.args[1].op == "number":
            return power_constant(self.body, values[0], node.args[1].value)
        if node.op in ("minimum", "maximum"):
            chosen = self.body.smaller if node.op == "minimum" else self.body.larger
            for i in (1, 0):
                if self.is_number(node.args[i]):
                    return chosen(values[i], values[1 - i])
        return ELEMENTWISE[node.op](self.body, *values)

    def _running_sum(self, node: Expr, place: Place, cell: Cell) -> str:
        """cumsum: carried round the loop in which it appears, where coordinates come in order; else summed anew."""
        if self.off_pace:
            return self._prefix_sum(node, place, cell)
        term = self.element(node.args[0], place, cell)
        total = self.body.add(self.carried[node][cell], term)
        self.carried[node][cell] = total
        return total

    def _prefix_sum(self, node: Expr, place: Place, cell: Cell) -> str:
        """cumsum at one coordinate out of order: a loop over all coordinates up to it."""
        body = self.body
        count = body.emit(f"add i64 {place.variable or 0}, {place.offset + 1}")
        with body.loop(count, [(body.kind.type, body.const(0.0))]) as loop, self.scope():
            term = self.element(node.args[0], Place(loop.index, 0), cell)
            loop.next = [body.add(loop.values[0], term)]
        return loop.values[0]

    def _matrix_row(self, node: Expr, place: Place, cell: Cell) -> str:
        """One row of matrix times vector: a loop of its own over the vector's coordinates."""
        matrix, vector = node.args
        columns = self.lengths[vector]
        assert columns is not None
        body = self.body
        row = body.emit(f"add i64 {place.variable or 0}, {place.offset}")
        first = body.emit(f"mul i64 {row}, {columns}")
        kept = self._known(self._key(vector, None, cell))
        with self._off_pace(), body.loop(columns, [(body.kind.type, body.const(0.0))]) as loop, self.scope():
            at = body.emit(f"add i64 {first}, {loop.index}")
            weight = self.source.leaf(body, matrix, Place(at, 0), cell)
            if kept is None:
                value = self.element(vector, Place(loop.index, 0), cell)
            else:
                value = body.load(body.at(kept, body.emit(f"mul i64 {loop.index}, {body.kind.bytes}")))
            loop.next = [body.add(loop.values[0], body.mul(weight, value))]
        return loop.values[0]

    def keep(self, roots: Sequence[Expr]) -> None:
        """Emit loops that put in memory what is itself a loop a coordinate and what a matrix goes through row by row.

        Made anew for each row, the inner vector of A @ (B @ v) would cost D**3.
        """
        body = self.body
        for node in dict.fromkeys(n.args[1] for root in roots for n in walk(root) if n.op == "matvec"):
            length = self.lengths[node]
            assert length is not None
            dear = any(n.op in ("matvec", "cumsum") for n in walk(node))
            if not dear or length * body.kind.bytes * len(self.cells) > MOST_KEPT:
                continue
            for cell in self.cells:
                key = self._key(node, None, cell)
                if self._known(key) is None:
                    room = body.room(length)
                    with self._off_pace(), body.loop(length) as loop, self.scope():
                        value = self.element(node, Place(loop.index, 0), cell)
                        body.store(value, body.at(room, body.emit(f"mul i64 {loop.index}, {body.kind.bytes}")))
                    self._remember(key, room)

    # memory of emitted values

    def _key(self, node: Expr, place: Place | None, cell: Cell) -> object:
        sides = self.sides.get(node)
        if sides is None:
            self.sides.update(depends_on(node))
            sides = self.sides[node]
        query = cell.query if "query" in sides else None
        point = cell.point if "point" in sides else None
        return node, place, query, point, self.body.kind if place is not None else None

    def _known(self, key: object) -> str | None:
        for scope in reversed(self.scopes):
            if key in scope.values:
                return scope.values[key]
        return None

    def _remember(self, key: object, value: str) -> str:
        self.scopes[-1].values[key] = value
        return value

    @contextmanager
    def _off_pace(self) -> Iterator[None]:
        before, self.off_pace = self.off_pace, True
        yield
        self.off_pace = before

    def scope(self) -> Scoped:
        return Scoped(self.scopes)

    def _kind(self, kind: Kind) -> Kinded:
        return Kinded(self.body, kind)


_ENDS = frozenset({"sum", "prod", "max", "min", "index"})


def _is_max_of_abs(reduction: Expr) -> bool:
    return reduction.op == "max" and reduction.args[0].op == "abs"
