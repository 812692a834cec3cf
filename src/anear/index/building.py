"""What a graph is built by: the distance that it is searched with, or one made of it, or another.

The graph of a distance that is not the same from either side may be built by a symmetric one while its searches walk by
the distance itself (Boytsov and Nyberg, https://arxiv.org/abs/1910.03534). What stands here is only arithmetic with
formulas: each is compiled as any other, and used for the candidates of a new point's neighbours and to choose of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.data.types.dense import to_float
from anear.errors import AnearError, ArgumentError
from anear.formula.expression import Expr, constant, make, number, walk, x, y
from anear.formula.geodesic import geodesic
from anear.formula.graph import substitute
from anear.formula.hoist import Plan, fields
from anear.formula.interpret import evaluate
from anear.index.arguments import shown
from anear.index.choice import walk_precision
from anear.index.graphs import code_form, row_form
from anear.index.metrics import symmetric
from anear.index.tables import Space
from anear.spaces.domain import Domain
from anear.spaces.lookup import resolve
from anear.spaces.space import Resolved

__all__ = ["WORDS", "build_by", "checked_word"]

WORDS: Final = ("auto", "same", "reverse", "min", "average", "geodesic", "bilinear")
_NAME: Final = "options['index_distance']"


def checked_word(value: Any) -> str:
    """The option's value, if it is one of the words, or a distance's name or formula."""
    if isinstance(value, str) and value in WORDS:
        return value
    allowed = f"{', '.join(WORDS)}, or a distance's name or formula"
    if not isinstance(value, str):
        raise ArgumentError(f"{_NAME} is {shown(value)}; allowed: {allowed}")
    try:
        resolve(value)
    except AnearError as error:
        raise ArgumentError(f"{_NAME} is {shown(value)}; allowed: {allowed}: {error}") from error
    return value


def build_by(
    form: Any,
    word: str,
    space: Space,
    rows: npt.NDArray[Any],
    resolved: Resolved,
    method: str,
    checked: bool,
    codes: int,
) -> str:
    """Make ``form`` build by what the word means. Returns it, or for "auto" the one that this stands for."""
    both = symmetric(resolved, checked)
    if word == "auto":
        word = _default(space, rows, both)
    expr = _formula(word, space, rows, resolved, both)
    if expr is space.expr:
        return word
    other = Space(expr, space.dimension, space.storage, space.checked)
    plan = other.stages.direct
    # In the type of the data even where no bound is proved: no answer is taken from it.
    precision = other.arithmetic if other.precision(plan) == "float64" else walk_precision(other, plan, rows)
    table = other.row_table(plan, precision)
    nothing_proved = (np.zeros(0, np.int32), 0.0, 0.0)
    estimate = _core.Estimate(table.table, table.parameters, *nothing_proved, table.offset)
    expanded = other.stages.expanded
    coded = codes > 0 and expanded is not None and expanded.bilinear and precision == "float32" == other.precision(plan)
    facts = replace(resolved, name=None, expr=expr, claims=frozenset())
    objects = np.ascontiguousarray(rows[:, : space.dimension])
    theirs = row_form(other, table.layout, method, facts, checked, rows, objects)
    form.build_by(estimate, theirs, code_form(other, plan, precision, codes)[0] if coded else None)
    return word


def _default(space: Space, rows: npt.NDArray[Any], both: bool) -> str:
    """What docs/index_distance.md has measured: a divergence is best built by what it is like near its bottom."""
    if both or fields(space.expr, "point") or geodesic(space.stages.rank) is None:
        return "same"
    # Roots and logarithms are not for negative numbers.
    return "geodesic" if np.min(_coordinates(space, rows)) >= 0 else "same"


def _formula(word: str, space: Space, rows: npt.NDArray[Any], resolved: Resolved, both: bool) -> Expr:
    """The formula of two points that a word means."""
    expr = _within(space, rows, resolved)
    if word == "same" or (both and word in ("reverse", "min", "average")):
        return expr
    if word not in WORDS:
        return _another(word, rows, space)
    if fields(expr, "point"):
        raise ArgumentError(
            f"{_NAME} is {word!r}, which puts points in the place of queries, but the formula uses point_field(...),"
            " which queries do not have; allowed: same, or a formula without fields"
        )
    if word == "bilinear":
        return _lifted(space, rows)
    if word == "geodesic":
        found = geodesic(space.stages.rank)
        if found is None:
            raise ArgumentError(
                f"{_NAME} is 'geodesic', which is for formulas that are a smooth sum over coordinates and least where"
                f" the two are equal, which {space.expr} is not; allowed: same, reverse, min, average, another distance"
            )
        return found
    other = substitute(expr, {x: y, y: x})
    if word == "reverse":
        return other
    if word == "min":
        return make("minimum", expr, other)
    return make("mul", number(0.5), make("add", expr, other))


def _another(word: str, rows: npt.NDArray[Any], space: Space) -> Expr:
    """A distance by its name or formula, whose domain the points must keep to."""
    other = resolve(word)
    if fields(other.expr, "query") or fields(other.expr, "point"):
        raise ArgumentError(f"{_NAME} is {word!r}, which uses fields; allowed: a formula of x and y alone")
    for domain in (other.query_domain, other.point_domain) if space.checked else ():
        domain.check(rows[:, : space.dimension], "points", word)
    return other.expr


def _lifted(space: Space, rows: npt.NDArray[Any]) -> Expr:
    """The Euclidean distance of what the inner product takes of points, lifted so that all are equally long.

    To minimise ``u . v`` over points v is to find the one nearest to -u, once a coordinate more makes all v equally
    long: ``|v - (-u)|**2 = |v|**2 + |u|**2 + 2 u . v`` (Bachrach and others, RecSys 2014).
    """
    plan = space.stages.expanded
    if plan is None or not plan.bilinear:
        raise ArgumentError(
            f"{_NAME} is 'bilinear', which is for formulas that are an inner product of numbers of the query and of"
            f" the point, which {space.expr} is not; allowed: same, reverse, min, average, or another distance"
        )
    parts = _point_parts(plan)
    squares = [make("sum", make("mul", v, v)) if v.is_vector else make("mul", v, v) for v in parts]
    length = _total(squares)
    points = _coordinates(space, rows).astype(np.float64)
    with np.errstate(all="ignore"):
        lengths = evaluate(length, points[:1], points)
    longest = np.max(lengths, initial=0.0, where=np.isfinite(lengths))
    limit = make("index", constant(np.array([longest])), value=0)
    lift = make("sqrt", make("maximum", make("sub", limit, length), number(0.0)))
    terms = []
    for v in (*parts, lift):
        difference = make("sub", substitute(v, {y: x}), v)
        square = make("mul", difference, difference)
        terms.append(make("sum", square) if v.is_vector else square)
    return _total(terms)


def _point_parts(plan: Plan) -> list[Expr]:
    """What the pair of a bilinear plan takes of the point."""
    used = sorted({node.value[1] for node in walk(plan.pair) if node.op == "prepared" and node.value[0] == "point"})
    return [plan.point[i] for i in used]


def _total(terms: list[Expr]) -> Expr:
    total = terms[0]
    for term in terms[1:]:
        total = make("add", total, term)
    return total


def _within(space: Space, rows: npt.NDArray[Any], resolved: Resolved) -> Expr:
    """The formula with queries kept away from 0 where they must not be 0, but points may."""
    expr = space.expr
    if not space.checked or not _open_at_zero(resolved.query_domain) or _open_at_zero(resolved.point_domain):
        return expr
    points = _coordinates(space, rows)
    if not np.any(points == 0):
        return expr
    least = np.min(points, initial=np.inf, where=points > 0)
    smallest = make("index", constant(np.array([least if np.isfinite(least) else 1.0])), value=0)
    return substitute(expr, {x: make("maximum", x, smallest)})


def _coordinates(space: Space, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return to_float(rows[:, : space.dimension])


def _open_at_zero(domain: Domain) -> bool:
    """Whether a coordinate may not be 0, though it may be any positive number."""
    return any(
        rule.column is None and rule.measure is None and rule.low == 0 and rule.low_open for rule in domain.rules
    )
