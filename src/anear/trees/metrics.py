"""scikit-learn's metrics as distances of anear.

Most are there under another name. Where scikit-learn means something else, its meaning is made here: the metrics of
sets take every number but 0 as "in the set", Bray-Curtis divides by the sum of the amounts' sizes, a row of zeros is at
cosine distance 1 of everything, and no row is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import numpy as np

from anear.errors import ArgumentError
from anear.formula.expression import Expr, x, y
from anear.formula.graph import substitute
from anear.formula.parse import parse
from anear.spaces.domain import REAL
from anear.spaces.lookup import find
from anear.spaces.space import CLAIMS, Distance

__all__ = ["BALL_METRICS", "KD_METRICS", "SETS", "Metric", "distance_of", "is_known"]

Metric = str | Expr | Distance | Callable[..., float]

# The lists of scikit-learn's trees, in their order.
KD_METRICS: Final = (
    *("euclidean", "l2", "minkowski", "p", "manhattan", "cityblock", "l1"),
    *("chebyshev", "infinity"),
)
SETS: Final = ("jaccard", "dice", "rogerstanimoto", "russellrao", "sokalmichener", "sokalsneath")
BALL_METRICS: Final = (
    *KD_METRICS,
    *("seuclidean", "mahalanobis", "hamming", "canberra", "braycurtis"),
    *SETS,
    *("haversine", "pyfunc"),
)

_NAMES: Final = {
    "l2": "euclidean",
    "p": "minkowski",
    "cityblock": "manhattan",
    "l1": "manhattan",
    "infinity": "chebyshev",
}
_OF_ROWS: Final = ("braycurtis", "correlation", "cosine", "haversine")


def is_known(metric: Any) -> bool:
    """Whether scikit-learn means a metric by this, and anear can compile it.

    >>> is_known("l1"), is_known("cosine"), is_known("nan_euclidean"), is_known("kldiv")
    (True, True, False, False)
    """
    return isinstance(metric, str) and metric in {*BALL_METRICS, *_OF_ROWS, "sqeuclidean", "yule"} - {"pyfunc"}


def distance_of(
    metric: str | Expr | Distance, params: Mapping[str, Any], dimension: int
) -> tuple[str | Expr | Distance, dict[str, Any]]:
    """The distance that scikit-learn means by ``metric``, and its parameters; what it does not know is left as it is.

    Raises
    ------
    ArgumentError
        for parameters of another length than the rows, in scikit-learn's words where it has some.

    >>> distance_of("l1", {}, 4), distance_of("kldiv", {}, 4)
    (('manhattan', {}), ('kldiv', {}))
    """
    given = {name: value for name, value in params.items() if value is not None}
    if not is_known(metric):
        return metric, given
    assert isinstance(metric, str)
    if metric == "haversine" and dimension != 2:
        raise ArgumentError("Haversine distance only valid in 2 dimensions")
    for name, value in given.items():
        if np.ndim(value) and len(value) != dimension:
            raise ArgumentError(
                f"{metric}: the size of {name} must match the number of features ({dimension})."
                f" Currently len({name})={len(value)}."
            )
    if metric in SETS or metric == "yule":
        return _of_sets(metric), given
    return _of_rows(metric) if metric in _OF_ROWS else _NAMES.get(metric, metric), given


@lru_cache(maxsize=16)
def _of_sets(metric: str) -> Distance:
    """Of the coordinates that are not 0."""
    members = parse("where(x != 0, 1, 0)"), parse("where(y != 0, 1, 0)")
    plain = find(metric)
    formula = substitute(parse(plain.formula_text()), dict(zip((x, y), members, strict=True)))
    return replace(plain, formula=lambda: formula, query_domain=REAL, point_domain=REAL)


@lru_cache(maxsize=8)
def _of_rows(metric: str) -> Distance:
    """Of any rows whatever."""
    plain = replace(find(metric), query_domain=REAL, point_domain=REAL)
    if metric == "braycurtis":
        text = "where(sum(abs(x) + abs(y)) > 0, sum(abs(x - y)) / sum(abs(x) + abs(y)), 0)"
        return replace(plain, formula=text, claims=CLAIMS - {"triangle"})
    if metric == "cosine":
        return replace(
            plain, formula="1 - dot(x, y) / (where(norm(x) > 0, norm(x), 1) * where(norm(y) > 0, norm(y), 1))"
        )
    return plain
