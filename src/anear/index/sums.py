"""Sums over all points of a function of their distance, as kernel densities are: by a tree, to a tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import storage_name
from anear.formula.expression import Expr, make, y
from anear.formula.graph import substitute
from anear.formula.outer import RANK
from anear.index.arguments import threads
from anear.index.index import Index
from anear.index.objects import viewed
from anear.index.tables import CompiledTable, Space

__all__ = ["DISTANCE", "distance_sums"]

Floats = npt.NDArray[np.float64]

DISTANCE: Final = make("index", y, value=0)
"""The distance in the functions that are summed."""

_LEAST: Final = 2.0**-50  # what a sum of float64 numbers is off by anyway


def distance_sums(
    index: Index,
    queries: npt.NDArray[np.float64],
    function: Expr,
    query_data: Mapping[str, Floats],
    *,
    atol: Floats,
    rtol: float,
    weights: Floats | None = None,
    num_threads: int | None = None,
) -> Floats | None:
    """For each query the sum of ``weights * function(distance)`` over all points, as a tree finds it.

    Parameters
    ----------
    function : of ``DISTANCE`` and query fields. It must fall, or stay, as the distance rises, be nowhere below 0, and
        be NaN where the distance is.
    query_data : its query fields, an array (n_queries,) each.
    atol, rtol : a sum may be off by ``atol + rtol * sum``; an ``atol`` for each query.
    weights : of the points, none below 0; None: all are 1.

    Returns
    -------
    array (n_queries,), or None where no tree in float64 serves these queries.
    """
    rows, _ = index._queries(queries, None)
    built = index._for(rows)
    if index._method not in ("kd_tree", "ball_tree") or built.scans or index._space.arithmetic != "float64":
        return None
    if index._space.stages.direct.careful:
        return None
    space, table = _table(function, index._space.stages.outer)
    given = np.zeros((len(rows), 1 + len(space.fields("query"))))
    for place, (name, _) in enumerate(space.fields("query"), 1):
        given[:, place] = query_data[name]
    sums: Floats = built.core.sums(
        viewed(rows),
        storage_name(rows),
        table.table,
        table.parameters,
        given,
        atol,
        max(rtol, _LEAST),
        weights,
        threads(num_threads),
    )
    return sums


@lru_cache(maxsize=64)
def _table(function: Expr, outer: Expr) -> tuple[Space, CompiledTable]:
    """What computes the function of a rank, which stands where the point's one coordinate does."""
    space = Space(substitute(function, {DISTANCE: substitute(outer, {RANK: DISTANCE})}), 1, "float64")
    return space, space.leaf_matrix_table()
