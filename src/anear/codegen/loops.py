"""From an expression to loops over coordinates.

A formula is a scalar made of reductions. Reductions that do not need one another and run over equally many
coordinates share one loop (a ``Pass``); what needs a finished reduction comes in a later pass:

    sum(abs(x - y)) / sum(abs(x + y))       one pass with two accumulators
    sum(abs(x - y - mean(x - y)))           two passes
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anear.formula.expression import REDUCTIONS, Expr, walk

__all__ = ["Pass", "cost", "depends_on", "passes", "scalar_cost", "scalars_of"]

# Rough numbers of vector instructions; they only decide how far to unroll and how large a tile is.
_COSTS = {
    "abs": 1, "neg": 1, "add": 1, "sub": 1, "mul": 1, "div": 6, "sqrt": 8, "rsqrt": 14, "floor": 1, "sign": 3,
    "minimum": 3, "maximum": 3, "lt": 2, "le": 2, "gt": 2, "ge": 2, "eq": 2, "ne": 2, "where": 2, "mod": 10,
    "log": 22, "exp": 20, "xlogy": 25, "pow": 60, "prepared": 1, "number": 0, "constant": 1, "cumsum": 1,
}  # fmt: skip
_DEFAULT_COST = 30


@dataclass(frozen=True, slots=True)
class Pass:
    """Reductions that one loop of ``length`` rounds computes."""

    length: int
    reductions: tuple[Expr, ...]


def _levels(roots: Iterable[Expr]) -> dict[Expr, int]:
    """How many loops must be finished before a node's value is there."""
    level: dict[Expr, int] = {}
    for root in roots:
        for node in walk(root):
            if node not in level:
                below = max((level[a] for a in node.args), default=0)
                level[node] = below + (node.op in REDUCTIONS)
    return level


def passes(roots: Iterable[Expr], lengths: dict[Expr, int | None]) -> list[Pass]:
    """The loops that compute all reductions in ``roots``, in an order that works."""
    roots = list(roots)
    level = _levels(roots)
    groups: dict[tuple[int, int], list[Expr]] = {}
    for root in roots:
        for node in walk(root):
            if node.op in REDUCTIONS:
                length = lengths[node.args[0]]
                assert length is not None
                group = groups.setdefault((level[node], length), [])
                if node not in group:
                    group.append(node)
    return [Pass(length, tuple(nodes)) for (_, length), nodes in sorted(groups.items(), key=lambda g: g[0])]


def scalars_of(roots: Iterable[Expr]) -> list[Expr]:
    """The scalar operands inside vector expressions: they are computed before a loop starts."""
    found: dict[Expr, None] = {}
    for root in roots:
        stack = [root]
        seen: set[Expr] = set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.is_vector:
                stack.extend(node.args)
            elif node.op != "number":
                found[node] = None
    return list(found)


def depends_on(root: Expr) -> dict[Expr, frozenset[str]]:
    """Which sides ("query", "point") each node's value depends on."""
    result: dict[Expr, frozenset[str]] = {}
    for node in walk(root):
        sides: frozenset[str] = frozenset()
        if node.op == "prepared":
            sides = frozenset({node.value[0]})
        elif node.op in ("x", "query_field"):
            sides = frozenset({"query"})
        elif node.op in ("y", "point_field"):
            sides = frozenset({"point"})
        for a in node.args:
            sides |= result[a]
        result[node] = sides
    return result


def _cost(node: Expr) -> int:
    """A rough number of instructions for one node; powers by small whole numbers are a few multiplications."""
    if node.op == "pow" and node.args[1].op == "number":
        exponent = abs(node.args[1].value)
        if exponent == int(exponent) and exponent <= 16:
            return max(1, 2 * int(exponent).bit_length() - 3)
    return _COSTS.get(node.op, _DEFAULT_COST)


def scalar_cost(root: Expr) -> int:
    """A rough number of instructions outside loops, for one pair."""
    return sum(_cost(n) for n in walk(root) if not n.is_vector and n.args)


def cost(roots: Iterable[Expr]) -> int:
    """A rough number of instructions for one coordinate of these vector expressions."""
    seen: set[Expr] = set()
    for root in roots:
        seen.update(n for n in walk(root) if n.is_vector)
    return sum(_cost(n) for n in seen) or 1
