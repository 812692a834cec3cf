"""Emitting values that no proof relies on: a rounding more, where that saves much work.

The kernel ``pair`` gives one distance to an index that is being built, in float32; answers are never taken from it. Its
values are as accurate as the formula in float32 may be expected to be, but not bound by the functions' stated errors:

*   The logarithm of a computed number has an absolute error already, from that number's rounding; it need not be
    accurate beyond.
*   A sum of multiples of logarithms is one of base 2, multiplied once.
*   A vector divided by a root is multiplied by one reciprocal. Roots of float32 are neither so small nor so large that
    their reciprocals overflow or lose digits.
"""

from __future__ import annotations

import math
from typing import Any

from anear.codegen.emit import Cell, Emitter, Place
from anear.codegen.math import OF_ROUNDED, avx512
from anear.codegen.math.logarithm import log2_of_rounded
from anear.formula.expression import Expr, make

__all__ = ["QuickEmitter", "ReciprocalEmitter"]


class ReciprocalEmitter(Emitter):
    """An :class:`~anear.codegen.emit.Emitter` that divides vectors by roots of float32 rows as said above.

    Preparing takes it for numbers that are computed in float64 and stored in float32, where one more rounding of
    float64 is nothing.
    """

    def element(self, node: Expr, place: Place, cell: Cell) -> str:
        """As the base class has it, but for quotients with a root below."""
        if node.op == "div" and node.is_vector and node.args[1].op == "sqrt" and not node.args[1].is_vector:
            return self.body.mul(self.element(node.args[0], place, cell), self._reciprocal(node.args[1], cell))
        return super().element(node, place, cell)

    def _reciprocal(self, node: Expr, cell: Cell) -> str:
        """1 / scalar in every lane."""
        key = ("reciprocal", self._key(node, None, cell), self.body.kind)
        known = self._known(key)
        if known is not None:
            return known
        with self._kind(self.narrow):
            value = self.body.div(self.body.const(1.0), self.scalar(node, cell))
        return self._remember(key, value if self.narrow == self.body.kind else self.body.splat(value))


class QuickEmitter(ReciprocalEmitter):
    """An :class:`~anear.codegen.emit.Emitter` of float32 rows that takes all of the liberties above."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tabled = avx512.tabled(self.body)  # in the widest kind: whether logarithms to base 2 are the quick ones

    def _apply(self, node: Expr, values: list[str]) -> str:
        if node.op in OF_ROUNDED and node.args[-1].args:
            return OF_ROUNDED[node.op](self.body, *values)
        return super()._apply(node, values)

    def _add_to(self, reduction: Expr, total: str, node: Expr, place: Place, cell: Cell) -> str:
        if self.tabled and _adds_logarithms(reduction):
            return self._plus_halvings(total, node, place, cell)
        return super()._add_to(reduction, total, node, place, cell)

    def _plus_halvings(self, total: str, node: Expr, place: Place, cell: Cell) -> str:
        """total + node / ln(2), for an ``a * log(b)`` or a sum of such."""
        body = self.body
        if node.op == "add":
            for part in node.args:
                total = self._plus_halvings(total, part, place, cell)
            return total
        argument, halvings = _without_halvings(node.args[1])
        a, b = self.element(node.args[0], place, cell), self.element(argument, place, cell)
        more = body.fma(a, log2_of_rounded(body, b, halvings), total)
        return body.select(body.compare("une", a, body.const(0.0)), more, total)

    def _finished(self, reduction: Expr, total: str) -> str:
        if self.tabled and _adds_logarithms(reduction):
            return self.body.mul(total, self.body.const(math.log(2.0)))
        return total


def _without_halvings(node: Expr) -> tuple[Expr, int]:
    """(b/d, n) for a 2^n * b / d, else (node, 0)."""
    if node.op == "div" and node.args[0].op == "mul" and node.args[0].args[0].op == "number":
        scale, b = node.args[0].args
        mantissa, exponent = math.frexp(scale.value)
        if mantissa == 0.5:
            return make("div", b, node.args[1]), exponent - 1
    return node, 0


def _adds_logarithms(reduction: Expr) -> bool:
    """Whether this is a sum of nothing but ``a * log(b)`` with computed b."""
    terms = [reduction.args[0]]
    while any(t.op == "add" for t in terms):
        terms = [a for t in terms for a in (t.args if t.op == "add" else (t,))]
    return reduction.op == "sum" and all(t.op == "xlogy" and t.args[1].args and t.is_vector for t in terms)
