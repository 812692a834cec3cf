"""A bound is never above the rank of any point of its box, and reached where it is said to be."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from tests.reference.distances import REFERENCE, Twin

from anear.formula.bounds import Bound, bound
from anear.formula.expression import Expr
from anear.formula.interpret import evaluate
from anear.formula.outer import split
from anear.spaces.domain import Domain
from anear.spaces.lookup import resolve

Array = npt.NDArray[np.float64]

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


def box_of(found: Bound, points: Array) -> tuple[Array, dict[str, Array]]:
    """The lower corner and the fields of the box around points."""
    unit = np.zeros((1, points.shape[1]))
    corners = evaluate(found.coordinates, unit, points)[0]
    data = {"box_high": corners.max(axis=0, keepdims=True)}
    if found.extras:
        extras = np.stack([evaluate(extra, unit, points)[0] for extra in found.extras], axis=1)
        data["extra_low"] = extras.min(axis=0, keepdims=True)
        data["extra_high"] = extras.max(axis=0, keepdims=True)
    return corners.min(axis=0, keepdims=True), data


def over_box(bounding: Expr, queries: Array, low: Array, data: dict[str, Array]) -> Array:
    """A bound's value for each query."""
    return evaluate(bounding, queries, low, data)[:, 0]


def check(found: Bound, rank: Expr, queries: Array, points: Array) -> tuple[Array, Array]:
    """The bound and the true minimum of each query; fails where one is above the other."""
    low, data = box_of(found, points)
    values = evaluate(rank, queries, points)
    with np.errstate(all="ignore"):
        lower = over_box(found.lower, queries, low, data)
        least = np.nanmin(np.where(np.isnan(values), np.inf, values), axis=1)
        room = 1e-9 * (1.0 + np.abs(least))
        assert not (lower > least + np.where(np.isfinite(room), room, 0.0)).any()
        if found.upper is not None:
            upper = over_box(found.upper, queries, low, data)
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
