"""Made-up rows on which a distance is defined: what a measurement without data of its own runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.spaces import Domain

__all__ = ["sample"]

_Rows = npt.NDArray[np.float64]


def sample(domain: Domain, count: int, dimensions: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Rows that keep the domain's rules.

    Parameters
    ----------
    domain : the set the rows must lie in.
    count, dimensions : the shape; a domain with a fixed number of columns overrules ``dimensions``.
    seed : the same seed gives the same rows.

    Returns
    -------
    float32 array (count, dimensions). Where the domain allows it the rows are histograms: positive, with sum 1, since
    nearly every distance is defined on them and none is unusually cheap there.

    >>> from anear.spaces.domain import BINARY
    >>> sorted(set(sample(BINARY, 100, 8).ravel().tolist()))
    [0.0, 1.0]
    """
    rng = np.random.default_rng(seed)
    columns = domain.columns or max(dimensions, domain.min_columns)
    weights = rng.gamma(0.5, size=(count, columns)) + 1e-3
    rows = weights / weights.sum(axis=1, keepdims=True)
    shape = _SHAPES.get(domain.name)
    return np.ascontiguousarray(rows if shape is None else shape(rows, rng), dtype=np.float32)


def _hyperboloid(rows: _Rows, rng: np.random.Generator) -> _Rows:
    rows = rows.copy()
    rows[:, 0] = np.sqrt(1 + (rows[:, 1:] ** 2).sum(axis=1))
    return rows


def _latitude_longitude(rows: _Rows, rng: np.random.Generator) -> _Rows:
    high = np.array([np.pi / 2, np.pi])
    return rng.uniform(-high, high, size=(len(rows), 2)) * 0.999


# Domains on which histograms are not at home, by name: integers would all be zero, and so on.
_SHAPES: Final[dict[str, Callable[[_Rows, np.random.Generator], _Rows]]] = {
    "integers": lambda rows, rng: rng.integers(0, 16, size=rows.shape).astype(np.float64),
    "binary": lambda rows, rng: rng.integers(0, 2, size=rows.shape).astype(np.float64),
    "hyperboloid": _hyperboloid,
    "latitude_longitude": _latitude_longitude,
}
