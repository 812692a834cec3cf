"""Simplification: a table of identities, applied until none fits.

Each rule keeps the value (up to float64's rounding, overflow, and the sign of zero) and makes nothing, not even
infinity, of what was NaN. Rules read
``pattern -> replacement [if condition]``; in them

    a b c   any expression          n m   a number
    v w     any vector              s     any scalar

Numbers are computed at once, and written in front of products and behind sums.
"""

from __future__ import annotations

import ast
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from anear.formula.expression import ELEMENTWISE, Expr, constant, make, number
from anear.formula.graph import walk_unknown
from anear.formula.interpret import OPERATIONS
from anear.formula.poles import divides_sums, scales_sums
from anear.formula.ranges import range_of
from anear.formula.show import brief
from anear.formula.stages import trace

__all__ = ["RULES", "simplify"]

RULES: Final = """
# numbers in front of products, behind sums
a * n -> n * a                          if varies(a)
n + a -> a + n                          if varies(a)
n * (m * a) -> (n * m) * a              if finite_product(n, m)
n * (a / m) -> (n / m) * a              if varies(a)
a * (n * b) -> n * (a * b)              if varies(a)
(n * a) * b -> n * (a * b)              if varies(b)
a * (1 / b) -> a / b
a / n -> (1 / n) * a                    if power_of_two(n)
a / (n * b) -> (1 / n) * (a / b)        if power_of_two(n)
(n * a) / b -> n * (a / b)              if varies(b)

# nothing to add, nothing to multiply
a + 0 -> a
a - 0 -> a
0 - a -> -a
1 * a -> a
a / 1 -> a
-1 * a -> -a

# signs go outwards
-(-a) -> a
-(a - b) -> b - a
-(n * a) -> (-n) * a                    if finite(n)
a + -b -> a - b
a + n * b -> a - (-n) * b               if negative(n)
a - n * b -> a + (-n) * b               if negative(n)
-a + b -> b - a
a - -b -> a + b
-a * b -> -(a * b)
a * -b -> -(a * b)
-a / b -> -(a / b)
a / -b -> -(a / b)
abs(-a) -> abs(a)
abs(n * a) -> abs(n) * abs(a)
abs(a) -> a                             if never_negative(a)

# small powers are products and roots
a ** 1 -> a
a ** 2 -> a * a
a ** 3 -> a * a * a
a ** 4 -> (a * a) * (a * a)
a ** 5 -> (a * a) * (a * a) * a
a ** 6 -> (a * a * a) * (a * a * a)
a ** 8 -> ((a * a) * (a * a)) * ((a * a) * (a * a))
a ** -1 -> 1 / a
a ** -2 -> 1 / (a * a)
a ** 0.5 -> sqrt(a)
a ** 1.5 -> a * sqrt(a)
a ** 2.5 -> (a * a) * sqrt(a)
a ** 0.25 -> sqrt(sqrt(a))
a ** 0.75 -> sqrt(a) * sqrt(sqrt(a))
a ** -0.5 -> 1 / sqrt(a)
(a ** n) ** m -> a ** (n * m)           if never_negative(a)

# functions that undo each other
sqrt(a * a) -> abs(a)
sqrt(a) * sqrt(a) -> a                  if never_negative(a)
log(exp(a)) -> a
exp(log(a)) -> a                        if never_negative(a)
abs(a) * abs(a) -> a * a
xlogy(n, a) -> n * log(a)               if nonzero(n)

# choices already made
where(n, a, b) -> a                     if nonzero(n)
where(0, a, b) -> b
where(c, a, a) -> a
minimum(a, a) -> a
maximum(a, a) -> a

# scalars leave sums; what rises keeps the order of maximum and minimum
sum(-v) -> -sum(v)
sum(s * v) -> s * sum(v)                if scales_sums(s)
sum(v * s) -> s * sum(v)                if scales_sums(s)
sum(v / s) -> sum(v) / s                if divides_sums(s, v)
max(n * v) -> n * max(v)                if positive(n)
min(n * v) -> n * min(v)                if positive(n)
max(-v) -> -min(v)
min(-v) -> -max(v)
max(sqrt(v)) -> sqrt(max(v))            if never_negative(v)
min(sqrt(v)) -> sqrt(min(v))            if never_negative(v)
"""

CONDITIONS: Final[dict[str, Callable[..., bool]]] = {
    "varies": lambda a: a.op != "number",
    "never_negative": lambda a: range_of(a, rounded=True)[0] >= 0.0,
    "nonzero": lambda n: n.value != 0.0 and not math.isnan(n.value),
    "finite_product": lambda n, m: math.isfinite(n.value * m.value),  # others stay products, and would come back
    "finite": lambda n: math.isfinite(n.value),  # the negative of another is not folded, and would come back
    "negative": lambda n: -math.inf < n.value < 0.0,
    "positive": lambda n: 0.0 < n.value < math.inf,
    "scales_sums": scales_sums,
    "divides_sums": divides_sums,
    "power_of_two": lambda n: (
        math.isfinite(n.value) and abs(math.frexp(n.value)[0]) == 0.5 and 1e-300 < abs(n.value) < 1e300
    ),
}

# None: already simple (a value that is its own key would keep the key alive)
_simplified: weakref.WeakKeyDictionary[Expr, Expr | None] = weakref.WeakKeyDictionary()


def simplify(expr: Expr) -> Expr:
    """``expr`` with the table's rules applied everywhere until none fits."""
    if expr not in _simplified:
        for node in walk_unknown(expr, _simplified):
            simple = _build(node.op, tuple(_get(a) for a in node.args), node.value)
            _simplified[node] = None if simple is node else simple
    return _get(expr)


def _build(op: str, args: tuple[Expr, ...], value: object) -> Expr:
    """The node with simplified operands, simplified itself."""
    node = make(op, *args, value=value)
    while node not in _simplified:
        for step in (_folded, _pushed_down, _rewritten):
            changed = step(node)
            if changed is not None:
                node = changed
                break
        else:
            _simplified[node] = None
    return _get(node)


def _get(node: Expr) -> Expr:
    """The simple form of a node that has been simplified before."""
    simple = _simplified[node]
    return node if simple is None else simple


# --- the rules' patterns ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One node of a rule: an operation, a number (``op`` "number") or a variable (``op`` empty)."""

    op: str
    args: tuple[_Pattern, ...] = ()
    name: str = ""
    number: float = 0.0

    def matches(self, expr: Expr, found: dict[str, Expr]) -> bool:
        """Whether ``expr`` has this form; the variables' values go to ``found``."""
        if not self.op:
            if self.name in found:
                return found[self.name] is expr
            found[self.name] = expr
            return _KINDS[self.name](expr)
        if expr.op != self.op:
            return False
        if self.op == "number":
            return bool(expr.value == self.number)
        return all(p.matches(a, found) for p, a in zip(self.args, expr.args, strict=True))

    def build(self, found: dict[str, Expr]) -> Expr:
        """The simplified expression of this form."""
        if not self.op:
            return found[self.name]
        if self.op == "number":
            return number(self.number)
        return _build(self.op, tuple(p.build(found) for p in self.args), None)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: _Pattern
    replacement: _Pattern
    condition: Callable[[dict[str, Expr]], bool]


_KINDS: Final[dict[str, Callable[[Expr], bool]]] = {
    **dict.fromkeys("abc", lambda a: True),
    **dict.fromkeys("nm", lambda a: a.op == "number"),
    **dict.fromkeys("vw", lambda a: a.is_vector),
    "s": lambda a: not a.is_vector,
}
_OPERATORS: Final[dict[type, str]] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}


def _read(node: ast.expr) -> _Pattern:
    """A pattern from its text's syntax tree."""
    if isinstance(node, ast.Name):
        return _Pattern("", name=node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return _Pattern("number", number=float(node.value))
    if isinstance(node, ast.UnaryOp):
        inner = _read(node.operand)
        return _Pattern("number", number=-inner.number) if inner.op == "number" else _Pattern("neg", (inner,))
    if isinstance(node, ast.BinOp):
        return _Pattern(_OPERATORS[type(node.op)], (_read(node.left), _read(node.right)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _Pattern(node.func.id, tuple(_read(a) for a in node.args))
    raise SyntaxError(f"not a pattern: {ast.unparse(node)}")


def _pattern(text: str) -> _Pattern:
    return _read(ast.parse(text.strip(), mode="eval").body)


def _condition(text: str) -> Callable[[dict[str, Expr]], bool]:
    if not text:
        return lambda found: True
    name, listed = text.strip().rstrip(")").split("(")
    test, variables = CONDITIONS[name], [variable.strip() for variable in listed.split(",")]
    return lambda found: test(*(found[variable] for variable in variables))


def _rules(table: str) -> dict[str, list[_Rule]]:
    """The table's rules by the operation they apply to."""
    rules: dict[str, list[_Rule]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            form, _, condition = line.partition(" if ")
            pattern, _, replacement = form.partition("->")
            rule = _Rule(_pattern(pattern), _pattern(replacement), _condition(condition))
            rules.setdefault(rule.pattern.op, []).append(rule)
    return rules


_TABLE: Final = _rules(RULES)


def _rewritten(node: Expr) -> Expr | None:
    """The node after the first rule that fits; None where none does."""
    for rule in _TABLE.get(node.op, ()):
        found: dict[str, Expr] = {}
        if rule.pattern.matches(node, found) and rule.condition(found):
            new = rule.replacement.build(found)
            # a scalar operand may stand for a vector (`where(1, 2, x)` has as many coordinates as x): then keep it
            if new is not node and new.is_vector == node.is_vector and new.length == node.length:
                trace(3, "simplify", lambda: f"{brief(node)}  becomes  {brief(new)}")  # noqa: B023 (called at once)
                return new
    return None


# --- numbers, and single coordinates ----------------------------------------------------------------------------------


def _folded(node: Expr) -> Expr | None:
    """An operation on numbers and captured vectors alone, computed, where the result is finite."""
    if not node.args or any(a.op not in ("number", "constant") for a in node.args):
        return None
    with np.errstate(all="ignore"):
        if node.op in ELEMENTWISE or node.op == "cumsum":
            values = OPERATIONS[node.op](*(_value(a) for a in node.args))
        elif node.op == "matvec":
            values = node.args[0].value.values @ node.args[1].value.values
        elif node.op == "slice":
            values = _value(node.args[0])[slice(*node.value)]
        else:  # a captured vector's sum or coordinate stays: numbers are part of the machine code, vectors are not
            return None
    if not np.isfinite(values).all():
        return None
    return constant(values) if node.is_vector else number(float(values))


def _value(leaf: Expr) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(leaf.value if leaf.op == "number" else leaf.value.values, dtype=np.float64)


def _pushed_down(node: Expr) -> Expr | None:
    """``(a + b)[i]`` as ``a[i] + b[i]``, and the same for slices: what is not needed is not computed."""
    if node.op not in ("index", "slice"):
        return None
    (inner,) = node.args
    if inner.op in ELEMENTWISE and inner.length is None:
        args = tuple(_build(node.op, (a,), node.value) if a.is_vector else a for a in inner.args)
        return make(inner.op, *args, value=inner.value)
    if node.op == "index" and inner.op == "slice":
        start, stop = inner.value
        at = node.value + (start or 0)
        if node.value >= 0 and (start is None or start >= 0) and (stop is None or 0 <= at < stop):
            return make("index", inner.args[0], value=at)
    return None
