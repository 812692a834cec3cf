"""What float32 makes of a bound is off by no more than its plan proves, on data made to break it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from tests.formula.examples import DIMENSION, EXAMPLES
from tests.formula.test_rounding import DATA, check

from anear.formula.bounds import Bound, bound, bound_plan
from anear.formula.interpret import evaluate
from anear.formula.outer import split

Floats = npt.NDArray[np.float64]

UNPROVED = {"huber", "torus", "fields", "k_divergence", "haversine"}
"""Of their bounds, or the upper ones alone, nothing is known in float32: conditions are computed, not data."""


def bound_of(name: str, dimension: int) -> Bound:
    """The bound of an example on its domain."""
    domain, expr = EXAMPLES[name]
    within = (0.0, math.inf) if domain == "positive" else (-1.0, 1.0) if domain == "ball" else (-math.inf, math.inf)
    found = bound(split(expr)[0], dimension, points=within, queries=within)
    assert found is not None
    return found


def boxes(found: Bound, points: Floats, size: int, seed: int) -> tuple[Floats, dict[str, Floats]]:
    """Corners and extremes of random groups of points, rounded outwards to float32."""
    random = np.random.default_rng(seed)
    origin, data = np.zeros((1, points.shape[1])), {}
    if any(name.startswith("point_field") for name in map(str, found.extras)):
        data = {"s": random.uniform(0.5, 2.0, len(points)), "v": random.standard_normal((len(points), DIMENSION))}
    groups = [random.integers(0, len(points), size) for _ in points]
    images = evaluate(found.coordinates, origin, points, data)[0]
    low, high = (np.array([end(images[g], axis=0) for g in groups]) for end in (np.min, np.max))
    fields = {"box_high": _outwards(high, math.inf)}
    if found.extras:
        extras = np.stack([evaluate(e, origin, points, data)[0] for e in found.extras], axis=1)
        fields["extra_low"] = _outwards(np.array([extras[g].min(axis=0) for g in groups]), -math.inf)
        fields["extra_high"] = _outwards(np.array([extras[g].max(axis=0) for g in groups]), math.inf)
    return _outwards(low, -math.inf), fields


def _outwards(values: Floats, towards: float) -> Floats:
    near = values.astype(np.float32)
    beyond = np.nextafter(near, np.float32(towards))
    wrong = near > values if towards < 0 else near < values
    return np.where(wrong, beyond, near).astype(np.float64)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("kind", DATA)
def test_computed_bounds(name: str, kind: str) -> None:
    domain, _ = EXAMPLES[name]
    if domain in ("ball", "angles") and kind != "simplex":
        pytest.skip("outside of the formula's domain")
    if name in ("exponential_bregman", "logistic_bregman") and kind == "far":
        pytest.skip("overflows")
    found = bound_of(name, DIMENSION)
    query_data = {"s": np.linspace(0.5, 2.0, 6)} if name == "fields" else {}
    for plan in (bound_plan(b) for b in (found.lower, found.upper) if b is not None):
        if plan.relative is None:
            assert name in UNPROVED
            continue
        for seed, size in enumerate((1, 2, 3)):
            X, Y = DATA[kind](np.random.default_rng(seed), DIMENSION)
            low, fields = boxes(found, Y, size, seed)
            check(plan, X, low, (fields, query_data), scale=1e30)
