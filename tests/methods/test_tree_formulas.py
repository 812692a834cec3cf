"""Formulas nobody thought of: a tree gives what a scan gives, on data made to break bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formula.strategies import DIMENSION, formulas, rows
from tests.formula.zeros import is_determined
from tests.index.support import same, stored
from tests.index.test_random_formulas import field_data

import anear
from anear.formula import Expr, maximum, minimum, parse, x, y
from anear.formula.expression import make, number
from anear.index.stages import stages_of

Array = npt.NDArray[np.float64]
POINTS: Final = 300

seeds = st.integers(0, 2**32 - 1)


def repeated(points: Array, rng: np.random.Generator) -> Array:
    """Nine points over and over."""
    return points[rng.integers(0, 9, len(points))]


def crowded(points: Array, rng: np.random.Generator) -> Array:
    """Nine points, each a cloud that float32 hardly resolves."""
    return repeated(points, rng) * (1 + 1e-7 * rng.normal(size=(len(points), 1)))


def scaled(points: Array, rng: np.random.Generator) -> Array:
    """Over all sizes from 2^-40 to 2^40."""
    return np.asarray(points * 2.0 ** rng.integers(-40, 40, (len(points), 1)))


CHANGES: Final[dict[str, Callable[[Array, np.random.Generator], Array]]] = {
    "as drawn": lambda points, rng: points,
    "lattice": lambda points, rng: np.round(2 * points + 0.5) / 2,
    "far": lambda points, rng: 1e6 + 1e-3 * points,
    "repeated": repeated,
    "crowded": crowded,
    "scaled": scaled,
}


TAME: Final = ("as drawn", "lattice", "repeated")


def data(seed: int, change: str, storage: str, positive: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Queries, some of them points, and points."""
    queries, points = rows(seed, queries=4, points=POINTS, positive=positive)
    together = CHANGES[change](np.concatenate([points, queries]), np.random.default_rng(seed))
    if storage == "int8":
        together *= 3
    with np.errstate(over="ignore"):
        found = stored(together, storage)
    found = np.where(np.isfinite(found.astype(np.float64)), found, found.dtype.type(1))
    return np.concatenate([found[:2], found[POINTS:]]), found[:POINTS]


def told_apart(expr: Expr, change: str) -> str:
    """Without a proof of its rounding a formula is trusted with most of float64's digits: they are not taken away."""
    return change if stages_of(expr).direct.relative is not None or change in TAME else "as drawn"


def agree(expr: Expr, seed: int, change: str, storage: str, positive: bool = False) -> None:
    """Neighbours and points within radii that are distances, by tree and by scan; not of what no number decides."""
    queries, points = data(seed, told_apart(expr, change), storage, positive)
    point_data, query_data = field_data(expr, "point", POINTS, seed), field_data(expr, "query", len(queries), seed)
    if not is_determined(expr, *(rows.astype(np.float64) for rows in (queries, points)), point_data, query_data):
        return
    try:
        tree = anear.Index(points, expr, method="kd_tree", point_data=point_data)
    except anear.ArgumentError as error:
        if "needs a bound" not in str(error):
            raise
        return
    flat = anear.Index(points, expr, point_data=point_data)
    for k in (1, 10, 60, POINTS):
        mine, other = (index.search(queries, k, query_data=query_data) for index in (tree, flat))
        np.testing.assert_array_equal(mine.ids, other.ids)
        assert same(mine, other)
    if flat._space.arithmetic == "float64":
        radii = np.nan_to_num(other.distances[:, 20], nan=0.0)
        inside = [(other.distances <= radii[:, None]).sum(axis=1), (other.distances < np.inf).sum(axis=1)]
        assert np.array_equal(tree.count(queries, radii, query_data=query_data), inside[0])
        largest = np.finfo(np.float64).max
        assert np.array_equal(tree.count(queries, largest, query_data=query_data), inside[1])


def test_only_what_hangs_on_the_sign_of_a_zero_is_left_out() -> None:
    queries, points = (part.astype(np.float64) for part in data(0, "lattice", "float64", False))
    assert (points == 0).any()
    for text, known in (("1 / maximum(y[0], -0.0)", False), ("1 / y[0]", False), ("sum(abs(x - y))", True)):
        assert is_determined(parse(text), queries, points, None, None) == known


kinds = st.sampled_from(["float64", "float32", "float16", "int8"])
changes = st.sampled_from(sorted(CHANGES))


@settings(max_examples=15)
@given(formulas(fields=True), seeds, changes, kinds)
def test_any_formula(expr: Expr, seed: int, change: str, storage: str) -> None:
    agree(expr, seed, change, storage)


@settings(max_examples=12)
@given(formulas(positive=True, fields=True), seeds, changes, kinds)
def test_any_formula_of_positive_numbers(expr: Expr, seed: int, change: str, storage: str) -> None:
    agree(expr, seed, change, storage, positive=True)


@st.composite
def separable(draw: st.DrawFn) -> Expr:
    """A sum or maximum over coordinates of functions of one coordinate, perhaps weighted, within a rising function."""
    term = draw(st.sampled_from(TERMS))
    for _ in range(draw(st.integers(0, 2))):
        other = draw(st.sampled_from(TERMS))
        term = draw(st.sampled_from([term + other, term + 2.5 * other, maximum(term, other), 0.5 * term]))
    if draw(st.booleans()):
        term = term * draw(st.sampled_from([1 + abs(x), number(3.0), abs(y), 1 / (1 + y * y)]))
    total = make(draw(st.sampled_from(["sum", "sum", "max"])), term)
    if draw(st.booleans()):
        total = total + draw(st.sampled_from([abs(x[0] - y[0]), y[1], minimum(y[0], y[2]), -0.25 * y[3]]))
    size = abs(total)
    return draw(st.sampled_from([total, total**2, make("sqrt", size), make("log1p", size), -1 / (2 + total)]))


TERMS: Final = (
    abs(x - y),
    (x - y) ** 2,
    abs(x - y) ** 0.5,
    abs(x - y) ** 3,
    abs(x - 2 * y + 1),
    make("log1p", abs(x - y)),
    make("sqrt", 1 + (x - y) ** 2),
    make("exp", y - x) - (y - x),
    maximum(x - y, 0.5 * (y - x)),
    minimum(abs(x - y), 1.0),
    abs(x - y) / (abs(x) + abs(y) + 1),
    (x - y) ** 2 / (1 + abs(x)),
    make("cosh", x - y),
    abs(make("sign", x) * x * x - make("sign", y) * y * y),
    make("sin", x - y) ** 2,
    make("ne", x, y),
    abs(make("arctan", x) - make("arctan", y)),
    make("where", x > y, x - y, 3 * (y - x)),
)


@settings(max_examples=15)
@given(separable(), seeds, changes, kinds)
def test_separable_formulas(expr: Expr, seed: int, change: str, storage: str) -> None:
    assert expr.length is None
    agree(expr, seed, change, storage)
    assert DIMENSION > 3
