"""Lists of points around centres: what their codes find, under any formula, and what of them goes to files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from tests.index.support import same

import anear
from anear.index import files

RNG = np.random.default_rng(41)


def heavy(count: int, columns: int) -> np.ndarray:
    """Points with heavy tails, and coordinates of very different weight."""
    rng = np.random.default_rng(columns)
    weights = 1 / np.sqrt(1 + 0.1 * np.arange(columns))
    return np.asarray(rng.standard_t(4, (count, columns)) * weights, np.float32)


def recall(found: anear.Neighbors, gold: anear.Neighbors) -> float:
    return float(np.mean((found.distances <= gold.distances[:, -1:]) & (found.ids >= 0)))


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize("columns", [64, 67, 130, 300])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("distance", ["cosine", "euclidean", "negdotprod"])
def test_codes_find_the_nearest(distance: str, bits: int, columns: int) -> None:
    points, queries = heavy(3000, columns), heavy(3100, columns)[3000:]
    index = anear.Index(points, distance, method="ivf", options={"codes": bits, "lists": 50})
    gold = anear.Index(points, distance).search(queries, 10)
    assert recall(index.search(queries, 10, ef=50), gold) >= 0.97, "all lists are scanned"
    assert recall(index.search(queries, 10, ef=50, rerank=300), gold) >= 0.999
    some = recall(index.search(queries, 10, ef=5), gold)
    assert 0.2 < some < recall(index.search(queries, 10, ef=20), gold)


def test_coordinates_of_different_weight() -> None:
    """One side's large numbers are the other's small ones: codes are as fine where it counts."""
    scale = np.geomspace(0.03, 30, 64)
    points, queries = ((RNG.normal(size=(n, 64)) * scale).astype(np.float32) for n in (2000, 50))
    formula = anear.formula("-sum(x * y / s ** 2)", s=scale)
    index = anear.Index(points, formula, method="ivf", options={"codes": 4, "lists": 20})
    gold = anear.Index(points, formula).search(queries, 10)
    assert recall(index.search(queries, 10, ef=20), gold) >= 0.95


@pytest.mark.parametrize("storage", ["float32", "float64", "float16", "uint8", "int8"])
@pytest.mark.parametrize("codes", [0, 4, 8])
@pytest.mark.parametrize("distance", ["euclidean", "kldivgen", "sum(abs(x - y)) / point_field('s')"])
def test_files(distance: str, codes: int, storage: str, tmp_path: Path) -> None:
    points = (RNG.random((700, 9)) * 99 + 1).astype(storage)
    queries = points[:20].astype(np.float64 if storage == "float64" else np.float32) + 1
    data = {"s": np.linspace(1, 2, 700)} if "field" in distance else None
    options = {"codes": codes, "lists": 12, "probes": 3}
    if codes and (storage == "float64" or data):
        with pytest.raises(anear.ArgumentError, match=r"options\['codes'\] is ., which needs .* inner product"):
            anear.Index(points, distance, method="ivf", point_data=data, options=options)
        return
    index = anear.Index(points, distance, method="ivf", point_data=data, options=options)
    expected = index.search(queries, 10), index.search(queries, 3, ef=5, allow=np.arange(0, 700, 3))
    index.save(tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    for other in (
        anear.load(tmp_path / "a"),
        anear.load(tmp_path / "a", mmap=True),
        pickle.loads(pickle.dumps(index)),
        copy.copy(index),
    ):
        assert other.distances_computed.building == 0
        assert same(other.search(queries, 10), expected[0])
        assert same(other.search(queries, 3, ef=5, allow=np.arange(0, 700, 3)), expected[1])
        assert files.dumps(other) == whole


def test_codes_of_another_form_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = anear.Index(heavy(900, 70), method="ivf")
    index.save(tmp_path / "a")
    monkeypatch.setattr("anear.index.graphs.prepared_form", lambda *_: "another")
    again = anear.load(tmp_path / "a")
    assert same(again.search(heavy(20, 70), 10), index.search(heavy(20, 70), 10))


@pytest.mark.parametrize("distance", ["cosine", "itakura_saito", "sum(abs(x - y) ** 0.5)", "canberra"])
def test_a_range_holds_what_lies_within_it(distance: str) -> None:
    points, queries = RNG.random((2000, 8)) + 0.1, RNG.random((20, 8)) + 0.1
    index, flat = anear.Index(points, distance, method="ivf", options={"probes": 6}), anear.Index(points, distance)
    radius = np.median(flat.search(queries, 30).distances[:, -1])
    found, gold = index.range_search(queries, radius), flat.range_search(queries, radius)
    assert (found.distances <= radius).all()
    assert len(found.ids) >= 0.9 * len(gold.ids)
    assert len(index.range_search(queries, np.inf).ids) == 20 * 2000


def test_too_few_in_the_lists_asked_for() -> None:
    points = heavy(500, 64)
    index = anear.Index(points, method="ivf", options={"lists": 400, "probes": 1})
    found = index.search(points[:5], 100)
    assert (found.ids >= 0).all()
    assert (found.ids[:, 0] == np.arange(5)).all()
    sparse = index.search(points[:5], 40, allow=np.arange(0, 500, 10), ef=1)
    assert (sparse.ids >= 0).all()


def test_what_codes_cost_is_told() -> None:
    text = anear.Index(heavy(900, 70), method="ivf").explain().text
    assert "are the 10 nearest by their codes" in " ".join(text.split())
    assert "28 lists of 32 points in the mean; codes of 4 bits" in " ".join(text.split())
    text = anear.Index(heavy(900, 70), "manhattan", method="ivf").explain().text
    assert "codes" not in text
    assert "the points themselves are scanned" in " ".join(text.split())


def test_points_that_are_no_numbers_to_their_codes() -> None:
    """An infinite logarithm stands in the middle: the formula itself decides."""
    points = np.where(RNG.random((600, 64)) < 0.2, 0, RNG.random((600, 64)) + 0.1)
    queries = RNG.random((10, 64)) + 0.1
    formula = "sum(x * log(y + 0 * x) - x)"
    index = anear.Index(points.astype(np.float32), formula, method="ivf", allow_nan=True)
    gold = anear.Index(points.astype(np.float32), formula, allow_nan=True).search(queries.astype(np.float32), 5)
    assert same(index.search(queries.astype(np.float32), 5, ef=600), gold)


@pytest.mark.parametrize("distance", ["euclidean", "sum(x * x) + sum(y * y) - 2 * sum(x * y)"])
def test_points_far_from_the_origin(distance: str) -> None:
    points, queries = heavy(2000, 64) + 10_000, heavy(2050, 64)[2000:] + 10_000
    index = anear.Index(points, distance, method="ivf", options={"lists": 30})
    gold = anear.Index(points, distance).search(queries, 10)
    assert recall(index.search(queries, 10, ef=30), gold) >= 0.97


def test_bits_are_chosen_by_what_they_tell_apart(tmp_path: Path) -> None:
    """Under Kullback-Leibler near topics differ by little where logarithms differ by much: codes cannot show it."""
    weights = np.random.default_rng(3).standard_gamma(0.02, (1500, 128)) + 1e-7
    topics = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    for points, distance in ((heavy(1500, 128), "cosine"), (topics, "kldiv"), (heavy(1500, 10), "euclidean")):
        index = anear.Index(points[:1400], distance, method="ivf", options={"lists": 20})
        gold = anear.Index(points[:1400], distance).search(points[1400:], 10)
        assert recall(index.search(points[1400:], 10, ef=20), gold) >= 0.93
        index.save(tmp_path / "a")
        loaded = anear.load(tmp_path / "a")
        assert loaded._built.bits == index._built.bits
        assert loaded._built.bits == {"cosine": 4, "euclidean": 8}.get(distance, loaded._built.bits)
        assert loaded.distances_computed.building == loaded.distances_computed.scanned == 0
