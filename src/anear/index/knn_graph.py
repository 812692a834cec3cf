"""The nearest neighbours of every point, nearly all of them; how many is estimated by exact search for some points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.data.types.dense import point_ids
from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.index.arguments import Progress, callback, neighbour_count, threads, whole_number
from anear.index.betting import lower_bound
from anear.index.choice import walk_precision
from anear.index.graphs import row_form
from anear.index.index import Index
from anear.index.methods import checked_options
from anear.index.objects import viewed
from anear.index.results import Neighbors
from anear.spaces.space import Distance

__all__ = ["KnnGraph", "knn_graph"]

_MORE: Final = 1.5  # neighbours that are improved for one that is wanted: those in the last places are found worst
_LEAST: Final = 16


class KnnGraph(Neighbors):
    """:class:`Neighbors` of every point, and how good they are.

    Attributes
    ----------
    ids, distances : of shape (n, k), as in ``Neighbors``; the two unpack as these.
    recall : share of the true neighbours found, of the points that were searched exactly; 1 for a distance that ties.
    recall_low : the recall of all points is at least this, with 95 % confidence.
    sampled : how many points were searched exactly, drawn by chance.
    """

    recall: float
    recall_low: float
    sampled: int


def knn_graph(
    points: Any,
    k: int = 10,
    distance: str | Expr | Distance = "euclidean",
    *,
    options: Mapping[str, Any] | None = None,
    sample: int = 400,
    point_data: Mapping[str, Any] | None = None,
    num_threads: int | None = None,
    check_domain: bool = True,
    allow_nan: bool = False,
    progress: Progress | None = None,
    **params: Any,
) -> KnnGraph:
    """The k nearest other points of every point, nearly all of them: by NN-descent, far faster than exact search.

    The distances are exact. The same data, options and seed give the same graph on any number of threads. Source: Dong,
    Moses, Li, "Efficient k-nearest neighbor graph construction for generic similarity measures", WWW 2011.

    Parameters
    ----------
    points, distance, point_data, num_threads, check_domain, allow_nan, progress, params : as for ``Index``. The query
        ``x`` of an unsymmetric distance is the point whose neighbours are sought.
    k : neighbours a point; more than there are gives id -1 and distance inf in the places left over.
    options : "nn", "rho", "delta", "trees" and "seed" of ``Index(method="nn_descent")``; "nn", at least k, is how many
        neighbours are improved (None: half as many again as k, at least 16).
    sample : how many points are searched exactly to see how many neighbours were found; 0: none, the recall is nan.

    Returns
    -------
    KnnGraph : ids, distances; and recall, recall_low, sampled.

    Raises
    ------
    ArgumentError, DomainError : naming the argument, what it was and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> found = knn_graph(np.random.default_rng(0).random((2000, 6)), k=5)
    >>> found.ids.shape, found.recall > 0.98, found.recall_low <= found.recall
    ((2000, 5), True, True)
    """
    team, progress = threads(num_threads), callback(progress)
    index = Index.__new__(Index)
    index._take(points, distance, "flat", None, point_data, check_domain, allow_nan, params, team)
    k = neighbour_count(k, len(index), len(index))
    numbers = _numbers(options, k)
    sampled = min(whole_number(sample, "sample", 2**31, least=0), len(index))
    ids, distances = _descend(index, k, numbers, team, progress)
    recall, low = _recall(index, distances, k, sampled, int(numbers["seed"]), team, progress)
    found = KnnGraph(ids, distances)
    found.recall, found.recall_low, found.sampled = recall, low, sampled
    return found


def _numbers(options: Mapping[str, Any] | None, k: int) -> dict[str, float]:
    """The options of the descent, checked."""
    given = checked_options("nn_descent", options)
    if options is None or not any(str(name).lower() == "nn" for name in options):
        given["nn"] = max(int(_MORE * k), _LEAST)
    if given["nn"] < k:
        raise ArgumentError(f"options['nn'] is {given['nn']}; allowed: a whole number from k = {k} on")
    return {name: float(given[name]) for name in ("nn", "rho", "delta", "trees", "seed")}


def _descend(
    index: Index, k: int, numbers: dict[str, float], team: int, progress: Progress | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    space, rows = index._space, index._rows
    plan = space.stages.direct
    precision = walk_precision(space, plan, rows)
    table, exact = space.row_table(plan, precision), space.exact_table()
    slack = space.slack(plan, table, precision)
    search = _core.Estimate(
        table.table, table.parameters, slack.slots, slack.scale, slack.relative, table.offset
    )  # fmt: skip
    objects = np.ascontiguousarray(rows[:, : space.dimension])
    form = row_form(space, table.layout, "nn_descent", index._resolved, index._check_domain, rows, objects)
    return _core.knn_graph(
        viewed(rows),
        space.storage,
        search,
        exact.table,
        exact.parameters,
        form,
        k,
        numbers,
        space.arithmetic,
        team,
        progress,
    )


def _recall(
    index: Index, distances: npt.NDArray[Any], k: int, sampled: int, seed: int, team: int, progress: Progress | None
) -> tuple[float, float]:
    """The share of the neighbours that were found, of some points, and what it is at least of all."""
    if sampled == 0:
        return float("nan"), float("nan")
    some = np.sort(np.random.default_rng(seed).permutation(len(index))[:sampled])
    index._build(team, progress)
    rows = index._as_queries()[0][some]
    gold = index._knn(rows, k, team, point_ids(some), None, progress).distances
    there = np.isfinite(gold)
    last = np.where(there, gold, -np.inf).max(axis=1, keepdims=True)
    found = ((distances[some] <= last) & np.isfinite(distances[some])).sum(axis=1)
    shares = np.minimum(found / np.maximum(there.sum(axis=1), 1), 1.0)
    shares[~there.any(axis=1)] = 1.0
    counts = np.bincount((shares * k + 1e-9).astype(np.int64), minlength=k + 1)
    return float(shares.mean()), lower_bound(counts)
