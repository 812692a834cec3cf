"""Shapes that are claimed are true on a grid; what is no valley is never called one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.formula.strategies import vectors

from anear.formula import Expr, parse, x, y
from anear.formula.bounds_local import even_steps, lifted
from anear.formula.bounds_shape import CONSTANT, FALLING, PEAK, RISING, VALLEY, Shape, Shapes
from anear.formula.expression import ELEMENTWISE, walk
from anear.formula.graph import POINT, Sides
from anear.formula.interpret import evaluate
from anear.formula.ranges import Assumed
from anear.formula.simplify import simplify

POSITIVE = (0.0, math.inf)
REAL = (-math.inf, math.inf)


def share(text: str) -> Expr:
    """f(x, y)."""
    return simplify(parse(text))


def shapes(queries: tuple[float, float], points: tuple[float, float] | None = None) -> Shapes:
    """Shapes for numbers within these ranges."""
    return Shapes(y, x, Assumed({x: queries, y: points or queries}))


VALLEYS = {
    "abs(x - y)": REAL,
    "abs(x - y)**0.5": REAL,
    "(x - y)**2": REAL,
    "where(x != y, abs(x - y) / (abs(x) + abs(y)), 0)": REAL,
    "log1p(abs(x - y))": REAL,
    "1 - exp(-(x - y)**2)": REAL,
    "(x - y)**2 / (1 + (x - y)**2)": REAL,
    "log(cosh(x - y))": REAL,
    "cosh(x - y)": REAL,
    "exp(y) - exp(x) - exp(x) * (y - x)": REAL,
    "log(1 + exp(y)) - log(1 + exp(x)) - (y - x) / (1 + exp(-x))": REAL,
    "minimum(abs(x - y), 1)": REAL,
    "x != y": REAL,
    "xlogy(y, y/x) - y + x": POSITIVE,
    "xlogy(x, x/y) - x + y": POSITIVE,
    "y/x - log(y/x) - 1": POSITIVE,
    "x/y - log(x/y) - 1": POSITIVE,
    "(x - y) * log(x/y)": POSITIVE,
    "xlogy(x, 2*x/(x + y)) + xlogy(y, 2*y/(x + y))": POSITIVE,
    "where(x != y, (x - y)**2 / (x + y), 0)": POSITIVE,
    "where(x != y, (x - y) / (x + y), 0)**2": POSITIVE,
    "(x - y)**2 * (1/x + 1/y)": POSITIVE,
    "(sqrt(x) - sqrt(y))**2": POSITIVE,
    "xlogy(y, y/x) - y + x + 0.5 * log1p(abs(x - y)) + xlogy(x, x/y) - x + y": POSITIVE,
    "abs(x - y) + 0.5 * where(x != y, (x - y)**2 / (x + y), 0) + x * (sqrt(x) - sqrt(y))**2": POSITIVE,
    "where(x != y, abs(x - y) / maximum(x, y), 0)": POSITIVE,
    "abs(log(x/y))": POSITIVE,
    "y**1.5 + 0.5*x**1.5 - 1.5*y*x**0.5": POSITIVE,
}


@pytest.mark.parametrize("text", VALLEYS)
def test_valleys_are_proved(text: str) -> None:
    """Their bottom is at the query."""
    found = shapes(VALLEYS[text])(share(text))
    assert found is not None
    assert (found.kind, found.place) == (VALLEY, x)


@pytest.mark.parametrize(
    "text",
    [
        "sin(x - y)",
        "sin(x - y)**2",
        "(y - x)**4 - (y - x)**2",
        "abs(abs(y - x) - 1)",
        "(y - x)**2 * (y - x - 3)**2",
        "1 / (1 + (x - y)**2) + abs(x - y)",
        "floor(y) - y",
        "x * y",
        "y / x",
        "cos(y) + y / 2",
        "where(abs(x - y) < 1, abs(x - y), 0)",
        "tan(y)",
        "1 / (y - x)",
        "where(x != y, (x - y)**2 / (x - y)**4, 0)",
        "where(x != y, sign(x - y), 0) + (x - y)**2",
        "y % 2",
    ],
)
def test_what_is_no_valley(text: str) -> None:
    """Waves, two bottoms, jumps back, poles, and what depends on a sign that is not known."""
    assert shapes(REAL)(share(text)) is None


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("x**2 / y + y", VALLEY, lambda c: c),
        ("(1 + x**2) / y + 2*y", VALLEY, lambda c: math.sqrt((1 + c * c) / 2)),
        ("(3 + (x - y)**2) / (x * y)", VALLEY, lambda c: math.sqrt(3 + c * c)),
        ("y * (x + y**2)**-1", PEAK, math.sqrt),
        ("x / y + y**3", VALLEY, lambda c: (c / 3) ** 0.25),
    ],
)
def test_a_derivative_of_two_powers(text: str, kind: str, place: Any) -> None:
    """It turns where they are equal."""
    found = shapes(POSITIVE)(share(text))
    assert found is not None
    assert found.kind == kind
    assert found.place is not None
    queries = np.array([[0.3], [1.0], [7.0]])
    at = evaluate(found.place, queries, queries[:1]).reshape(3, -1)[:, 0]
    assert at == pytest.approx([place(c) for c in (0.3, 1.0, 7.0)])


def test_peaks_and_other_places() -> None:
    """The bottom may lie elsewhere, and upside down."""
    peak = shapes(REAL)(share("1 / (1 + (x - y)**2)"))
    assert peak is not None
    assert (peak.kind, peak.place) == (PEAK, x)
    found = shapes(POSITIVE)(share("xlogy(y, y/x)"))
    assert found is not None
    assert found.place is not None
    np.testing.assert_allclose(evaluate(found.place, [[2.0]], [[1.0]]), 2.0 / math.e)


def test_a_centre_outside_of_the_points() -> None:
    """(y - x)**2 / y of positive y is least at abs(x), also where x is negative."""
    found = shapes(REAL, POSITIVE)(share("(y - x)**2 / y"))
    assert found is not None
    assert found.place is not None
    np.testing.assert_allclose(evaluate(found.place, [[-2.0]], [[1.0]]), 2.0)
    bent = shapes(REAL, POSITIVE)(share("abs(x*x - y*y)"))
    assert bent is None or bent.place is None or evaluate(bent.place, [[-2.0]], [[1.0]]) == 2.0


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("xlogy(y, y/x) - y + x", "sqrt(y)"),
        ("y/x - log(y/x) - 1", "log(maximum(abs(y), 1e-30))"),
        ("exp(y) - exp(x) - exp(x) * (y - x)", "exp(0.5 * y)"),
        ("where(x != y, abs(x - y) / (x + y), 0)", "log(maximum(abs(y), 1e-30))"),
    ],
)
def test_even_steps(text: str, steps: str) -> None:
    """The geodesics of the literature."""
    found = even_steps(share(text), shapes(POSITIVE))
    assert found is not None
    assert str(found) == steps


def test_known_sums_move_the_bottom_to_the_query() -> None:
    """x*log(x/y) needs + y, its reverse - y, Bhattacharyya's half of it."""
    for text, c in (
        ("xlogy(x, x/y)", 1.0),
        ("xlogy(y, y/x)", -1.0),
        ("-sqrt(x)*sqrt(y)", 0.5),
        ("-x**0.3*y**0.7", 0.7),
    ):
        found = lifted(share(text), shapes(POSITIVE))
        assert found is not None
        assert found[1] == pytest.approx(c)


def assert_shape(found: Shape, expr: Expr, queries: np.ndarray, points: np.ndarray) -> None:
    """The values along the points, which are sorted, run as the shape says."""
    values = evaluate(expr, queries[:, None], points[:, None])
    values = (values[..., 0] if values.ndim == 3 else values).astype(np.longdouble)
    for q, row in zip(queries, values, strict=True):
        fine = np.isfinite(row)
        if fine.sum() < 2:
            continue
        at, f = points[fine], row[fine]
        steps, room = np.diff(f), 1e-9 * (1.0 + np.maximum(np.abs(f[1:]), np.abs(f[:-1])))
        sign = -1.0 if found.kind in (FALLING, PEAK) else 1.0
        if found.kind == CONSTANT:
            assert (np.abs(steps) <= room).all()
        elif found.kind in (RISING, FALLING):
            assert (sign * steps >= -room).all()
        elif found.place is not None:
            place = float(np.ravel(evaluate(found.place, [[q]], [[1.0]]))[0])
            assert (sign * steps[at[:-1] >= place] >= -room[at[:-1] >= place]).all()
            assert (sign * steps[at[1:] <= place] <= room[at[1:] <= place]).all()


@settings(max_examples=100, deadline=None)
@given(vectors(1, depth=4), st.integers(0, 2**32 - 1), st.booleans())
def test_random_functions(expr: Expr, seed: int, positive: bool) -> None:
    """Whatever is claimed of a random function of two numbers holds."""
    sides = Sides()
    expr = simplify(expr)
    assume(expr.is_vector)
    assume(all(n is y or n.op in ELEMENTWISE or not sides(n) & POINT for n in walk(expr)))
    found = shapes(POSITIVE if positive else REAL)(expr)
    assume(found is not None)
    assert found is not None
    random = np.random.default_rng(seed)
    queries, points = random.standard_normal(5), np.concatenate([random.standard_normal(60), [0.0, 1.0, -1.0]])
    if positive:
        queries, points = np.abs(queries), np.abs(points)
    assert_shape(found, expr, queries, np.unique(np.concatenate([points, queries])))
