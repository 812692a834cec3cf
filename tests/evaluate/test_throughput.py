"""The measurements measure: every named distance has a rate, and what is measured is counted right."""

from __future__ import annotations

import time

import numpy as np
import pytest

from anear.errors import ArgumentError
from anear.evaluate.throughput import best_rate, distance_rates, search_rates
from anear.spaces import names


def test_every_distance_has_a_rate() -> None:
    rates = list(distance_rates(dimensions=3, seconds=0))
    assert len(rates) == len(names())
    assert all(min(rate.matrix, rate.batch, rate.single) > 0 for rate in rates)


def test_a_wrong_name_is_refused_before_anything_is_measured() -> None:
    start = time.perf_counter()
    with pytest.raises(ArgumentError, match="nothing-like-it"):
        next(distance_rates(["euclidean", "nothing-like-it"], seconds=10))
    assert time.perf_counter() - start < 5


def test_rates_are_amounts_by_time() -> None:
    def work() -> None:
        end = time.process_time() + 5e-3
        while time.process_time() < end:
            pass

    assert 0.5 * 7 / 5e-3 < best_rate(work, 7, 0.02) <= 1.01 * 7 / 5e-3


def test_search_rates_count_queries() -> None:
    rows = np.random.default_rng(0).random((300, 4), dtype=np.float32)
    (rate,) = search_rates([("manhattan", rows, rows[:30])], k=(2,), seconds=0.01)
    assert (rate.name, rate.points, rate.dimensions, rate.k) == ("manhattan", 300, 4, 2)
    assert rate.rate > 0
    assert rate.cpu > 0
