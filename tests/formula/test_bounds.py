"""A bound is never above the rank of any point of its box, and reached where it is said to be."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.formula.strategies import DIMENSION, formulas, rows
from tests.formula.zeros import determined
from tests.reference.distances import REFERENCE, Twin

from anear.formula import Expr, formula, sqrt, sum, y
from anear.formula.bounds import Bound, bound
from anear.formula.bounds_stored import bound_from_text, bound_to_text
from anear.formula.interpret import evaluate
from anear.formula.outer import split
from anear.formula.simplify import simplify
from anear.spaces.domain import Domain
from anear.spaces.lookup import resolve

Array = npt.NDArray[np.float64]
Fields = dict[str, Array]

_RANGES = {
    "positive": (0.0, math.inf),
    "non_negative": (0.0, math.inf),
    "binary": (0.0, 1.0),
    "unit_interval": (0.0, 1.0),
    "unit_ball": (-1.0, 1.0),
}


def range_of_domain(domain: Domain) -> tuple[float, float]:
    """The values that a domain's rows hold."""
    return _RANGES.get(domain.name, (-math.inf, math.inf))


def box_of(found: Bound, points: Array, point_data: Fields | None = None) -> tuple[Array, dict[str, Array]]:
    """The lower corner and the fields of the box around points."""
    unit = np.zeros((1, points.shape[1]))
    corners = evaluate(found.coordinates, unit, points, point_data)[0]
    data = {"box_high": corners.max(axis=0, keepdims=True)}
    if found.extras:
        extras = np.stack([evaluate(extra, unit, points, point_data)[0] for extra in found.extras], axis=1)
        data["extra_low"] = extras.min(axis=0, keepdims=True)
        data["extra_high"] = extras.max(axis=0, keepdims=True)
    return corners.min(axis=0, keepdims=True) + 0.0, {name: values + 0.0 for name, values in data.items()}


def numbers(found: Bound, points: Array, point_data: Fields | None) -> npt.NDArray[np.bool_]:
    """Which points have a place in boxes."""
    parts = [evaluate(e, points[:1], points, point_data)[0] for e in (found.coordinates, *found.extras)]
    return ~np.any([np.isnan(p).reshape(len(points), -1).any(axis=1) for p in parts], axis=0)


def over_box(
    bounding: Expr, queries: Array, low: Array, data: dict[str, Array], query_data: Fields | None = None
) -> Array:
    """A bound's value for each query; NaN, which excludes nothing, where it divides by what may be 0."""
    return determined(bounding, queries, low, data, query_data)[:, 0]


def check(
    found: Bound,
    rank: Expr,
    queries: Array,
    points: Array,
    point_data: Fields | None = None,
    query_data: Fields | None = None,
) -> tuple[Array, Array]:
    """The bound and the true minimum of each query; fails where one is above the other."""
    known = numbers(found, points, point_data)
    if not known.any():
        return np.empty(0), np.empty(0)
    points, point_data = points[known], {k: v[known] for k, v in (point_data or {}).items()}
    low, data = box_of(found, points, point_data)
    values = determined(rank, queries, points, point_data, query_data)
    with np.errstate(all="ignore"):
        lower = over_box(found.lower, queries, low, data, query_data)
        least = np.nanmin(np.where(np.isnan(values), np.inf, values), axis=1)
        room = 1e-9 * (1.0 + np.abs(least))
        assert not (lower > least + np.where(np.isfinite(room), room, 0.0)).any()
        if found.upper is not None:
            upper = over_box(found.upper, queries, low, data, query_data)
            most = np.nanmax(np.where(np.isnan(values), -np.inf, values), axis=1)
            room = 1e-9 * (1.0 + np.abs(most))
            assert not (upper < most - np.where(np.isfinite(room), room, 0.0)).any()
    return lower, least


def named() -> list[tuple[str, dict[str, object]]]:
    """Every named distance with the parameters of its twin."""
    cases: list[tuple[str, dict[str, object]]] = []
    for name, twin in sorted(REFERENCE.items()):
        d = max(twin.dimensions[0], min(3, twin.dimensions[1]))
        cases += [(name, params) for params in twin.cases(np.random.default_rng(5), d)]
    return cases


@pytest.mark.parametrize(("name", "params"), named(), ids=lambda v: v if isinstance(v, str) else None)
def test_every_named_distance(name: str, params: dict[str, object]) -> None:
    """Boxes of few and of many points, near the query and far from it."""
    twin: Twin = REFERENCE[name]
    random = np.random.default_rng(7)
    d = max(twin.dimensions[0], min(3, twin.dimensions[1]))
    space = resolve(name, **params)
    rank, _ = split(space.expr)
    found = bound(rank, d, points=range_of_domain(space.point_domain), queries=range_of_domain(space.query_domain))
    assert found is not None, name
    points, queries = twin.points(random, 400, d), twin.queries(random, 40, d)
    order = np.argsort(points[:, random.integers(d)])
    for size in (1, 2, 5, 30, 400):
        for start in (0, 100, 200, 370):
            check(found, rank, queries, points[order[start : start + size]])


@settings(max_examples=100, deadline=None)
@given(formulas(fields=True, depth=4), st.integers(0, 2**32 - 1), st.booleans())
def test_random_formulas(expr: Expr, seed: int, positive: bool) -> None:
    """Whatever the formula: points with a rank are within the bounds of their box."""
    random = np.random.default_rng(seed)
    queries, points = rows(seed, queries=4, points=12)
    if positive:
        queries, points = np.abs(queries), np.abs(points)
    within = (0.0, math.inf) if positive else (-math.inf, math.inf)
    found = bound(expr, DIMENSION, points=within, queries=within)
    assume(found is not None)
    assert found is not None
    fields = {"s": random.standard_normal(12), "v": random.standard_normal((12, DIMENSION))}
    query_fields = {"s": random.standard_normal(4), "v": random.standard_normal((4, DIMENSION))}
    for size in (1, 2, 6):
        at = random.integers(0, 12, size)
        check(found, expr, queries, points[at], {k: v[at] for k, v in fields.items()}, query_fields)


def separable() -> st.SearchStrategy[str]:
    """Shares of one coordinate each, made of those that are valleys on positive numbers."""
    share = st.sampled_from(
        (
            "abs(x - y)",
            "(x - y)**2",
            "where(x != y, (x - y)**2 / (x + y), 0)",
            "xlogy(x, x/y) - x + y",
            "xlogy(y, y/x) - y + x",
            "y/x - log(y/x) - 1",
            "(sqrt(x) - sqrt(y))**2",
            "log1p(abs(x - y))",
            "abs(x - y)**1.5",
        )
    )
    weight = st.sampled_from(("0.5", "2", "[1, 2, 0.5, 3, 0]", "x", "sum(x)"))
    term = st.builds(lambda w, s: f"{w} * ({s})", weight, share) | share
    whole = st.builds(lambda terms: f"sum({' + '.join(terms)})", st.lists(term, min_size=1, max_size=3))
    outer = st.sampled_from(("{}", "sqrt({})", "log1p({})", "{} + sum(x)", "3 * {} - max(x)", "1 - exp(-{})"))
    return st.builds(lambda o, w: o.format(w), outer, whole) | st.builds(lambda s: f"max({s})", share)


@pytest.mark.parametrize("text", ["sum(y * log(2 * y / (x + y)))", "sum(y * log(3 * y / (x + y)))"])
def test_a_nearest_place_without_a_formula_is_a_multiple_of_the_query(text: str) -> None:
    rank, positive = formula(text), (0.0, math.inf)
    found = bound(rank, 1, points=positive, queries=positive)
    assert found is not None
    assert found.proof == "clamp"
    queries, points = np.array([[0.3], [1.0], [40.0]]), np.geomspace(1e-3, 1e2, 5001)[:, None]
    low, high = points[:1], {"box_high": points[-1:]}
    for query in queries:
        least = evaluate(rank, query[None], points)[0].min()
        assert evaluate(found.lower, query[None], low, high)[0, 0] == pytest.approx(least, rel=1e-5)
        assert evaluate(found.lower, query[None], low, high)[0, 0] <= least + 1e-14


@settings(max_examples=30, deadline=None)
@given(separable(), st.integers(0, 2**32 - 1))
def test_separable_formulas_have_tight_bounds(text: str, seed: int) -> None:
    """The bound is the rank of a point of the box: the one nearest to the query in every coordinate."""
    rank, _ = split(formula(text))
    positive = (0.0, math.inf)
    found = bound(rank, DIMENSION, points=positive, queries=positive)
    assert found is not None
    assert found.proof == "clamp"
    random = np.random.default_rng(seed)
    queries, points = random.uniform(0.1, 2.0, (6, DIMENSION)), random.uniform(0.1, 2.0, (3, DIMENSION))
    check(found, rank, queries, points)
    low, data = box_of(found, points)
    lower = over_box(found.lower, queries, low, data)
    for i, query in enumerate(queries):
        nearest = np.clip(query, low, data["box_high"])
        np.testing.assert_allclose(lower[i], evaluate(rank, query, nearest)[0, 0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("text", ["sum(x*log(x/y))", "sum(y*log(y/x))", "-sum(sqrt(x*y))", "-sum(x**0.3 * y**0.7)"])
def test_known_sums(text: str) -> None:
    """On rows that sum to 1 the bound of a box that holds the query is its own rank, not that of a corner."""
    rank, _ = split(formula(text))
    random = np.random.default_rng(3)
    points = random.dirichlet(np.ones(4), 500)
    positive = (0.0, math.inf)
    plain = bound(rank, 4, points=positive, queries=positive)
    known = bound(rank, 4, points=positive, queries=positive, sums=(1.0 - 1e-6, 1.0 + 1e-6))
    assert plain is not None
    assert known is not None
    assert known.split is not None
    near = points[np.argsort(np.abs(points - points[0]).sum(axis=1))[:20]]
    loose, least = check(plain, rank, points[:1], near)
    tight, _ = check(known, rank, points[:1], near)
    assert least - tight < 1e-9
    assert least - loose > 1e-3


def test_half_space_needs_the_height_to_be_positive() -> None:
    """Ranges may be given for each coordinate."""
    rank = resolve("half_space").expr
    low, high = np.array([0.0, -np.inf, -np.inf]), np.full(3, np.inf)
    found = bound(split(rank)[0], 3, points=(low, high), queries=(low, high))
    assert found is not None
    assert "where" not in str(found.lower)
    assert found.proof == "clamp"
    loose = bound(split(rank)[0], 3)
    assert loose is not None
    assert loose.proof == "interval"


@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize(
    "text",
    [
        "sum((x - y)**2) / (x[AT] * y[AT])",
        "sum((x - y)**2) / y[AT]**3",
        "sum(abs(x - y)) / y[AT]",
        "y[AT] + sum((x - y)**2)",
        "sqrt(sum((x - y)**2)) * y[AT]",
    ],
)
def test_one_coordinate_beside_a_sum(text: str, at: int) -> None:
    """The sum's other coordinates first, then that one; where nothing is proved of it, a bound all the same."""
    rank = simplify(formula(text.replace("AT", str(at))))
    low, high = np.full(4, -np.inf), np.full(4, np.inf)
    low[at] = 0.0
    found = bound(rank, 4, points=(low, high), queries=(low, high))
    assert found is not None
    random = np.random.default_rng(at)
    for _ in range(30):
        corner, size = random.normal(size=4), random.random(4) * 10.0 ** random.integers(-3, 2)
        corner[at] = abs(corner[at])
        box = corner + size * np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 4), axis=-1).reshape(-1, 4)
        queries = np.abs(random.normal(size=(8, 4)) * 10.0 ** random.integers(-2, 2))
        bounds, _ = check(found, rank, queries, box)
        if text.endswith("(x[AT] * y[AT])"):
            assert found.proof == "clamp"
            assert bounds == pytest.approx(least_ratio(queries, box.min(axis=0), box.max(axis=0), at), rel=1e-9)


def least_ratio(queries: Array, low: Array, high: Array, at: int) -> Array:
    """The least ``sum((x - y)**2) / (x[at] * y[at])``, by the place where it is."""
    nearest = np.clip(queries, low, high)
    rest = np.delete((queries - nearest) ** 2, at, axis=1).sum(axis=1)
    own = queries[:, at]
    place = np.clip(np.sqrt(rest + own**2), low[at], high[at])
    least: Array = (rest + (own - place) ** 2) / (own * place)
    return least


def test_images() -> None:
    """Cosines are searched among rows of length 1, linear maps among mapped points; they say how far off they are."""
    cosine = bound(split(formula("1 - sum(x*y) / (norm(x) * norm(y))"))[0], 3)
    assert cosine is not None
    assert cosine.proof == "clamp"
    assert cosine.coordinates is simplify(y / sqrt(sum(y * y)))
    assert cosine.coordinate_error is not None
    points = np.random.default_rng(0).standard_normal((50, 3))
    exact = points.astype(np.longdouble)
    exact = exact / np.sqrt((exact * exact).sum(axis=1, keepdims=True))
    off = np.abs(evaluate(cosine.coordinates, points[:1], points)[0] - exact)
    assert (off <= evaluate(cosine.coordinate_error, points[:1], points)[0]).all()
    mapped = bound(split(formula("norm([[1, 2, 3], [4, 5, 6]] @ (x - y))"))[0], 3)
    assert mapped is not None
    assert mapped.proof == "clamp"
    assert evaluate(mapped.coordinates, points, points).shape == (50, 50, 3)


@pytest.mark.parametrize(
    "text",
    [
        # the image A @ y stands for y where nothing else uses y: the second part does, and is no number of the point
        "max(abs(x) + [[1], [-2], [0], [0.5], [3]] @ y[:1]) + max(arccos(arctan(y)))",
        # the remainder by 0 is no number, and chooses as if it were true
        "where(max(abs(x)) % minimum(abs(0), abs(y[1])), y[0], 10 + y[0])",
    ],
)
def test_parts_without_a_number(text: str) -> None:
    """What is said of a part holds only where the part is a number."""
    queries, points = rows(0, queries=4, points=12)
    rank = formula(text)
    found = bound(rank, DIMENSION)
    assert found is not None
    for start in range(10):
        check(found, rank, queries, points[start : start + 2])


def test_nothing_to_say() -> None:
    """A rank that falls without limit wherever the box is has no bound."""
    assert bound(formula("sum(tan(x * y))"), 3) is None


def test_words() -> None:
    """What was proved, what bound results, where it pays."""
    found = bound(formula("sum(abs(x - y))"), 3)
    assert found is not None
    assert "abs(x - y) is least where the coordinate is x" in found.words[0]
    assert "8 dimensions" in found.words[-1]


@pytest.mark.parametrize("name", ["kldiv_rq", "cosine", "poincare_ball", "haversine", "bray_curtis", "jensen_shannon"])
def test_bounds_survive_a_cache(name: str) -> None:
    """Text and back is the same bound."""
    found = bound(split(resolve(name).expr)[0], 2, points=(0.0, math.inf), queries=(0.0, math.inf), sums=(1.0, 1.0))
    assert found is not None
    assert bound_from_text(bound_to_text(found)) == found
