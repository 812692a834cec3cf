"""Points that come into lists and leave them: found as in lists that were built with them, and the same in files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.index.support import same

import anear
from anear.index import container, files

Rows = npt.NDArray[np.float32]
COLUMNS = 64


def clustered(count: int, seed: int) -> Rows:
    """Clusters of some dozen points, each as wide as the others."""
    centres = 2 * np.random.default_rng(0).normal(size=(100, COLUMNS))
    rng = np.random.default_rng(seed)
    return np.asarray(centres[rng.integers(0, 100, count)] + rng.normal(size=(count, COLUMNS)), np.float32)


POINTS, QUERIES = clustered(6000, 1), clustered(200, 2)


def lists(points: Any, distance: str = "euclidean", **options: Any) -> anear.Index:
    return anear.Index(points, distance, method="ivf", options=options)


def recall(index: anear.Index, gold: anear.Index, queries: Rows = QUERIES, **how: Any) -> float:
    found, best = index.search(queries, 10, **how), gold.search(queries, 10)
    return float(np.mean((found.distances <= best.distances[:, -1:]) & (found.ids >= 0)))


def sound(index: anear.Index) -> None:
    assert index.check() == (len(index), len(index), ())


@pytest.mark.parametrize("distance", ["euclidean", "cosine", "manhattan"])
@pytest.mark.parametrize("codes", [0, 4, 8])
def test_points_that_came_are_found_as_those_that_were_there(codes: int, distance: str) -> None:
    if codes and distance == "manhattan":
        return
    gold, fresh = anear.Index(POINTS, distance), lists(POINTS, distance, codes=codes)
    at_once, in_turn = (lists(POINTS[:3000], distance, codes=codes) for _ in range(2))
    at_once.add(POINTS[3000:])
    for start in range(3000, 6000, 60):  # some lie behind all others, some are laid anew with them
        in_turn.add(POINTS[start : start + 60])
    few = lists(POINTS[:5500], distance, codes=codes)
    few.add(POINTS[5500:])
    for ef in (2, 8, 40):
        usual = recall(fresh, gold, ef=ef)
        for index in (at_once, in_turn, few):
            sound(index)
            assert recall(index, gold, ef=ef) >= usual - 0.02
    for index in (at_once, in_turn, few):
        assert same(index.search(QUERIES, 10, ef=6000), gold.search(QUERIES, 10))
        assert sorted(index.order) == list(range(6000))


@pytest.mark.parametrize("codes", [0, 4, 8])
def test_points_unlike_all_that_were_there(codes: int) -> None:
    """Their codes would be as coarse as they are far away: they are compared in full."""
    far = clustered(400, 3) + 300
    index, gold = lists(POINTS, codes=codes), anear.Index(np.concatenate([POINTS, far]))
    index.add(far)
    assert recall(index, gold, far[:50] + np.float32(0.1), ef=4) >= 0.99
    assert recall(index, gold, ef=40) >= 0.95
    huge = np.float32([[1e4] * COLUMNS, [-3e4] * COLUMNS])
    index.add(huge)
    assert index.search(huge, 1, ef=4).ids[:, 0].tolist() == [6400, 6401]


@pytest.mark.parametrize("storage", ["float64", "float16", "uint8", "int8"])
def test_every_storage_type(storage: str) -> None:
    points, queries = ((8 * part).clip(0, 100).astype(storage) for part in (POINTS[:2000], QUERIES))
    index, gold = lists(points[:1500], lists=20), anear.Index(points)
    index.add(points[1500:1550])
    index.add(points[1550:])
    sound(index)
    assert recall(index, gold, queries, ef=20) >= 0.95
    assert same(index.search(queries, 10, ef=2000), gold.search(queries, 10))


def test_fields_of_points_that_come() -> None:
    weights = np.linspace(0.5, 2, 2000)
    formula = "point_field('w') * sum((x - y) ** 2)"
    gold = anear.Index(POINTS[:2000], formula, point_data={"w": weights})
    index = anear.Index(POINTS[:1200], formula, method="ivf", point_data={"w": weights[:1200]})
    index.add(POINTS[1200:2000], point_data={"w": weights[1200:]})
    assert recall(index, gold, ef=60) >= 0.99


@pytest.mark.parametrize("codes", [0, 4])
def test_who_left_is_never_found(codes: int) -> None:
    index = lists(POINTS[:2000], codes=codes, lists=30)
    index.add(POINTS[2000:2100])
    gone = np.arange(0, 2100, 3)
    index.remove(gone)
    sound(index)
    names = index.ids
    gold = anear.Index(index.points, ids=names)
    for how in ({"ef": 3}, {"ef": 30}, {"ef": 5000}, {"ef": 30, "allow": names[::2]}):
        assert np.isin(index.search(QUERIES, 10, **how).ids, names).all()
    assert same(index.search(QUERIES, 10, ef=1400), gold.search(QUERIES, 10))
    assert index.search(QUERIES, 2000, ef=1).ids.max(axis=1).min() >= 0
    everyone = index.range_search(QUERIES[:5], np.inf)
    assert all(sorted(everyone.of(i).ids) == names.tolist() for i in range(5))
    assert index.count(QUERIES[:5], np.inf).tolist() == [1400] * 5
    radius = gold.search(QUERIES, 10).distances[:, -1]
    found, best = index.range_search(QUERIES, radius), gold.range_search(QUERIES, radius)
    assert np.isin(found.ids, names).all()
    assert len(found.ids) >= 0.95 * len(best.ids)
    assert len(set(index.self_search(3).ids.ravel()) & set(gone)) == 0


def test_filters_know_points_that_came() -> None:
    index, gold = lists(POINTS[:4000], codes=4), anear.Index(POINTS)
    index.add(POINTS[4000:4100])
    index.add(POINTS[4100:])
    for share in (0.5, 0.05, 0.001):
        allow = np.random.default_rng(4).random(6000) < share
        exclude = np.random.default_rng(5).integers(0, 6000, len(QUERIES))
        found, best = (one.search(QUERIES, 10, allow=allow, exclude=exclude) for one in (index, gold))
        assert allow[found.ids[found.ids >= 0]].all()
        assert not (found.ids == exclude[:, None]).any()
        assert np.mean(found.distances <= best.distances[:, -1:]) >= 0.95


def test_searches_count_what_they_scan() -> None:
    index = lists(POINTS[:3000], codes=8, lists=10)
    index.add(POINTS[3000:3100])
    building = index.distances_computed.building
    assert building >= 3100 * 10
    before = index.distances_computed.scanned
    index.search(QUERIES, 10, ef=10)
    assert index.distances_computed.scanned - before == 3100 * len(QUERIES)
    assert index.distances_computed.building == building


def lived(codes: int, team: int) -> anear.Index:
    """Lists that points came into, a few at a time and many, and left."""
    index = anear.Index(POINTS[:1500], method="ivf", options={"codes": codes}, num_threads=team)
    index.add(POINTS[1500:2900], num_threads=team)
    index.add(POINTS[2900:3000], num_threads=team)
    index.remove(np.arange(20, 90), num_threads=team)
    index.update([3, 2999], POINTS[3000:3002], num_threads=team)
    return index


@pytest.mark.parametrize("codes", [0, 4, 8])
def test_the_same_on_any_number_of_threads(codes: int) -> None:
    one, three = (files.dumps(lived(codes, team)) for team in (1, 3))
    assert one == three


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("distance", ["euclidean", "kldivgen"])
@pytest.mark.parametrize("codes", [0, 4, 8])
def test_files_go_on_where_the_index_was(codes: int, distance: str, mmap: bool, tmp_path: Path) -> None:
    points = np.abs(POINTS) + np.float32(0.01)
    index = lists(points[:2000], distance, codes=codes)
    # Farther out: the middle of all points is another than that of those which the lists were built with.
    steps = (
        lambda i: i.add(points[2000:2100] + 2),
        lambda i: i.remove([7, 1999, 2050]),
        lambda i: i.add(points[3000:]),
        lambda i: i.add(points[:9] + 1),
    )
    for number, step in enumerate(steps):
        index.save(tmp_path / f"{number}")
        other = anear.load(tmp_path / f"{number}", mmap=mmap)
        assert files.dumps(other) == (tmp_path / f"{number}").read_bytes()
        assert same(other.search(np.abs(QUERIES), 10, ef=9), index.search(np.abs(QUERIES), 10, ef=9))
        assert other.distances_computed.building == 0
        for one in (index, other):
            step(one)
            sound(one)
        assert files.dumps(other) == files.dumps(index)


def test_codes_of_another_form_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = lived(8, 1)
    index.save(tmp_path / "a")
    monkeypatch.setattr("anear.index.graphs.prepared_form", lambda *_: "another")
    again = anear.load(tmp_path / "a")
    sound(again)
    assert recall(again, anear.Index(index.points, ids=index.ids), ef=50) >= 0.97
    again.add(POINTS[4000:4500])
    again.save(tmp_path / "b")
    assert same(anear.load(tmp_path / "b").search(QUERIES), again.search(QUERIES))


def test_compacting_cuts_the_lists_anew() -> None:
    index = lists(POINTS[:100], codes=8)
    index.add(POINTS[100:])
    assert len(index._built.core.parts["starts"]) - 1 == 3
    index.compact()
    assert len(index._built.core.parts["starts"]) - 1 == 187
    assert "built" not in index._built.core.parts
    sound(index)
    full = index.nbytes
    index.remove(np.arange(4000))
    index.compact()
    sound(index)
    assert index.nbytes < full / 2
    assert files.dumps(index) == files.dumps(lists_with(POINTS[4000:], np.arange(4000, 6000)))
    index.compact()
    sound(index)


def lists_with(points: Rows, ids: Any) -> anear.Index:
    return anear.Index(points, method="ivf", options={"codes": 8}, ids=ids)


def test_all_leave_and_others_come() -> None:
    index = lists(POINTS[:500], codes=4)
    index.remove(index.ids)
    sound(index)
    assert (index.search(QUERIES, 3, ef=5).ids == -1).all()
    assert len(index.range_search(QUERIES, np.inf).ids) == 0
    index.add(POINTS[500:530])
    sound(index)
    assert recall(index, anear.Index(POINTS[500:530]), ef=15) >= 0.9


def test_stopping_an_add_adds_nothing() -> None:
    index = lists(POINTS[:2000], codes=4, lists=500)
    before = files.dumps(index)
    calls = []

    def stop(done: int, total: int) -> bool:
        calls.append(done)
        return len(calls) < 2

    with pytest.raises(anear.Cancelled):
        index.add(np.tile(POINTS, (80, 1)), progress=stop)
    assert len(index) == 2000
    sound(index)
    index._ids = None  # which a change makes, and files hold only where it says something
    assert files.dumps(index) == before
    assert index.add(POINTS[2000:2100]).tolist() == list(range(2000, 2100))
    sound(index)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("added", np.full(100, 10**6, np.int32)),
        ("added", np.full(100, -1, np.int32)),
        ("added", np.zeros(99, np.int32)),
        ("added", np.zeros(100, np.int64)),
        ("built", np.array([0], np.int64)),
        ("built", np.array([1701], np.int64)),
        ("built", np.array([1500, 1500], np.int64)),
        ("built", np.array([1500], np.int32)),
        ("code_reach", np.array([np.nan], np.float32)),
        ("code_reach", np.array([1.0, 2.0], np.float32)),
        ("alive", np.ones(3, np.uint8)),
        ("alive", np.arange(1600, dtype=np.int32).astype(np.uint8) % 2),
        ("codes", np.zeros((3, 64), np.uint8)),
    ],
)
def test_damaged_parts_are_named(name: str, wrong: npt.NDArray[Any]) -> None:
    index = lists(POINTS[:1500], codes=4)
    index.add(POINTS[1500:1600])
    index.remove([3])
    arrays, texts = files._parts(index)
    assert {"method.added", "method.built", "method.code_reach", "method.alive"} <= arrays.keys()
    file = io.BytesIO()
    container.write(file, arrays | {f"method.{name}": wrong}, texts)
    with pytest.raises(anear.FileFormatError):
        files.loads(file.getvalue())
