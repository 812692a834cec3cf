"""Every method that the core has, and "auto": what all of them keep to. Nothing is registered here: the core's own
table says what there is, with which parameters, and which of it takes `ef` and may therefore miss neighbours.

A method may refuse a distance, but never Euclidean, and only with an error that says what serves.
"""

from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.index.support import same

import anear
from anear import _core
from anear.index.files import dumps
from anear.index.life import LIVING
from anear.index.methods import APPROXIMATE, METHODS, checked_options

EVERY = sorted({*_core.methods(), *METHODS})
EXACT = [name for name in EVERY if name not in APPROXIMATE]
DISTANCES = ("euclidean", "kldiv", "sum(abs(x - y) ** 1.5)")
K = 10
DECLARED = 0.95  # the share of the ten nearest that a graph finds in sets as small as these, as wide as WIDE
# NN-descent builds by a divergence's geodesic distance, which in tight clusters finds fewer (0.936 seen).
LESS = {"nn_descent": 0.93}
WIDE = 100


def _clustered(rng: np.random.Generator) -> np.ndarray:
    centres = rng.random((15, 12))
    return np.abs(centres[rng.integers(0, 15, 1300)] + 0.1 * rng.normal(size=(1300, 12))) + 0.01


def _histograms(rng: np.random.Generator) -> np.ndarray:
    weights = rng.gamma(0.5, size=(1300, 12)) + 1e-3
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _lattice(rng: np.random.Generator) -> np.ndarray:
    """Few different coordinates: many points are the same, and many distances equal."""
    return rng.integers(1, 4, (1300, 5)).astype(np.float64)


SETS = {"clustered": _clustered, "histograms": _histograms, "lattice": _lattice}


@cache
def rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """(points, queries) of a set, float32."""
    data = SETS[name](np.random.default_rng(5)).astype(np.float32)
    return data[:1200], data[1200:]


@cache
def built(method: str, distance: str, name: str) -> anear.Index | str:
    """The method over a set, or what it says where it does not serve the distance."""
    try:
        return anear.Index(rows(name)[0], distance, method=method)
    except anear.ArgumentError as error:
        return str(error)


def made(method: str, distance: str = "euclidean", name: str = "clustered") -> anear.Index:
    """The method over a set; skips where it may refuse, and does."""
    index = built(method, distance, name)
    if isinstance(index, str):
        refused(method, distance, index)
        pytest.skip(index)
    return index


def refused(method: str, distance: str, message: str) -> None:
    """A method may be unfit for a distance, but it says so, and what is fit."""
    assert distance != "euclidean", "every method serves Euclidean distance"
    assert f"method is {method!r}" in message
    assert "method='flat' serves" in message


def wide(method: str) -> dict[str, Any]:
    return {"ef": WIDE} if method in APPROXIMATE else {}


def within(found: anear.Neighbors, gold: anear.Neighbors) -> float:
    """The share of answers that are as near as a true neighbour: of equal distances any will do."""
    return float(np.mean((found.distances <= gold.distances[:, -1:]) & (found.ids >= 0)))


@pytest.mark.parametrize("method", EVERY)
def test_a_method_describes_itself(method: str) -> None:
    if method not in _core.methods():
        return
    entry = _core.methods()[method]
    assert entry["meaning"]
    for parameter in [*entry["build_parameters"], *entry["search_parameters"]]:
        assert parameter["meaning"]
        assert parameter["low"] <= parameter["default"] <= parameter["high"]
    assert method in repr(made(method))
    assert method in made(method).explain().text


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("method", EXACT)
def test_exact_methods_equal_the_scan(method: str, distance: str, name: str) -> None:
    index, flat, queries = made(method, distance, name), made("flat", distance, name), rows(name)[1]
    for k in (1, K, 1201):
        assert same(index.search(queries, k), flat.search(queries, k))
    for radius in (0.0, flat.search(queries, K).distances[:, -1], np.inf):
        found = flat.range_search(queries, radius)
        assert same(index.range_search(queries, radius), found)
        np.testing.assert_array_equal(index.count(queries, radius), np.diff(found.offsets))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("method", APPROXIMATE)
def test_approximate_methods_find_what_they_declare(method: str, distance: str, name: str) -> None:
    index, flat, queries = made(method, distance, name), made("flat", distance, name), rows(name)[1]
    found, gold = index.search(queries, K, ef=WIDE), flat.search(queries, K)
    assert within(found, gold) >= LESS.get(method, DECLARED)
    assert same(index.search(queries, K, ef=1200), gold), "a walk as wide as the set is exact"


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("method", EVERY)
def test_a_promised_recall_is_kept(method: str, name: str) -> None:
    points, queries = rows(name)
    index = anear.Index(points, method=method, recall=0.9, k=K)
    assert index.certificate is not None
    assert index.certificate.holds
    assert (index.certificate.ef is None) == (method in EXACT)
    assert index.audit(queries).estimate >= (0.85 if method in APPROXIMATE else 1)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("method", EVERY)
def test_answers_are_points_in_order_at_their_distances(method: str, distance: str) -> None:
    index, (points, queries) = made(method, distance), rows("clustered")
    found = index.search(queries, K, **wide(method))
    assert found.ids.dtype == np.int64
    assert found.distances.dtype == points.dtype
    assert found.ids.shape == found.distances.shape == (len(queries), K)
    assert all(len(set(ids)) == K for ids in found.ids.tolist())
    assert (np.diff(found.distances, axis=1) >= 0).all()
    true = index.formula.numpy(queries.astype(np.float64), points.astype(np.float64))
    np.testing.assert_allclose(found.distances, np.take_along_axis(true, found.ids, axis=1), rtol=1e-6)
    one = index.search(queries[0], K, **wide(method))
    assert one.ids.shape == (K,)
    assert same(one, anear.Neighbors(found.ids[0], found.distances[0]))


@pytest.mark.parametrize("method", EVERY)
def test_the_points_themselves_as_queries(method: str) -> None:
    index = made(method)
    found = index.self_search(3)
    assert not (found.ids == np.arange(len(index))[:, None]).any()
    assert within(found, made("flat").self_search(3)) >= DECLARED


@pytest.mark.parametrize("storage", ["float64", "float16", "uint8"])
@pytest.mark.parametrize("method", EVERY)
def test_every_storage_type(method: str, storage: str) -> None:
    points, queries = ((80 * part).astype(storage) for part in rows("clustered"))
    index, flat = anear.Index(points, method=method), anear.Index(points)
    found, gold = index.search(queries, K, **wide(method)), flat.search(queries, K)
    assert found.distances.dtype == gold.distances.dtype
    assert within(found, gold) >= (DECLARED if method in APPROXIMATE else 1)


@pytest.mark.parametrize("method", EVERY)
def test_fields_of_points(method: str) -> None:
    points, queries = rows("clustered")
    weights = {"w": np.linspace(0.5, 2, len(points))}
    formula = "point_field('w') * sum((x - y) ** 2)"
    try:
        index = anear.Index(points, formula, method=method, point_data=weights)
    except anear.ArgumentError as error:
        refused(method, formula, str(error))
        return
    gold = anear.Index(points, formula, point_data=weights).search(queries, K)
    assert within(index.search(queries, K, **wide(method)), gold) >= (DECLARED if method in APPROXIMATE else 1)


@pytest.mark.parametrize("method", EVERY)
def test_files_give_the_same_index(method: str, tmp_path: Path) -> None:
    index, queries = made(method), rows("clustered")[1]
    file = tmp_path / "index.anear"
    index.save(file)
    gold = index.search(queries, K)
    for again in (anear.load(file), anear.load(file, mmap=True), pickle.loads(pickle.dumps(index))):
        assert repr(again) == repr(index)
        assert same(again.search(queries, K), gold)
        assert dumps(again) == dumps(index)


@pytest.mark.parametrize("method", EVERY)
def test_the_same_on_any_number_of_threads(method: str) -> None:
    points, queries = rows("histograms")
    results = []
    for team in (1, 2, 3):
        index = anear.Index(points, method=method, num_threads=team)
        found, alone = index.search(queries, K, num_threads=team), index.search(queries[3], K, num_threads=team)
        results.append((dumps(index), found, alone, index.range_search(queries, 0.2, num_threads=team)))
    for other in results[1:]:
        assert other[0] == results[0][0]
        assert all(same(mine, its) for mine, its in zip(other[1:], results[0][1:], strict=True))


@pytest.mark.parametrize("share", [0.5, 0.05, 0.002])
@pytest.mark.parametrize("method", EVERY)
def test_filters(method: str, share: float) -> None:
    index, flat, queries = made(method), made("flat"), rows("clustered")[1]
    allowed = np.random.default_rng(1).random(len(index)) < share
    ids = np.flatnonzero(allowed)
    exclude = np.random.default_rng(2).choice([*ids.tolist(), -1], len(queries))
    gold = flat.search(queries, K, allow=allowed, exclude=exclude)
    found = index.search(queries, K, allow=allowed, exclude=exclude, **wide(method))
    assert set(found.ids.ravel().tolist()) <= {-1, *ids.tolist()}
    assert not ((found.ids == exclude[:, None]) & (found.ids >= 0)).any()
    np.testing.assert_array_equal(found.ids < 0, gold.ids < 0)
    np.testing.assert_array_equal(np.isinf(found.distances), found.ids < 0)
    if method in EXACT:
        assert same(found, gold)
    else:
        assert np.mean(np.sort(found.ids) == np.sort(gold.ids)) >= 0.9
    for also in ({"allow": ids}, {"deny": ~allowed}, {"deny": np.flatnonzero(~allowed)}):
        assert same(index.search(queries, K, exclude=exclude, **also, **wide(method)), found)


@pytest.mark.parametrize("method", EVERY)
def test_nothing_is_allowed(method: str) -> None:
    found = made(method).search(rows("clustered")[1], 3, allow=[])
    assert (found.ids == -1).all()
    assert np.isinf(found.distances).all()


@pytest.mark.parametrize("method", EVERY)
def test_points_come_and_go_or_are_fixed(method: str) -> None:
    points, queries = rows("clustered")
    index = anear.Index(points[:600], method=method)
    if method not in LIVING:
        with pytest.raises(anear.ArgumentError, match=f"method is '{method}', whose points are fixed"):
            index.add(points[600:])
        return
    assert index.add(points[600:]).tolist() == list(range(600, 1200))
    index.remove(np.arange(0, 1200, 3))
    index.update([1, 1199], points[[0, 3]])
    assert len(index) == 800
    assert index.check() == (800, 800, ())
    gold = anear.Index(index.points, ids=index.ids).search(queries, K)
    assert within(index.search(queries, K, **wide(method)), gold) >= (DECLARED if method in APPROXIMATE else 1)
    index.compact()
    assert index.check() == (800, 800, ())
    assert within(index.search(queries, K, **wide(method)), gold) >= (DECLARED if method in APPROXIMATE else 1)


@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize("method", EVERY)
def test_few_and_equal_points(method: str, count: int) -> None:
    index = anear.Index(np.ones((count, 3)), method=method)
    found = index.search(np.zeros((2, 3)), count + 2)
    np.testing.assert_array_equal(np.sort(found.ids, axis=1), np.tile([-1, -1, *range(count)], (2, 1)))
    np.testing.assert_array_equal(found.distances, np.tile([3**0.5] * count + [np.inf] * 2, (2, 1)))


@pytest.mark.parametrize("method", EVERY)
def test_distances_are_counted(method: str) -> None:
    index, queries = anear.Index(rows("clustered")[0], method=method), rows("clustered")[1]
    before = index.distances_computed
    index.search(queries, K)
    once = index.distances_computed
    assert once.building == before.building
    assert once.scanned + once.exact > before.scanned + before.exact + len(queries)
    assert once.scanned - before.scanned <= len(index) * len(queries)
    assert once.building > 0 or method not in APPROXIMATE
    if method == "flat":
        assert once.scanned - before.scanned == len(index) * len(queries)
    index.search(queries, K)
    assert index.distances_computed.scanned > once.scanned


WRONG_POINTS: list[tuple[Any, str]] = [
    (np.zeros((0, 3)), "points"),
    (np.zeros((3, 0)), "points"),
    (np.array([[0.0, np.nan]]), r"points\[0, 1\] is nan"),
    ([["a", "b"]], "points"),
    (np.zeros((2, 2, 2)), "points"),
]


@pytest.mark.parametrize(("points", "message"), WRONG_POINTS)
@pytest.mark.parametrize("method", EVERY)
def test_wrong_points_are_refused(method: str, points: Any, message: str) -> None:
    with pytest.raises(anear.ArgumentError, match=message):
        anear.Index(points, method=method)


@pytest.mark.parametrize("method", EVERY)
def test_wrong_searches_are_refused(method: str) -> None:
    index, query = made(method), rows("clustered")[1][0]
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (query[:-1], {}, "queries"),
        (np.full_like(query, np.inf), {}, "queries"),
        (query, {"k": 0}, "k is 0; allowed"),
        (query, {"k": 2.5}, "k is 2.5; allowed"),
        (query, {"num_threads": 0}, "num_threads is 0; allowed"),
        (query, {"allow": [len(index)]}, "allow"),
        (query, {"deny": np.ones(3, bool)}, "deny"),
        (query, {"exclude": [len(index)]}, "exclude"),
        (query, {"progress": 3}, "progress is 3; allowed"),
        (query, {"query_data": {"w": [1.0]}}, "query_data has 'w'"),
        (query, {"rerank": 0} if method == "ivf" else {"rerank": 5}, "rerank is "),
        (query, {"max_leaves": 5} if method in (*APPROXIMATE, "flat") else {"ef": 5}, "this index has method="),
        (query, {"ef": 0} if method in APPROXIMATE else {"k": -1}, "is .*; allowed"),
    ]
    for rows_, arguments, message in wrong:
        with pytest.raises(anear.ArgumentError, match=message):
            index.search(rows_, **arguments)


@pytest.mark.parametrize("method", EVERY)
def test_queries_outside_the_domain_are_refused(method: str) -> None:
    with pytest.raises(anear.DomainError, match="queries"):
        made(method, "kldiv").search(-rows("clustered")[1])


def test_a_wrong_method_names_all() -> None:
    with pytest.raises(anear.ArgumentError, match=r"method is 'hsnw'; allowed: .*hnsw") as caught:
        anear.Index(np.eye(3), method="hsnw")
    assert all(name in str(caught.value) for name in EVERY)


@pytest.mark.parametrize("method", EVERY)
def test_wrong_options_name_the_nearest_and_the_range(method: str) -> None:
    known = checked_options(method, None)
    for name in known:
        if len(name) > 3:
            near = name[0] + name[2:]
            with pytest.raises(anear.ArgumentError, match=f"options holds '{near}'; did you mean '{name}'"):
                anear.Index(np.eye(3), method=method, options={near: 1})
        with pytest.raises(anear.ArgumentError, match=rf"options\['{name}'\] is '\?'; allowed: "):
            anear.Index(np.eye(3), method=method, options={name: "?"})
    with pytest.raises(anear.ArgumentError, match=f"options holds 'zzzzzzz'; {method} has "):
        anear.Index(np.eye(3), method=method, options={"zzzzzzz": 1})
    with pytest.raises(anear.ArgumentError, match="options is 7; allowed: a dict"):
        anear.Index(np.eye(3), method=method, options=7)  # type: ignore[arg-type]
    for one in _core.methods().get(method, {}).get("build_parameters", []):
        if one["name"] not in known:
            continue  # set by anear, not by its users
        for value in (one["low"] - 1, 2 * one["high"] + 1):
            with pytest.raises(anear.ArgumentError, match=rf"options\['{one['name']}'\] is .*; allowed: .* from .* to"):
                anear.Index(np.eye(3), method=method, options={one["name"]: value})


@pytest.mark.parametrize("method", EVERY)
def test_work_can_be_stopped(method: str) -> None:
    points = np.random.default_rng(3).random((40000, 16), np.float32)

    def stop(done: int, total: int) -> bool:
        return False

    if method in APPROXIMATE:
        with pytest.raises(anear.Cancelled):
            anear.Index(points, method=method, progress=stop)
    else:
        index = anear.Index(points[:20000], method=method)
        with pytest.raises(anear.Cancelled):
            index.search(points, 100, progress=stop)
