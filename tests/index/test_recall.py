"""Promised recall: the bound covers what it says, certificates are honest, and searches keep them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.index.support import same

import anear
from anear.index.betting import lower_bound
from anear.index.files import dumps
from anear.index.promise import EXACT, GIVEN, ITSELF, PERTURBED, promise_from_text

RNG = np.random.default_rng(11)
CENTRES = RNG.normal(size=(40, 24))
ROWS = (CENTRES[RNG.integers(0, 40, 9000)] + 0.6 * RNG.normal(size=(9000, 24))).astype(np.float32)
POINTS, QUERIES = ROWS[:8000], ROWS[8000:]
QUICK = {"m": 6, "ef_construction": 40}


def shares(found: anear.Neighbors, gold: anear.Neighbors) -> npt.NDArray[np.float64]:
    """The recall of each query, by its distances."""
    return np.asarray((found.distances <= gold.distances[:, -1:]).mean(axis=1))


# the bound


def populations() -> list[Any]:
    """(name, chance of each value from 0/k to k/k)."""

    def weights(values: dict[int, float], k: int) -> npt.NDArray[np.float64]:
        chances = np.zeros(k + 1)
        for value, chance in values.items():
            chances[value] = chance
        return chances

    cases = {
        "all or nothing": weights({0: 0.05, 1: 0.95}, 1),
        "rarely nothing": weights({0: 0.01, 10: 0.99}, 10),
        "often a little": weights({8: 0.2, 9: 0.3, 10: 0.5}, 10),
        "half": weights({0: 0.3, 3: 0.1, 5: 0.2, 7: 0.1, 10: 0.3}, 10),
        "little": weights({0: 0.9, 10: 0.1}, 10),
    }
    return [pytest.param(chances, id=name) for name, chances in cases.items()]


def bound_after_looks(draws: npt.NDArray[np.int64], size: int, looks: list[int], confidence: float) -> float:
    """The largest of the bounds at several looks at a growing sample: what someone gets who stops at the best."""
    return max(lower_bound(np.bincount(draws[:look], minlength=size), confidence) for look in looks)


@pytest.mark.parametrize("chances", populations())
def test_the_bound_holds_however_often_one_looks(chances: npt.NDArray[np.float64]) -> None:
    rng, runs = np.random.default_rng(1), 200
    mean = float(chances @ np.linspace(0, 1, len(chances)))
    looks = [10, 30, 60, 100, 150, 220, 300, 450, 600]
    wrong = 0
    for _ in range(runs):
        draws = rng.choice(len(chances), looks[-1], p=chances)
        wrong += bound_after_looks(draws, len(chances), looks, 0.9) > mean
    assert wrong <= 0.1 * runs


def test_a_confidence_is_not_wasted() -> None:
    """Where most is at stake the bound is wrong now and then: one that never is would say too little."""
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(200):
        draws = rng.choice(2, 600, p=[0.5, 0.5])
        wrong += bound_after_looks(draws, 2, list(range(10, 601, 25)), 0.5) > 0.5
    assert 10 <= wrong <= 100


def test_the_bound_comes_close() -> None:
    rng = np.random.default_rng(3)
    few = [lower_bound(np.bincount(10 - rng.binomial(10, 0.01, 200), minlength=11)) for _ in range(20)]
    many = [lower_bound(np.bincount(10 - rng.binomial(10, 0.03, 2000), minlength=11)) for _ in range(20)]
    assert np.median(few) > 0.96  # of 0.99
    assert np.median(many) > 0.963  # of 0.97
    assert max(many) < 0.97


def test_the_bound_of_odd_samples() -> None:
    assert lower_bound(np.zeros(11, np.int64)) == 0
    assert lower_bound(np.array([7, 0, 0])) == 0
    assert 0.94 < lower_bound(np.array([0, 100])) < 1
    assert lower_bound(np.array([1, 9])) < lower_bound(np.array([1, 19])) < lower_bound(np.array([10, 190])) < 0.95
    assert lower_bound(np.array([2, 98]), 0.99) < lower_bound(np.array([2, 98]), 0.9)


# certificates


@pytest.fixture(scope="module")
def promised() -> anear.Index:
    return anear.Index(POINTS, method="hnsw", options=QUICK, recall=0.95, k=10)


def test_a_certificate_says_what_it_is_of(promised: anear.Index) -> None:
    proved = promised.certificate
    assert proved is not None
    assert (proved.recall, proved.k, proved.confidence, proved.points) == (0.95, 10, 0.95, len(POINTS))
    assert proved.about == PERTURBED
    assert proved.holds
    assert 0.95 <= proved.lower_bound < proved.estimate <= 1
    assert proved.queries >= 128
    text = promised.explain().text
    assert "recall@10" in text
    assert f"at ef={proved.ef}" in text
    assert "made-up queries" in text
    with pytest.raises(AttributeError):
        proved.estimate = 1.0  # type: ignore[misc]


def test_searches_keep_the_promise(promised: anear.Index) -> None:
    proved, gold = promised.certificate, anear.Index(POINTS).search(QUERIES, 10)
    assert proved is not None
    found = promised.search(QUERIES, 10)
    assert same(found, promised.search(QUERIES, 10, ef=proved.ef))
    assert shares(found, gold).mean() > 0.93  # these are no made-up queries, and may fare a little worse
    assert same(promised.search(QUERIES, 10, min_recall=0.95), found)
    assert promised._promise is not None
    widest = promised._promise.ladder[0]
    wider = promised.search(QUERIES, 10, min_recall=widest.lower_bound)
    assert same(wider, promised.search(QUERIES, 10, ef=widest.ef))
    assert shares(wider, gold).mean() > shares(found, gold).mean()
    assert shares(promised.search(QUERIES, 10, min_recall=0.5), gold).mean() < shares(found, gold).mean()
    more = promised.search(QUERIES, 40)
    assert same(more, promised.search(QUERIES, 40, ef=4 * int(proved.ef or 0)))
    slowly = promised.search(QUERIES[:50], np.int64(40), progress=lambda done, of: None)  # all arguments are looked at
    assert same(anear.Neighbors(more.ids[:50], more.distances[:50]), slowly)


def test_given_queries_are_certified_for_what_they_are() -> None:
    index = anear.Index(POINTS, method="hnsw", options=QUICK)
    assert index.certificate is None
    far = QUERIES + 1.5 * np.random.default_rng(1).normal(size=QUERIES.shape)
    hard = index.certify(0.95, k=5, sample_queries=far)
    made_up = index.certify(0.95, k=5)
    assert hard.about == GIVEN
    assert hard.queries <= len(QUERIES) - 200, "pilots are not used again"
    assert (hard.ef or 0) > (made_up.ef or 0)
    index.certify(0.95, k=5, sample_queries=far, num_threads=1)
    assert index.certificate == hard, "the same for any number of threads"
    others = QUERIES + 1.5 * np.random.default_rng(2).normal(size=QUERIES.shape)
    gold = anear.Index(POINTS).search(others, 5)
    assert shares(index.search(others, 5), gold).mean() >= 0.95


def test_a_graph_that_misses_is_not_certified() -> None:
    """Two heaps far apart: a byte tells which of them a coordinate is in, and nothing more."""
    rng = np.random.default_rng(4)
    heaps = (1e4 * rng.integers(0, 2, (4000, 1)) + rng.normal(size=(4000, 8))).astype(np.float32)
    options = QUICK | {"codes": 8}
    with pytest.warns(UserWarning, match="may find less than was asked for"):
        index = anear.Index(heaps, method="hnsw", options=options, recall=0.99)
    proved = index.certificate
    assert proved is not None
    assert not proved.holds
    assert "does not prove the 0.99 asked for" in str(proved)
    asked = heaps[:500] + 0.1
    gold = anear.Index(heaps).search(asked, 10)
    true = shares(index.search(asked, 10, ef=4096), gold).mean()
    assert true < 0.9, "or this test shows nothing"
    assert proved.estimate == pytest.approx(true, abs=0.1)
    assert proved.lower_bound < true
    with pytest.raises(anear.ArgumentError, match=r"min_recall is 0.99; allowed: up to 0\.\d+, what is proved at"):
        index.search(asked, 10, min_recall=0.99)


def test_the_bound_of_certificates_covers_the_truth() -> None:
    """Sixty certificates of one graph with different queries, beside the mean over very many queries."""
    index = anear.Index(POINTS[:2500], method="hnsw", options=QUICK)
    rng = np.random.default_rng(5)
    crowd = CENTRES[rng.integers(0, 40, 12000)] + 0.6 * rng.normal(size=(12000, 24))
    gold = anear.Index(POINTS[:2500]).search(crowd, 10)
    true = shares(index.search(crowd, 10, ef=12), gold).mean()
    parts = crowd.reshape(60, 200, 24)
    audits = [index.audit(part, 10, ef=12, confidence=0.8) for part in parts]
    assert sum(audit.lower_bound > true for audit in audits) <= 12
    assert np.mean([audit.estimate for audit in audits]) == pytest.approx(true, abs=1e-6)
    assert np.mean([audit.lower_bound for audit in audits]) > true - 0.06


def test_an_audit_is_of_the_queries_it_was_given(promised: anear.Index) -> None:
    before = promised.certificate
    assert before is not None
    gold = anear.Index(POINTS).search(QUERIES, 10)
    audit = promised.audit(QUERIES)
    assert audit.estimate == pytest.approx(shares(promised.search(QUERIES), gold).mean(), abs=1e-9)
    assert (audit.queries, audit.about, audit.ef) == (len(QUERIES), GIVEN, before.ef)
    assert promised.audit(QUERIES, ef=10).estimate < audit.estimate
    assert promised.audit(QUERIES, 3).k == 3
    assert promised.audit(QUERIES[:40]).lower_bound < audit.lower_bound
    assert promised.certificate == before
    drifted = promised.audit(QUERIES + 10 * np.random.default_rng(1).normal(size=QUERIES.shape))
    assert not drifted.holds


def test_files_keep_the_promise(promised: anear.Index, tmp_path: Path) -> None:
    file = tmp_path / "index.anear"
    promised.save(file)
    for again in (anear.load(file), anear.load(file, mmap=True), pickle.loads(pickle.dumps(promised))):
        assert again.certificate == promised.certificate
        assert same(again.search(QUERIES, 10, min_recall=0.97), promised.search(QUERIES, 10, min_recall=0.97))
        assert dumps(again) == dumps(promised)


@pytest.mark.parametrize(
    "damage",
    [
        ('"estimate": 0', '"estimate": 7'),
        ('"lower_bound"', '"upper_bound"'),
        ('"queries": ', '"queries": -'),
        ('"about": "', '"about": 3, "x": "'),
        ('"k": 10', '"k": true'),
        ('"ladder": [', '"ladder": 4, "x": ['),
        ("{", "["),
    ],
)
def test_damaged_promises_are_refused(promised: anear.Index, damage: tuple[str, str]) -> None:
    assert promised._promise is not None
    text = promised._promise.to_text()
    assert promise_from_text(text) == promised._promise
    assert damage[0] in text
    with pytest.raises(anear.FileFormatError, match="certificate of recall"):
        promise_from_text(text.replace(*damage, 1))


def test_recall_is_measured_among_the_points_there_are() -> None:
    names = [f"p{i}" for i in range(3000)]
    index = anear.Index(POINTS[:3000], method="hnsw", options=QUICK, ids=names, recall=0.9)
    assert index.certificate is not None
    assert index.certificate.points == 3000
    index.remove(names[:2000])
    assert "measured for 3000 points, and there are 1000 now" in index.explain().text
    proved = index.certify(0.95)
    assert (proved.points, proved.holds) == (1000, True)
    gold = anear.Index(POINTS[2000:3000]).search(QUERIES, 10)
    audit = index.audit(QUERIES)
    assert audit.estimate == pytest.approx(shares(index.search(QUERIES, 10), gold).mean(), abs=1e-9)
    index.remove(names[2000:])
    with pytest.raises(anear.ArgumentError, match="all points of the index were removed"):
        index.audit(QUERIES)


# made-up queries


@pytest.mark.parametrize(
    ("distance", "rows", "about"),
    [
        ("euclidean", np.round(40 * POINTS[:1500]).clip(-128, 127).astype(np.int8), PERTURBED),
        ("euclidean", POINTS[:1500].astype(np.float16), PERTURBED),
        ("kldiv", np.abs(POINTS[:1500]) + np.float32(1e-3), PERTURBED),
        ("jaccard", (POINTS[:1500] > 0.5).astype(np.float32), PERTURBED),
        ("hyperboloid", None, ITSELF),
    ],
    ids=["int8", "float16", "positive", "binary", "hyperboloid"],
)
def test_queries_are_made_up_where_the_distance_takes_them(
    distance: str, rows: npt.NDArray[Any] | None, about: str
) -> None:
    if rows is None:
        space = POINTS[:1500, :8].astype(np.float64)
        rows = np.concatenate([np.sqrt(1 + (space**2).sum(axis=1, keepdims=True)), space], axis=1)
    index = anear.Index(rows, distance, method="hnsw", options=QUICK, recall=0.9)
    proved = index.certificate
    assert proved is not None
    assert proved.about == about
    assert proved.holds


def test_points_that_are_all_the_same() -> None:
    """Any of them is as near as another."""
    index = anear.Index(np.ones((3000, 4), np.float32), method="hnsw", options=QUICK, recall=0.9)
    assert index.certificate is not None
    assert index.certificate.estimate == 1


def test_more_neighbours_than_points() -> None:
    index = anear.Index(POINTS[:30], method="hnsw", recall=0.9, k=50)
    assert index.certificate is not None
    assert index.certificate.holds


# choosing


@pytest.mark.skipif("san" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers slow walks down, and not kernels")
def test_a_graph_is_chosen_where_it_is_the_fastest() -> None:
    index = anear.Index(POINTS, recall=0.9, k=5, sample_queries=QUERIES[:600])
    proved = index.certificate
    assert proved is not None
    assert proved.holds
    assert proved.about == GIVEN
    gold = anear.Index(POINTS).search(QUERIES[600:], 5)
    assert shares(index.search(QUERIES[600:], 5), gold).mean() > 0.88
    text = index.explain().text
    assert "hnsw" in text
    assert "a query" in text


@pytest.mark.parametrize(
    ("points", "wish"),
    [
        (POINTS[:500], {"recall": 0.9}),
        (POINTS, {"recall": 1.0}),
        (POINTS[:, :2], {"recall": 0.9}),
        (POINTS, {"recall": 0.9, "budget_seconds": 1e-3}),
    ],
)
def test_exact_methods_are_chosen_where_they_should(points: npt.NDArray[Any], wish: dict[str, Any]) -> None:
    index = anear.Index(points, **wish)
    proved = index.certificate
    assert proved is not None
    assert (proved.about, proved.lower_bound, proved.ef, proved.queries) == (EXACT, 1.0, None, 0)
    assert "recall 1: all queries: the method is exact" in index.explain().text
    gold = anear.Index(points).search(points[:50], 7)
    assert same(index.search(points[:50], 7, min_recall=0.999), gold)
    assert index.audit(points[:50]).about == EXACT
    assert pickle.loads(pickle.dumps(index)).certificate == proved


def test_formulas_with_fields_of_queries_are_scanned() -> None:
    index = anear.Index(POINTS, "query_field('w') * sum(abs(x - y))", recall=0.9)
    assert index.certificate is not None
    assert index.certificate.about == EXACT
    assert index.search(QUERIES[0], 3, query_data={"w": [2.0]}).ids.shape == (3,)


def test_memory_is_kept_to() -> None:
    with pytest.raises(anear.ArgumentError, match="budget_bytes is 1000, and budget_seconds 600; no method keeps"):
        anear.Index(POINTS, recall=0.9, budget_bytes=1000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recall": 0}, "recall is 0; allowed: a number above 0, up to 1"),
        ({"recall": 1.01}, "recall is 1.01; allowed"),
        ({"recall": True}, "recall is True; allowed"),
        ({"recall": "high"}, "recall is 'high'; allowed"),
        ({"recall": float("nan")}, "recall is nan; allowed"),
        ({"recall": 0.9, "k": 0}, "k is 0; allowed"),
        ({"k": 5}, "k belongs to recall=.*; recall is not given"),
        ({"sample_queries": QUERIES}, "sample_queries belongs to recall="),
        ({"recall": 0.9, "budget_seconds": 0}, "budget_seconds is 0; allowed"),
        ({"recall": 0.9, "budget_bytes": 2.5}, "budget_bytes is 2.5; allowed"),
        ({"recall": 0.9, "options": {"m": 4}}, "options belong to a method"),
        ({"recall": 0.9, "sample_queries": QUERIES[:, :3]}, "sample_queries"),
        ({"recall": 0.9, "sample_queries": np.full((5, 24), np.nan)}, "sample_queries.* is nan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_wishes(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(anear.ArgumentError, match=message):
        anear.Index(POINTS, **arguments)


def test_wrong_searches_and_measurements(promised: anear.Index) -> None:
    plain = anear.Index(POINTS[:300], method="hnsw")
    wrong: list[tuple[Any, str]] = [
        (lambda: plain.search(QUERIES, min_recall=0.9), "min_recall needs an index whose recall was measured"),
        (lambda: promised.search(QUERIES, 7, min_recall=0.9), "min_recall was measured for k=10, and k is 7"),
        (lambda: promised.search(QUERIES, min_recall=0.9, ef=20), "min_recall chooses ef"),
        (lambda: promised.search(QUERIES, min_recall=2), "min_recall is 2; allowed"),
        (lambda: promised.search(QUERIES, min_recall=1.0), r"min_recall is 1; allowed: up to 0\.9"),
        (lambda: promised.certify(0.0), "recall is 0.0; allowed"),
        (lambda: promised.certify(0.9, confidence=1.0), "confidence is 1.0; allowed"),
        (lambda: promised.certify(0.9, seed=-1), "seed is -1; allowed"),
        (lambda: promised.audit(QUERIES, 0), "k is 0; allowed"),
        (lambda: promised.audit(QUERIES[:, :3]), "queries"),
        (
            lambda: anear.Index(POINTS[:300], method="kd_tree").search(QUERIES, max_leaves=3, min_recall=0.5),
            "max_leaves",
        ),
    ]
    for call, message in wrong:
        with pytest.raises(anear.ArgumentError, match=message):
            call()
