"""Expressions as plain text for a cache: a table of nodes, operands before the nodes that use them.

Unlike ``show`` it knows the leaves of plans, keeps what is shared shared, and costs microseconds. Not for people.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from anear.formula.expression import Expr, walk

__all__ = ["dumps", "loads", "storable"]


def storable(expr: Expr) -> bool:
    """Whether an expression captures no arrays, whose numbers do not belong into a cache of formulas."""
    return all(node.op != "constant" for node in walk(expr))


def dumps(expressions: Sequence[Expr]) -> str:
    """The text of several expressions.

    >>> from anear.formula import sum, x, y
    >>> loads(dumps([sum(abs(x - y)), x]))
    [sum(abs(x - y)), x]
    """
    numbers: dict[Expr, int] = {}
    nodes: list[list[Any]] = []
    for expr in expressions:
        for node in walk(expr):
            if node not in numbers:
                numbers[node] = len(nodes)
                nodes.append([node.op, [numbers[a] for a in node.args], _plain(node.value)])
    return json.dumps([nodes, [numbers[expr] for expr in expressions]], separators=(",", ":"))


def loads(text: str) -> list[Expr]:
    """The expressions of a text that :func:`dumps` made."""
    nodes, wanted = json.loads(text)
    made: list[Expr] = []
    for op, operands, value in nodes:
        made.append(Expr(op, tuple(made[i] for i in operands), _value(value)))
    return [made[i] for i in wanted]


def _plain(value: Any) -> Any:
    """JSON has no infinity, no -0.0 apart from 0, and no tuples: floats travel as their exact hexadecimal text."""
    if isinstance(value, float):
        return {"float": value.hex() if math.isfinite(value) else repr(value)}
    return {"tuple": [_plain(v) for v in value]} if isinstance(value, tuple) else value


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_value(v) for v in value["tuple"])
    return float.fromhex(value["float"])
