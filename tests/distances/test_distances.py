"""Every named distance against its naive twin, and what is claimed of it."""

import numpy as np
import pytest
from tests.reference.distances import REFERENCE, Twin
from tests.reference.samples import Array

from anear.formula import Expr, evaluate
from anear.formula.properties import properties
from anear.spaces.domain import REAL
from anear.spaces.lookup import all_distances, resolve
from anear.spaces.space import CLAIMS, METRIC, Distance

ALL = all_distances()
BY_NAME = pytest.mark.parametrize("distance", ALL, ids=lambda d: d.name)


def dimensions(twin: Twin) -> list[int]:
    least, most = twin.dimensions
    return [d for d in (1, 2, 3, 8, 17) if least <= d <= most]


def test_every_distance_has_a_twin_and_every_twin_a_distance() -> None:
    assert sorted(REFERENCE) == [d.name for d in ALL]


@BY_NAME
def test_formula_equals_the_twin(distance: Distance) -> None:
    rng = np.random.default_rng(10)
    twin = REFERENCE[distance.name]
    for d in dimensions(twin):
        queries, points = twin.queries(rng, 4, d), twin.points(rng, 7, d)
        for params in twin.cases(rng, d):
            resolved = distance.bind(params)
            assert not resolved.expr.is_vector
            values = evaluate(resolved.expr, queries, points)
            # near 0 the formulas cancel (1 - cosine, arcosh(1 + r)); twins are written so that they do not
            np.testing.assert_allclose(
                values, twin.matrix(queries, points, params), rtol=1e-9, atol=1e-7, err_msg=f"D = {d}, {params}"
            )


@BY_NAME
def test_equal_rows(distance: Distance) -> None:
    """No NaN on the diagonal, and zero where that is claimed."""
    rng = np.random.default_rng(11)
    twin = REFERENCE[distance.name]
    for d in dimensions(twin):
        rows = twin.either(rng, 30, d)
        for params in twin.cases(rng, d):
            resolved = distance.bind(params)
            diagonal = np.diagonal(evaluate(resolved.expr, rows, rows))
            assert not np.isnan(diagonal).any()
            if "zero_on_diagonal" in resolved.claims:
                np.testing.assert_allclose(diagonal, 0.0, atol=1e-4 if resolved.params.get("radius") else 1e-6)


@BY_NAME
def test_nearly_equal_rows_are_no_nan(distance: Distance) -> None:
    rng = np.random.default_rng(12)
    twin = REFERENCE[distance.name]
    d = min(8, twin.dimensions[1])
    rows = twin.either(rng, 40, d)
    for scale in (1e-16, 1e-12, 1e-8):
        near = rows * (1.0 + scale * rng.uniform(-1, 1, rows.shape))
        for params in twin.cases(rng, d):
            values = np.diagonal(evaluate(distance.bind(params).expr, rows, near))
            assert not np.isnan(values).any()


@BY_NAME
def test_claims_hold_on_random_triples(distance: Distance) -> None:
    rng = np.random.default_rng(13)
    twin = REFERENCE[distance.name]
    for d in dimensions(twin)[:3]:
        for params in twin.cases(rng, d):
            resolved = distance.bind(params)
            assert resolved.claims <= CLAIMS
            a, b = twin.either(rng, 25, d), twin.either(rng, 25, d)
            forth = evaluate(resolved.expr, a, b)
            slack = 1e-7 * (1.0 + np.abs(forth[np.isfinite(forth)]).max())
            if "symmetric" in resolved.claims:
                np.testing.assert_allclose(forth, evaluate(resolved.expr, b, a).T, rtol=1e-9, atol=slack)
            if "non_negative" in resolved.claims:
                assert (forth >= -1e-12 * slack - 1e-14).all()
            if "triangle" in resolved.claims:
                within = evaluate(resolved.expr, a, a)
                assert (within[:, :, None] + forth[None, :, :] >= forth[:, None, :] - slack).all()


@BY_NAME
def test_unclaimed_triangle_is_really_broken(distance: Distance) -> None:
    """A symmetric, non-negative distance that does not claim the triangle inequality should have a counterexample."""
    if distance.name in {"tanimoto"}:
        pytest.skip("holds on most data; nobody has proved it for real numbers of both signs here")
    rng = np.random.default_rng(14)
    twin = REFERENCE[distance.name]
    broken: dict[int, bool] = {}
    for d in dimensions(twin):
        for case, params in enumerate(twin.cases(rng, d)):
            resolved = distance.bind(params)
            if resolved.claims >= METRIC - {"triangle"} and "triangle" not in resolved.claims:
                broken[case] = broken.get(case, False) or breaks_triangle(resolved.expr, twin.either(rng, 60, d))
    assert all(broken.values())


def breaks_triangle(expr: Expr, rows: Array) -> bool:
    """Whether a detour over a third row is shorter, for the rows as they are or drawn together."""
    labels = set(np.unique(rows)) <= {0.0, 1.0}
    for near in (rows,) if labels else (rows, rows[0] + 0.1 * (rows - rows[0])):
        values = evaluate(expr, near, near)
        slack = 1e-9 * (1.0 + values[np.isfinite(values)].max())
        if (values[:, :, None] + values[None, :, :] < values[:, None, :] - slack).any():
            return True
    return False


@BY_NAME
def test_claims_agree_with_what_is_found_in_the_formula(distance: Distance) -> None:
    """What is proved is claimed; what an example refutes is not (on all real numbers: elsewhere it may be outside)."""
    twin = REFERENCE[distance.name]
    for params in twin.cases(np.random.default_rng(18), 2):
        resolved = distance.bind(params)
        found = properties(resolved.expr)
        for claim in CLAIMS:
            if getattr(found, claim) == "proved":
                assert claim in resolved.claims, f"{claim} is proved with {params}"
            if getattr(found, claim) == "refuted" and resolved.query_domain == resolved.point_domain == REAL:
                assert claim not in resolved.claims, f"{claim} is refuted with {params}"


@BY_NAME
def test_samples_lie_in_the_domain(distance: Distance) -> None:
    rng = np.random.default_rng(15)
    twin = REFERENCE[distance.name]
    for d in dimensions(twin):
        for params in twin.cases(rng, d):
            resolved = distance.bind(params)
            resolved.query_domain.check(twin.queries(rng, 20, d), "queries", distance.name)
            resolved.point_domain.check(twin.points(rng, 20, d).astype(np.float32), "points", distance.name)


@BY_NAME
def test_is_documented(distance: Distance) -> None:
    assert distance.summary
    assert len(distance.summary) <= 110
    assert "\n" not in distance.summary + distance.notes + distance.reference
    assert distance.name == distance.name.lower()
    for parameter in distance.parameters:
        assert parameter.meaning


@pytest.mark.parametrize("name", [d.name for d in ALL if not any(p.required for p in d.parameters)])
def test_formula_text_is_the_formula(name: str) -> None:
    distance = resolve(name).distance
    assert distance is not None
    assert resolve(distance.formula_text()).expr is resolve(name).expr


def test_right_queries_are_the_left_ones_exchanged() -> None:
    rng = np.random.default_rng(16)
    for name in ("kldiv", "kldivgen", "itakura_saito", "renyi", "alpha_beta", "k_divergence"):
        left, right = resolve(name), resolve(f"{name}_rq")
        q, p = REFERENCE[name].queries(rng, 3, 5), REFERENCE[name].points(rng, 4, 5)
        np.testing.assert_allclose(evaluate(left.expr, q, p), evaluate(right.expr, p, q).T, rtol=1e-13)
        assert (left.query_domain, left.point_domain) == (right.point_domain, right.query_domain)


def test_zeros_are_taken_as_documented() -> None:
    zero, one = np.zeros((1, 3)), np.ones((1, 3))
    with np.errstate(all="ignore"):
        for name in ("chi_square", "canberra", "bray_curtis", "soergel", "kulczynski", "wave_hedges", "tanimoto"):
            assert evaluate(resolve(name).expr, zero, zero)[0, 0] == 0.0
        for name in ("clark", "kldiv", "kldivgen", "jensen_shannon", "k_divergence", "topsoe"):
            assert evaluate(resolve(name).expr, zero, zero)[0, 0] == 0.0
        assert evaluate(resolve("kldiv").expr, zero, one)[0, 0] == np.inf
        assert evaluate(resolve("kldivgen").expr, one, zero)[0, 0] == 3.0
        assert evaluate(resolve("kulczynski").expr, one, zero)[0, 0] == np.inf


@pytest.mark.parametrize("name", ["angular", "haversine", "euclidean", "hellinger", "jensen_shannon_metric"])
def test_near_rows_are_told_apart(name: str) -> None:
    """Distances far below the square root of the rounding unit keep their digits, and equal rows are at exactly 0."""
    twin = REFERENCE[name]
    row = twin.either(np.random.default_rng(17), 1, min(6, twin.dimensions[1])) + 0.01
    steps = np.array([0.0, 1e-6, 2e-6, 4e-6])
    near = row * (1.0 + steps[:, None] * np.arange(row.shape[1]))
    values = evaluate(resolve(name).expr, row, near)[0]
    assert values[0] == 0.0
    np.testing.assert_allclose(values[1:] / values[1], [1.0, 2.0, 4.0], rtol=1e-3)
