"""What every pass does with the expression graph: replace parts of it, and ask which side a part belongs to.

The masks say what a part depends on: nothing but numbers and captured arrays (``NEITHER``), the query's data
(``QUERY``), the point's (``POINT``), or both.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from typing import Final

from anear.formula.expression import Expr, make, walk, x, y

__all__ = [
    "BOTH",
    "NEITHER",
    "POINT",
    "QUERY",
    "Sides",
    "is_shape_only",
    "on_side",
    "only_differences",
    "rebuild",
    "size",
    "substitute",
    "walk_unknown",
]

NEITHER: Final = 0
QUERY: Final = 1
POINT: Final = 2
BOTH: Final = 3

_LEAF_SIDES: Final = {"x": QUERY, "query_field": QUERY, "y": POINT, "point_field": POINT}


def walk_unknown(root: Expr, known: Container[Expr]) -> Iterator[Expr]:
    """The nodes of ``root`` not in ``known``, operands first; nothing below a known node is visited.

    The caller makes each node known before it asks for the next.
    """
    stack = [root]
    while stack:
        node = stack[-1]
        if node in known:
            stack.pop()
            continue
        missing = [a for a in node.args if a not in known]
        if missing:
            stack.extend(reversed(missing))
        else:
            stack.pop()
            yield node


class Sides:
    """Which side each expression belongs to, remembered across calls of one pass."""

    def __init__(self) -> None:
        self._known: dict[Expr, int] = {}

    def __call__(self, expr: Expr) -> int:
        """The mask of ``expr``."""
        known = self._known
        if expr not in known:
            for node in walk_unknown(expr, known):
                if node.op == "prepared":
                    mask = QUERY if node.value[0] == "query" else POINT
                else:
                    mask = _LEAF_SIDES.get(node.op, NEITHER)
                for a in () if is_shape_only(node) else node.args:
                    mask |= known[a]
                known[node] = mask
        return known[expr]


def is_shape_only(node: Expr) -> bool:
    """Whether ``node`` is ``where(v, n, n)``: one number as often as ``v`` has coordinates, whatever they are.

    Summed it is how a formula writes the number of coordinates.
    """
    return node.op == "where" and node.args[1] is node.args[2] and node.args[1].op == "number"


def on_side(expr: Expr, side: int) -> Expr:
    """``expr`` with its shape-only parts made of the data of one side, so that all of it can be computed there."""

    def change(node: Expr) -> Expr:
        if not is_shape_only(node):
            return node
        own, other = ("y", "x") if side == POINT else ("x", "y")
        return substitute(node, {make(other): make(own)})

    return rebuild(expr, change)


def size(expr: Expr) -> int:
    """How many different nodes an expression has."""
    return sum(1 for _ in walk(expr))


def rebuild(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """``expr`` with ``change`` applied to every node, operands first (it sees operands already changed)."""
    done: dict[Expr, Expr] = {}
    for node in walk(expr):
        args = tuple(done[a] for a in node.args)
        done[node] = change(node if args == node.args else make(node.op, *args, value=node.value))
    return done[expr]


def substitute(expr: Expr, replacement: Mapping[Expr, Expr]) -> Expr:
    """``expr`` with each key of ``replacement`` replaced by its value (replacements are not searched again)."""
    done: dict[Expr, Expr] = {}
    stack = [expr]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif node in replacement:
            done[node] = replacement[node]
            stack.pop()
        else:
            missing = [a for a in node.args if a not in done]
            if missing:
                stack.extend(reversed(missing))
                continue
            args = tuple(done[a] for a in node.args)
            done[node] = node if args == node.args else make(node.op, *args, value=node.value)
            stack.pop()
    return done[expr]


def only_differences(expr: Expr) -> bool:
    """Whether ``x`` and ``y`` appear only as ``x - y`` (or ``y - x``), so that both can be moved by the same vector.

    >>> from anear.formula import sum
    >>> only_differences(sum((x - y) ** 2)), only_differences(sum(x * y))
    (True, False)
    """
    for node in walk(expr):
        if (x in node.args or y in node.args) and not (node.op == "sub" and set(node.args) == {x, y}):
            return False
    return expr not in (x, y)
