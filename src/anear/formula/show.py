"""A formula as text: what ``parse`` reads back to the very same formula.

    show    exact: every number and captured array written out
    brief   for people: long arrays and very long formulas shortened (``repr`` of a formula)
    unbind  exact, with the captured arrays beside the text instead of in it

A formula that is too deep, or whose shared parts would be repeated too often, is written with names for its parts:
``t0 = x - y; sum(t0 * t0)``.
"""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Array, Expr, walk
from anear.formula.reductions import is_dimension

__all__ = ["brief", "show", "unbind"]

# Python's precedences: comparison, sum, product, sign, power, atom
_INFIX: Final = {
    "lt": ("<", 1),
    "le": ("<=", 1),
    "gt": (">", 1),
    "ge": (">=", 1),
    "eq": ("==", 1),
    "ne": ("!=", 1),
    "add": ("+", 2),
    "sub": ("-", 2),
    "mul": ("*", 3),
    "div": ("/", 3),
    "mod": ("%", 3),
    "matvec": ("@", 3),
    "pow": ("**", 5),
}
_TURNED: Final = ("lt", "le", "gt", "ge")
_COMPARISON, _SIGN, _POWER, _ATOM = 1, 4, 5, 6

# Beyond these a formula is written in several statements; each level of HEIGHT takes at most two of the 100
# nested levels that `parse` allows.
HEIGHT: Final = 40
CHAIN: Final = 300
SIZE: Final = 1000

BRIEF_LENGTH: Final = 2000
BRIEF_ARRAY: Final = 8


def show(expr: Expr) -> str:
    """The text of a formula; ``parse(show(expr)) is expr``.

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> show(sum((x - y) ** 2) / (x[0] * y[0]))
    'sum((x - y) ** 2) / (x[0] * y[0])'
    """
    return _text(expr, _literal)


def brief(expr: Expr) -> str:
    """The text of a formula for people: captured arrays that are long appear by name or shortened."""
    return _text(expr, _short_literal, BRIEF_LENGTH)


def unbind(expr: Expr) -> tuple[str, dict[str, npt.NDArray[np.float64]]]:
    """The text with names in the place of captured arrays, and the arrays by name.

    ``formula(text, **arrays)`` gives the same formula back; saved files keep it so.

    Examples
    --------
    >>> from anear.formula import constant, sum, x, y
    >>> text, arrays = unbind(sum(constant([0.17, 2.71], "w") * abs(x - y)))
    >>> text, list(arrays)
    ('sum(w * abs(x - y))', ['w'])
    """
    names: dict[Array, str] = {}
    taken = {"x", "y", "pi", "e", "inf", "nan", "query", "point"}
    for node in walk(expr):
        if node.op != "constant":
            continue
        wanted: str = node.value.name if _is_name(node.value.name) else f"a{len(names)}"
        name, tries = wanted, 0
        while name in taken:
            tries += 1
            name = f"{wanted}_{tries}"
        taken.add(name)
        names[node.value] = name
    return _text(expr, names.__getitem__), {name: array.values for array, name in names.items()}


def _is_name(name: str | None) -> bool:
    if name is None or not name.isascii() or not name.isidentifier() or keyword.iskeyword(name):
        return False
    return not (name[0] == "t" and name[1:].isdigit())  # the text's own names for parts


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15 and (value != 0.0 or np.copysign(1.0, value) > 0):
        return str(int(value))
    return repr(value)


def _literal(array: Array) -> str:
    return repr(array.values.tolist())


def _short_literal(array: Array) -> str:
    values = array.values
    if values.size <= BRIEF_ARRAY:
        return array.name or _literal(array)
    if array.name:
        return array.name
    first = ", ".join(repr(v) for v in values.ravel()[:3].tolist())
    shape = " x ".join(str(size) for size in array.shape)
    return f"{'[' * values.ndim}{first}, ... ({shape} numbers){']' * values.ndim}"


def _text(root: Expr, literal: Callable[[Array], str], limit: int | None = None) -> str:
    bound = _bindings(root)
    parts: list[str] = []
    length = 0
    statements = [(f"{name} = ", node) for node, name in bound.items()] + [("", root)]
    for head, statement in statements:
        stack: list[str | tuple[Expr, int]] = [(statement, 0), head]
        first = True
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                parts.append(item)
                length += len(item)
                if limit is not None and length > limit:
                    return "".join(parts)[:limit] + " ..."
                continue
            node, least = item
            if node in bound and not first:
                stack.append(bound[node])
                continue
            pieces, precedence = _pieces(node, literal)
            if precedence < least:
                pieces = ["(", *pieces, ")"]
            stack.extend(reversed(pieces))
            first = False
        if head:
            parts.append("; ")
    return "".join(parts)


def _pieces(node: Expr, literal: Callable[[Array], str]) -> tuple[list[str | tuple[Expr, int]], int]:
    """One node's text with its operands still to be written, and how tightly it binds.

    An operand stands beside the least precedence it may have without parentheses.
    """
    op, args = node.op, node.args
    if not args:
        text = _leaf(node, literal)
        return [text], _SIGN if text.startswith("-") else _ATOM
    # Python computes on plain numbers and arrays, and turns `1 < x` round, so that these are written as functions
    literals = all(_is_literal(a) for a in args) or (op in _TURNED and _is_literal(args[0]))
    if op in _INFIX and not literals:
        sign, own = _INFIX[op]
        left, right = own, own + 1
        if own == _COMPARISON:
            left = own + 1  # not chained
        elif own == _POWER:
            left, right = _ATOM, _SIGN  # a sign may follow **, and ** groups from the right
        return [(args[0], left), f" {sign} ", (args[1], right)], own
    if op == "neg" and not literals:
        return ["-", (args[0], _SIGN)], _SIGN
    if op == "index" and not literals:
        return [(args[0], _ATOM), f"[{node.value}]"], _ATOM
    if op == "slice" and not literals:
        return [(args[0], _ATOM), f"[{_bound(node.value[0])}:{_bound(node.value[1])}]"], _ATOM
    if is_dimension(node):
        return ["dimension(", (args[0].args[0], 0), ")"], _ATOM
    pieces: list[str | tuple[Expr, int]] = [f"{op}("]
    for number, a in enumerate(args):
        pieces += [", "] * (number > 0) + [(a, 0)]
    if op == "index":
        pieces.append(f", {node.value}")
    if op == "slice":
        pieces.append(f", {node.value[0]}, {node.value[1]}")
    return [*pieces, ")"], _ATOM


def _is_literal(node: Expr) -> bool:
    return node.op in ("number", "constant")


def _bound(position: int | None) -> str:
    return "" if position is None else str(position)


def _leaf(node: Expr, literal: Callable[[Array], str]) -> str:
    if node.op == "number":
        return _number(node.value)
    if node.op == "constant":
        return literal(node.value)
    if node.op == "prepared":
        side, number, _ = node.value
        return side if side not in ("query", "point") else f"{side}{number}"
    if node.op in ("point_field", "query_field"):
        name, length = node.value
        return f'{node.op}("{name}")' if length is None else f'{node.op}("{name}", {length})'
    return node.op


def _bindings(root: Expr) -> dict[Expr, str]:
    """The nodes that get a name of their own, operands first; none where the text is small enough."""
    nodes = list(walk(root))
    if not _chosen(nodes, lambda node: False):
        return {}
    uses = Counter(a for node in nodes for a in node.args)
    chosen = _chosen(nodes, lambda node: uses[node] > 1)
    return {node: f"t{number}" for number, node in enumerate(node for node in chosen if node is not root)}


def _chosen(nodes: list[Expr], repeated: Callable[[Expr], bool]) -> list[Expr]:
    """The nodes, operands first, at which a text would grow too large, and those ``repeated`` that are not tiny."""
    chosen: list[Expr] = []
    size: dict[Expr, int] = {}  # nodes written out
    height: dict[Expr, int] = {}  # nesting
    chain: dict[Expr, int] = {}  # operators in a row, as in a + b + c
    for node in nodes:
        args = node.args
        # a node that got a name has height -1, so that nothing continues it and it adds no level
        flat = _continues(node) and height[args[0]] >= 0
        size[node] = 1 + sum(size[a] for a in args)
        height[node] = max((height[a] + (0 if flat and i == 0 else 1) for i, a in enumerate(args)), default=0)
        chain[node] = (chain[args[0]] if flat else 0) + 1
        large = size[node] >= SIZE or height[node] >= HEIGHT or chain[node] >= CHAIN
        if args and (large or (size[node] > 3 and repeated(node))):
            chosen.append(node)
            size[node], height[node], chain[node] = 1, -1, 0
    return chosen


def _continues(node: Expr) -> bool:
    """Whether the first operand is written without parentheses, as in ``a + b`` of ``a + b + c``."""
    if node.op not in _INFIX or node.op == "pow":
        return False
    return _INFIX.get(node.args[0].op, ("", 0))[1] >= _INFIX[node.op][1] > _COMPARISON
