"""Rows of the kinds that distances are defined on: ``sampler(rng, n, d)`` makes n of d numbers, float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Sampler = Callable[[np.random.Generator, int, int], Array]


def real(rng: np.random.Generator, n: int, d: int) -> Array:
    """Numbers of both signs; the later half of the rows repeats single values of the earlier ones."""
    rows = rng.normal(size=(n, d))
    repeated = rng.random((n, d)) < 0.2
    rows[n // 2 :][repeated[n // 2 :]] = 0.5
    return rows


def varied(rng: np.random.Generator, n: int, d: int) -> Array:
    """Like ``real``, but no row's values are all equal."""
    rows = real(rng, n, d)
    rows[:, 0] = rng.normal(size=n)
    return rows


def amounts(rng: np.random.Generator, n: int, d: int) -> Array:
    """Numbers >= 0, a third of them 0; no row is all 0."""
    rows = rng.gamma(1.0, size=(n, d)) * (rng.random((n, d)) < 0.67)
    rows[np.arange(n), rng.integers(d, size=n)] += 0.25
    return rows


def positive(rng: np.random.Generator, n: int, d: int) -> Array:
    """Numbers > 0."""
    return rng.gamma(2.0, size=(n, d)) + 1e-3


def shares(rng: np.random.Generator, n: int, d: int) -> Array:
    """Rows >= 0 that sum to 1, with zeros."""
    rows = amounts(rng, n, d)
    return rows / rows.sum(axis=1, keepdims=True)


def full_shares(rng: np.random.Generator, n: int, d: int) -> Array:
    """Rows > 0 that sum to 1."""
    rows = positive(rng, n, d)
    return rows / rows.sum(axis=1, keepdims=True)


def binary(rng: np.random.Generator, n: int, d: int) -> Array:
    """Rows of zeros and ones; the first one is all zeros."""
    rows = (rng.random((n, d)) < 0.5).astype(np.float64)
    rows[0] = 0.0
    return rows


def in_ball(rng: np.random.Generator, n: int, d: int) -> Array:
    """Rows of norm below 1."""
    rows = rng.normal(size=(n, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) * rng.uniform(0.05, 0.95, size=(n, 1))


def in_half_space(rng: np.random.Generator, n: int, d: int) -> Array:
    """Rows whose first number is > 0."""
    rows = rng.normal(size=(n, d))
    rows[:, 0] = rng.gamma(2.0, size=n) + 0.05
    return rows


def on_hyperboloid(rng: np.random.Generator, n: int, d: int) -> Array:
    """Rows with x0**2 - |rest|**2 = 1."""
    rows = rng.normal(size=(n, d))
    rows[:, 0] = np.sqrt(1.0 + (rows[:, 1:] ** 2).sum(axis=1))
    return rows


def on_earth(rng: np.random.Generator, n: int, d: int) -> Array:
    """Latitude and longitude in radians."""
    assert d == 2
    return np.column_stack([np.arcsin(rng.uniform(-1, 1, n)), rng.uniform(-np.pi, np.pi, n)])
