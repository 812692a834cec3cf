"""Formulas whose parts cancel in float64: what is hoisted must not decide otherwise than the formula as it is written.

The judge is the formula that decides, computed as it is written for all points (a search for all of them), which itself
keeps to NumPy's. Every other search, count and tree must agree with it to the last id.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from tests.index.support import matrix

import anear
from anear import x, y

Floats = npt.NDArray[np.float64]

D = 6
POINTS = 2500
_RNG = np.random.default_rng(1)
FACTOR = _RNG.normal(size=(2, D))  # of a matrix whose null space has four dimensions
NULL = np.linalg.svd(FACTOR)[2][2:]
CENTRE = np.eye(D) - 1 / D
OTHER = _RNG.normal(size=(D, D))

FORMULAS: dict[str, anear.Expr | str] = {
    "factor": ((FACTOR @ (x - y)) ** 2).sum().sqrt(),
    "singular": (((FACTOR.T @ FACTOR) @ (x - y)) * (x - y)).sum().sqrt(),
    "centring matrix": (CENTRE @ (x - y)).abs().sum(),
    "less the mean": "sum(abs(x - mean(x) - (y - mean(y))))",
    "less the mean, squared": "sum((x - mean(x) - (y - mean(y)))**2)",
    "steps": "sum((x[1:6] - x[0:5] - (y[1:6] - y[0:5]))**2)",
    "sums": "abs(sum(x) - sum(y))",
    "running sums": "max(abs(cumsum(x - y)))",
    "exponential": "sum(abs(x - y) + exp(y - x) - (y - x))",
    "squared out": "sum(x**2) + sum(y**2) - 2 * sum(x * y)",
    "root of that": "sqrt(sum(x**2) + sum(y**2) - 2 * sum(x * y))",
    "angles": (1 - (OTHER @ (x - y)).cos()).sum(),
    "logarithms": ((OTHER @ (x - y)).abs() + 1).log().sum(),
    "near 1": "sum(sqrt(1 + (x - mean(x) - (y - mean(y)))**2) - 1)",
    "huber": "sum(where(abs(x * sum(x) - y * sum(y)) < 1, (x * sum(x) - y * sum(y))**2 / 2,"
    " abs(x * sum(x) - y * sum(y)) - 0.5))",
    "power": "sum(abs(x**3 - x - (y**3 - y))**1.5)",
    "relative": "sum(abs(xlogy(abs(x), abs(x) / abs(y)) - (abs(x) - abs(y))))",
    "welsch": "sum(1 - exp(-(x - mean(x) - (y - mean(y)))**2))",
    "euclidean": "euclidean",
    "manhattan": "manhattan",
    "correlation": "1 - dot(center(x), center(y)) / (norm(center(x)) * norm(center(y)))",
}


def far(rng: np.random.Generator, n: int) -> Floats:
    return 1e6 + rng.normal(size=(n, D))


def lattice(rng: np.random.Generator, n: int) -> Floats:
    """Many equal distances, of numbers that are rounded."""
    return 1e3 + 0.1 * rng.integers(0, 4, (n, D))


def null_space(rng: np.random.Generator, n: int) -> Floats:
    return 1e3 * rng.normal(size=(n, 4)) @ NULL + 1e-13 * rng.normal(size=(n, D))


def constant(rng: np.random.Generator, n: int) -> Floats:
    return np.repeat(rng.normal(size=(n, 1)), D, axis=1) + 1e-15 * rng.normal(size=(n, D))


def near(rng: np.random.Generator, n: int) -> Floats:
    return np.repeat(rng.normal(size=(n // 20, D)), 20, axis=0) * (1 + 1e-9 * rng.normal(size=(n, D)))


DATA: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "far": far,
    "lattice": lattice,
    "null space": null_space,
    "constant": constant,
    "near": near,
    "plain": lambda rng, n: rng.normal(size=(n, D)),
}


def indexes(points: npt.NDArray[np.floating], formula: anear.Expr | str) -> dict[str, anear.Index]:
    return {method: anear.Index(points, formula, method=method, check_domain=False) for method in ("flat", "kd_tree")}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_all_searches_agree_with_the_formula(name: str, data: str, dtype: str) -> None:
    points = DATA[data](np.random.default_rng(5), POINTS).astype(dtype)
    queries = points[::500]
    with np.errstate(all="ignore"):
        made = indexes(points, FORMULAS[name])
        every = made["flat"].search(queries, POINTS)
        exact = matrix(made["flat"], queries)
    answers = np.isfinite(every.distances) & (every.ids >= 0)
    if name != "correlation" or data == "plain":  # quotients of what is left of two cancellations may be any number
        scale = np.abs(exact[np.isfinite(exact)]).max(initial=0.0)
        values = np.take_along_axis(exact, np.maximum(every.ids, 0), axis=1)
        close = np.isclose(every.distances, values, rtol=1e-6, atol=1e-3 * scale + 1e-2, equal_nan=True)
        assert (close | ~answers | ~np.isfinite(values)).all()  # the formula that decides is NumPy's
    for method, index in made.items():
        for k in (1, 10, 60):
            found = index.search(queries, k)
            np.testing.assert_array_equal(found.ids, every.ids[:, :k], err_msg=f"{method}, k = {k}")
            assert found.distances.tobytes() == every.distances[:, :k].tobytes()
        for place in (5, 21, 400) if dtype == "float64" else ():  # float32 distances are rounded ones
            radii = every.distances[:, place]
            if not answers[:, place].all():
                continue
            inside = (every.distances <= radii[:, None]) & answers
            ranges = index.range_search(queries, radii)
            for q in range(len(queries)):
                np.testing.assert_array_equal(ranges.of(q).ids, every.ids[q, inside[q]], err_msg=f"{method}, {place}")
            assert np.array_equal(index.count(queries, radii), inside.sum(1))
            totals = [np.count_nonzero((every.distances <= radius) & answers) for radius in radii]
            assert index.count_pairs(queries, radii).tolist() == totals


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rank_that_says_nan_itself_is_not_passed_over(dtype: str) -> None:
    """Queries are compared with several blocks at a time: a NaN among their values must not lose the block."""
    points = np.random.default_rng(5).normal(size=(5000, D)).astype(dtype)
    index = anear.Index(points, FORMULAS["root of that"])
    queries = points[::100]
    every = index.search(queries, 5000)
    for k in (1, 10, 60):
        assert np.array_equal(index.search(queries, k).ids, every.ids[:, :k])
