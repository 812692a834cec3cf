"""Reordering sums and products so that their one-sided operands stand together.

    (x - y) * w * 2   ->   (2*w) * (x - y)         x + y - w   ->   (x - w) + y

Only the order of operations changes. One rewriting comes with it: ``xlogy(a, b)`` with ``b`` of one side becomes
``where(a, a*log(b), 0)``, whose logarithm can then be stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from anear.formula.expression import Expr, make, number, walk
from anear.formula.graph import BOTH, POINT, QUERY, Sides
from anear.formula.simplify import simplify

__all__ = ["regrouped"]

_CHAINS: Final = {"add": "sum", "sub": "sum", "mul": "product", "div": "product", "neg": "product"}


def regrouped(expr: Expr) -> Expr:
    """``expr`` with the operands of its two-sided sums and products ordered by side."""
    sides = Sides()
    inner = _inner_links(expr)
    done: dict[Expr, Expr] = {}
    for node in walk(expr):
        args = tuple(done[a] for a in node.args)
        changed = node if args == node.args else make(node.op, *args, value=node.value)
        done[node] = changed if node in inner else _ordered(changed, sides)
    return done[expr]


def _inner_links(expr: Expr) -> set[Expr]:
    """The sums that are operands of sums alone, and the products of products: their whole chain is ordered at once."""
    users: dict[Expr, set[str]] = {}
    for node in walk(expr):
        for a in node.args:
            users.setdefault(a, set()).add(_CHAINS.get(node.op, ""))
    return {node for node, kinds in users.items() if kinds == {_CHAINS.get(node.op, "-")}}


def _ordered(node: Expr, sides: Sides) -> Expr:
    """The node with its own chain ordered."""
    if sides(node) != BOTH:
        return node
    if node.op in ("mul", "div", "neg"):
        return _product(node, sides)
    if node.op in ("add", "sub"):
        return _sum(node, sides)
    if node.op == "xlogy" and sides(node.args[1]) != BOTH:
        a, b = node.args
        return make("where", a, _product(make("mul", a, make("log", b)), sides), number(0.0))
    return node


@dataclass(slots=True)
class _Groups:
    """The operands of one chain by (side, whether a vector): taken as they are (``up``) or inverted (``down``)."""

    sides: Sides
    up: dict[tuple[int, bool], list[Expr]] = field(default_factory=dict)
    down: dict[tuple[int, bool], list[Expr]] = field(default_factory=dict)

    def put(self, node: Expr, inverted: bool) -> None:
        """Add an operand."""
        side = self.sides(node) or QUERY  # captured vectors join the query's entries
        (self.down if inverted else self.up).setdefault((side, node.is_vector), []).append(node)

    def above(self, op: str, *kinds: tuple[int, bool]) -> Expr | None:
        """The operands of these kinds, joined by ``op``; None where there are none."""
        return _joined(op, [e for kind in kinds for e in self.up.get(kind, [])])

    def below(self, op: str, *kinds: tuple[int, bool]) -> Expr | None:
        """The inverted operands of these kinds, joined by ``op``."""
        return _joined(op, [e for kind in kinds for e in self.down.get(kind, [])])


_MIXED: Final = ((BOTH, False), (BOTH, True))


def _joined(op: str, parts: Iterable[Expr | None]) -> Expr | None:
    result: Expr | None = None
    for part in parts:
        if part is not None:
            result = part if result is None else make(op, result, part)
    return result


def _product(node: Expr, sides: Sides) -> Expr:
    """A product with the query's factors first, then the point's, then the others; divisions by vectors last.

    Dividing by a one-sided scalar becomes multiplying by its reciprocal, computed once. Vectors are divided by as they
    are: the reciprocal of a small coordinate might overflow where the quotient does not.
    """
    groups = _Groups(sides)
    scale = 1.0
    stack = [(node, False)]
    while stack:
        part, below = stack.pop()
        if part.op == "mul" and part.args[0] is part.args[1]:
            groups.put(part.args[0], below)  # a square stays the square of one value, computed once
            groups.put(part.args[0], below)
        elif sides(part) == BOTH and part.op in ("mul", "div"):
            stack += [(part.args[1], below != (part.op == "div")), (part.args[0], below)]
        elif sides(part) == BOTH and part.op == "neg":
            scale = -scale
            stack.append((part.args[0], below))
        elif part.op == "number" and part.value != 0.0:
            scale = scale / part.value if below else scale * part.value
        else:
            groups.put(part, below)
    query = _divided(groups.above("mul", (QUERY, False)), groups.below("mul", (QUERY, False)))
    query = _joined("mul", (query, groups.above("mul", (QUERY, True))))
    if query is not None and scale != 1.0:
        query, scale = simplify(make("mul", number(scale), query)), 1.0
    point = _divided(groups.above("mul", (POINT, False)), groups.below("mul", (POINT, False)))
    rest = groups.above("mul", (POINT, True), *_MIXED)
    top = _joined("mul", (query, point, rest))
    top = number(1.0) if top is None else top
    bottom = groups.below("mul", (QUERY, True), (POINT, True), *_MIXED)
    result = top if bottom is None else make("div", top, bottom)
    if scale == -1.0:
        return make("neg", result)
    return result if scale == 1.0 else make("mul", number(scale), result)


def _divided(above: Expr | None, below: Expr | None) -> Expr | None:
    if below is None:
        return above
    return make("div", number(1.0) if above is None else above, below)


def _sum(node: Expr, sides: Sides) -> Expr:
    """A sum whose one-sided operands are added up on their own."""
    groups = _Groups(sides)
    count = 0
    stack = [(node, False)]
    while stack:
        part, minus = stack.pop()
        if sides(part) == BOTH and part.op in ("add", "sub"):
            stack += [(part.args[1], minus != (part.op == "sub")), (part.args[0], minus)]
        else:
            groups.put(part, minus)
            count += 1
    if count == 2:
        return node
    parts = [_difference(groups, (QUERY, False), (QUERY, True)), _difference(groups, (POINT, False), (POINT, True))]
    parts.append(_difference(groups, *_MIXED))
    up = _joined("add", [above for above, _ in parts])
    down = _joined("add", [below for _, below in parts])
    if down is None:
        return node if up is None else up
    return make("neg", down) if up is None else make("sub", up, down)


def _difference(groups: _Groups, *kinds: tuple[int, bool]) -> tuple[Expr | None, Expr | None]:
    """(what to add, what to subtract) of these kinds: one of them is None."""
    above, below = groups.above("add", *kinds), groups.below("add", *kinds)
    if above is not None and below is not None:
        return make("sub", above, below), None
    return above, below
