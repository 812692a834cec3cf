"""Points come, go and move: a twin that scans says what is right, and every index is looked at after every change."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.methods.support import DATA

import anear
from anear.errors import ArgumentError, DomainError
from anear.index import container, files
from anear.index.life import LIVING
from anear.index.methods import GRAPHS

RNG = np.random.default_rng(11)
POINTS = RNG.random((400, 6)).astype(np.float32)
METHODS = ("hnsw", *(name for name in LIVING if name not in GRAPHS))  # one graph for all
SMALL: dict[str, dict[str, Any]] = {"hnsw": {"m": 3, "ef_construction": 16}, "ivf": {"lists": 7}}


def built(points: npt.NDArray[Any], method: str = "hnsw", distance: str = "euclidean", **more: Any) -> anear.Index:
    return anear.Index(points, distance, method=method, options=SMALL.get(method), **more)


def wide(index: anear.Index) -> dict[str, int]:
    """Options of a search that misses nothing."""
    return {} if "flat" in repr(index) else {"ef": max(len(index), 1)}


def sound(index: anear.Index) -> None:
    found = index.check()
    assert found == (len(index), len(index), ())
    assert found.ok


def bytes_of(index: anear.Index) -> dict[str, bytes]:
    return {name: part.tobytes() for name, part in index._built.core.parts.items()}


class Life(RuleBasedStateMachine):
    """Adds, removals and updates in any order, beside a dict that is searched by brute force."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.twin: dict[int, npt.NDArray[np.float32]] = {}

    def draw(self, count: int) -> npt.NDArray[np.float32]:
        # few different coordinates: equal points and equal distances are frequent
        return self.rng.integers(1, 6, (count, 3)).astype(np.float32)

    @initialize(
        count=st.integers(1, 60),
        method=st.sampled_from(METHODS),
        distance=st.sampled_from(["sqeuclidean", "manhattan", "sum(y*(x - y)**2)"]),
    )
    def begin(self, count: int, method: str, distance: str) -> None:
        points = self.draw(count)
        self.distance = distance
        self.index = built(points, method, distance)
        self.twin = dict(enumerate(points))

    @rule(count=st.integers(1, 40))
    def add(self, count: int) -> None:
        points = self.draw(count)
        self.twin |= zip(self.index.add(points).tolist(), points, strict=True)

    @rule(count=st.integers(1, 20), offset=st.integers(1, 9))
    def add_named(self, count: int, offset: int) -> None:
        points = self.draw(count)
        names = [max(self.twin, default=0) + offset * (i + 1) for i in range(count)]
        assert self.index.add(points, names).tolist() == names
        self.twin |= zip(names, points, strict=True)

    @precondition(lambda self: self.twin)
    @rule(share=st.floats(0, 1))
    def remove(self, share: float) -> None:
        names = self.rng.permutation(list(self.twin))[: 1 + int(share**3 * len(self.twin))]
        self.index.remove(names)
        for name in names.tolist():
            del self.twin[name]

    @precondition(lambda self: self.twin)
    @rule(count=st.integers(1, 10))
    def update(self, count: int) -> None:
        names = self.rng.permutation(list(self.twin))[:count]
        points = self.draw(len(names))
        self.index.update(names, points)
        self.twin |= zip(names.tolist(), points, strict=True)

    @rule()
    def compact(self) -> None:
        self.index.compact()

    @invariant()
    def is_the_twin(self) -> None:
        if not hasattr(self, "index"):
            return
        sound(self.index)
        names = self.index.ids
        assert set(names.tolist()) == set(self.twin)
        queries = self.draw(4) + np.float32(0.5)
        found = self.index.search(queries, k=5, **wide(self.index))
        if not self.twin:
            assert (found.ids == -1).all()
            return
        np.testing.assert_array_equal(self.index.points, np.array([self.twin[name] for name in names.tolist()]))
        gold = anear.Index(self.index.points, self.distance, ids=names).search(queries, k=5)
        np.testing.assert_array_equal(found.distances, gold.distances)
        np.testing.assert_array_equal(found.ids, gold.ids)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("count", [1, 2, 40, 700])
def test_a_build_ends_with_every_point_in_reach(kind: str, count: int) -> None:
    points = DATA[kind](np.random.default_rng(3), count, 3).astype(np.float32)
    index = built(points)
    sound(index)
    found = index.search(points[:20], k=10, ef=count)
    np.testing.assert_array_equal(found.ids, anear.knn(points, points[:20], k=10).ids)


@pytest.mark.parametrize("kind", ["clustered", "equal", "lattice", "ordered"])
def test_hard_points_come_and_go(kind: str) -> None:
    points = DATA[kind](np.random.default_rng(4), 600, 3).astype(np.float32)
    index = built(points[:200])
    for start in range(200, 600, 50):
        index.add(points[start : start + 50])
        sound(index)
    index.remove(np.arange(0, 600, 2))
    sound(index)
    index.remove(np.arange(1, 500, 2))
    sound(index)
    assert len(index) == 50


@pytest.mark.parametrize("distance", ["kldivgen", "cosine", "sum(abs(x - y)) * point_field('s')"])
def test_what_is_prepared_grows_too(distance: str) -> None:
    fields = RNG.random(400).astype(np.float32) + 1 if "field" in distance else None

    def data(rows: slice) -> dict[str, Any]:
        return {} if fields is None else {"point_data": {"s": fields[rows]}}

    whole = anear.Index(POINTS, distance, **data(slice(None)))
    for method in METHODS:
        index = built(POINTS[:90], method, distance, **data(slice(90)))
        for rows in (slice(90, 91), slice(91, 200), slice(200, 400)):
            index.add(POINTS[rows], **data(rows))
            sound(index)
        found, gold = (one.search(POINTS[:30] + 0.01, k=9, **wide(one)) for one in (index, whole))
        np.testing.assert_array_equal(found.ids, gold.ids)
        np.testing.assert_array_equal(found.distances, gold.distances)


@pytest.mark.parametrize("codes", [8, 4])
def test_codes_grow_too(codes: int) -> None:
    index = anear.Index(POINTS[:200], method="hnsw", options=SMALL["hnsw"] | {"codes": codes})
    index.add(POINTS[200:])
    index.remove(range(100))
    sound(index)
    found = index.search(POINTS[100:], k=1, ef=300, rerank=50)
    assert (found.ids[:, 0] == np.arange(100, 400)).mean() > 0.99


def test_the_same_changes_make_the_same_bytes_on_any_number_of_threads() -> None:
    made = []
    for team in (1, 3):
        index = built(POINTS[:150], num_threads=team)
        index.add(POINTS[150:380], num_threads=team)
        index.remove(np.arange(20, 90), num_threads=team)
        index.update([3, 4], POINTS[380:382], num_threads=team)
        made.append(bytes_of(index))
    assert made[0] == made[1]


def test_large_batches_make_the_same_bytes_on_any_number_of_threads() -> None:
    points = RNG.random((16_000, 3)).astype(np.float32)
    made = []
    for team in (1, 3):
        index = built(points[:15_000], num_threads=team)
        index.add(points[15_000:], num_threads=team)
        made.append(bytes_of(index))
    assert made[0] == made[1]
    sound(index)


@pytest.mark.parametrize("method", GRAPHS)
def test_points_leave_one_at_a_time(method: str) -> None:
    points = RNG.random((1600, 5)).astype(np.float32)
    index = built(points[:500], method)
    for first, last in ((500, 530), (530, 1500), (1500, 1600)):
        for gone in RNG.choice(index.ids, 25, replace=False):  # a link to one of them would be a fault
            index.remove([gone])
            assert index.check().ok
        index.add(points[first:last])
        sound(index)
    kept = index.ids
    found = index.search(points[kept], k=1, **wide(index))
    np.testing.assert_array_equal(found.ids[:, 0], kept)


def test_added_points_are_found_as_well_as_built_ones() -> None:
    points = RNG.random((4000, 16)).astype(np.float32)
    queries = RNG.random((200, 16)).astype(np.float32)
    gold = anear.knn(points, queries, k=10).ids
    shares = []
    for start in (4000, 400):
        index = anear.Index(points[:start], method="hnsw", options={"m": 12})
        if start < 4000:
            index.add(points[start:])
        found = index.search(queries, k=10, ef=60).ids
        shares.append(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, gold, strict=True)]))
    assert shares[1] > shares[0] - 0.02
    assert shares[1] > 0.9


def test_what_is_left_is_found_as_well_as_before() -> None:
    points = RNG.random((4000, 16)).astype(np.float32)
    queries = RNG.random((200, 16)).astype(np.float32)
    index = anear.Index(points, method="hnsw", options={"m": 12})
    index.remove(np.arange(0, 4000, 2))
    gold = anear.Index(points[1::2], ids=np.arange(1, 4000, 2)).search(queries, k=10).ids
    found = index.search(queries, k=10, ef=60).ids
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, gold, strict=True)]) > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_the_array_of_the_user_is_left_alone(method: str) -> None:
    points = POINTS.copy()
    index = built(points, method)
    index.add(points[:100] + 1)
    index.update([5], points[:1])
    index.compact()
    np.testing.assert_array_equal(points, POINTS)
    before = index.points
    index.add(points[:300])
    np.testing.assert_array_equal(before, np.delete(index.points, np.s_[500:], axis=0))


@pytest.mark.parametrize("method", METHODS)
def test_filters_and_counts_know_who_is_there(method: str) -> None:
    index = built(POINTS, method, ids=[f"p{i}" for i in range(400)])
    index.remove([f"p{i}" for i in range(100)])
    index.add(POINTS[:1], ["late"])
    names = index.ids
    everything = wide(index)
    assert names[0] == "p100"
    assert names[-1] == "late"
    assert index.search(POINTS[0], k=1).ids[0] == "late"
    assert index.search(POINTS[0], k=1, deny=["late"], **everything).ids[0] != "late"
    assert index.search(POINTS[0], k=2, allow=["late", "p200"], **everything).ids.tolist() == ["late", "p200"]
    assert index.search(POINTS[0], k=3, allow=names == "late", **everything).ids.tolist() == ["late", "", ""]
    one = index.search(POINTS[[0, 7]], k=1, exclude=["late", ""], **everything).ids[:, 0].tolist()
    assert one == [index.search(POINTS[0], k=2, **everything).ids[1], index.search(POINTS[7], k=1, **everything).ids[0]]
    assert "" not in index.self_search(k=3).ids
    if method == "flat":
        assert index.count(POINTS[:2], radius=np.inf).tolist() == [301, 301]
        assert index.count_pairs(POINTS[:2], radius=[np.inf]).tolist() == [602]
        assert set(index.range_search(POINTS[:1], radius=np.inf).ids.tolist()) == set(names.tolist())
    with pytest.raises(ArgumentError, match=r"allow\[1\] is 'p5', and the index holds no such point"):
        index.search(POINTS[0], allow=["late", "p5"])
    with pytest.raises(ArgumentError, match=r"allow is a mask of shape \(400,\); \(301,\) is needed"):
        index.search(POINTS[0], allow=np.ones(400, bool))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.remove([3, 999]), r"ids\[1\] is 999, and the index holds no such point"),
        (lambda i: i.remove([2]), r"ids\[0\] is 2, and the index holds no such point"),
        (lambda i: i.remove([4, 4]), r"ids\[1\] is 4, which comes twice"),
        (lambda i: i.remove(["a"]), "ids is .*; the ids of this index are whole numbers"),
        (lambda i: i.remove([0.5]), "ids is .*; allowed: texts, or whole numbers"),
        (lambda i: i.add(POINTS[:2], [500, 3]), r"ids\[1\] is 3, which a point of the index has; update moves it"),
        (lambda i: i.add(POINTS[:2], [500, 500]), r"ids\[1\] is 500, which comes twice"),
        (lambda i: i.add(POINTS[:2], [500]), r"ids has shape \(1,\); \(2,\) is needed"),
        (lambda i: i.add(POINTS[:1], [-1]), r"ids\[0\] is -1; allowed: texts, or whole numbers from 0"),
        (lambda i: i.add(POINTS[:1], ["a"]), "the ids of this index are whole numbers"),
        (lambda i: i.add(POINTS[:2, :5]), "points has 5 columns; 6 are needed"),
        (lambda i: i.add(np.full((1, 6), np.nan)), r"points\[0, 0\] is nan"),
        (lambda i: i.add(np.full((1, 6), 1e300)), r"points\[0, 0\] is 1e\+300; this index holds float32"),
        (lambda i: i.add([["a"] * 6]), "points"),
        (lambda i: i.add(POINTS[:1], point_data={"s": [1]}), "point_data has 's'"),
        (lambda i: i.update([0, 1], POINTS[:1]), "points has 1 rows for 2 ids"),
        (lambda i: i.update([0, 2], POINTS[:2]), r"ids\[1\] is 2, and the index holds no such point"),
        (lambda i: i.update([0], POINTS[:1, :5]), "points has 5 columns; 6 are needed"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_lost(method: str, call: Any, message: str) -> None:
    index = built(POINTS[:50], method)
    index.remove([2])
    before, found = index.ids, index.search(POINTS[:9], k=5)
    with pytest.raises(ArgumentError, match=message):
        call(index)
    np.testing.assert_array_equal(index.ids, before)
    np.testing.assert_array_equal(index.search(POINTS[:9], k=5).ids, found.ids)
    sound(index)


def test_the_domain_holds_for_points_that_come() -> None:
    index = built(POINTS, "hnsw", "kldivgen")
    with pytest.raises(DomainError, match="points"):
        index.add(-POINTS[:1])
    assert len(index) == 400


def test_whole_numbers_stay_whole() -> None:
    index = built((POINTS * 200).astype(np.uint8))
    index.add([[1, 2, 3, 4, 5, 255]])
    assert index.points.dtype == np.uint8
    for wrong in (256, 0.5, -1):
        with pytest.raises(ArgumentError, match=r"points\[0, 1\] is .*; this index holds uint8"):
            index.add([[1, wrong, 3, 4, 5, 6]])


@pytest.mark.parametrize("method", ["kd_tree", "ball_tree", "auto"])
def test_other_methods_say_who_serves(method: str) -> None:
    index = anear.Index(POINTS, method=method)
    calls = [lambda: index.add(POINTS), lambda: index.remove([0]), lambda: index.update([0], POINTS[:1]), index.compact]
    for call in calls:
        with pytest.raises(ArgumentError, match=r"whose points are fixed once it is built; .*'flat', 'ivf', 'hnsw'"):
            call()
    assert index.check().ok


@pytest.mark.parametrize("method", [*METHODS, "kd_tree"])
def test_ids_of_the_user(method: str) -> None:
    names = RNG.permutation(10_000)[:400]
    plain = anear.Index(POINTS, method=method).search(POINTS[:20], k=4)
    for ids in (names, names.astype(str), [f"no. {name}" for name in names]):
        index = anear.Index(POINTS, method=method, ids=ids)
        found = index.search(POINTS[:20], k=4)
        np.testing.assert_array_equal(found.ids, np.asarray(ids)[plain.ids])
        np.testing.assert_array_equal(found.distances, plain.distances)
    for ids, message in (
        ([1] * 400, "comes twice"),
        (names[:9], "shape"),
        (["", *map(str, names[1:])], r"ids\[0\] is ''"),
        ([0.5] * 400, "allowed: texts"),
        (["a", *names[1:].tolist()], "not some of each"),
    ):
        with pytest.raises(ArgumentError, match=message):
            anear.Index(POINTS, method=method, ids=ids)


def test_ids_are_not_used_again() -> None:
    index = built(POINTS[:10])
    index.remove([9])
    assert index.add(POINTS[:2]).tolist() == [10, 11]
    index.remove([10, 11])
    index.compact()
    assert index.add(POINTS[:1]).tolist() == [12]
    assert index.add(POINTS[:1], [9]).tolist() == [9]
    sound(index)


def test_stopping_an_add_adds_nothing() -> None:
    points = RNG.random((6000, 24)).astype(np.float32)
    index = anear.Index(points[:500], method="hnsw", options={"ef_construction": 300})
    found = index.search(points[:50], k=5)
    calls = []

    def stop(done: int, total: int) -> bool:
        calls.append(done)
        return len(calls) < 3

    with pytest.raises(anear.Cancelled):
        index.add(np.tile(points, (4, 1)), progress=stop)
    assert len(index) == 500
    sound(index)
    np.testing.assert_array_equal(index.search(points[:50], k=5).ids, found.ids)
    assert len(index.add(points[500:600])) == 100
    assert len(index) == 600
    sound(index)


def test_a_search_within_its_own_change() -> None:
    points = RNG.random((6000, 24)).astype(np.float32)
    index = anear.Index(points[:500], method="hnsw")
    seen = []

    def look(done: int, total: int) -> None:
        seen.append(index.search(points[0], k=1).ids[0])
        with pytest.raises(ArgumentError, match="from within the progress of another change"):
            index.remove([1])

    while not seen:
        index.add(points, progress=look)
    assert set(seen) == {0}
    sound(index)


@pytest.mark.parametrize("method", METHODS)
def test_saved_as_it_is(method: str, tmp_path: Any) -> None:
    for ids in (None, [f"p{i}" for i in range(300)]):
        index = built(POINTS[:300], method, ids=ids)
        index.remove(index.ids[50:120])
        index.add(POINTS[300:], None if ids is None else [f"q{i}" for i in range(100)])
        index.save(tmp_path / "a")
        for mmap in (False, True):
            other = anear.load(tmp_path / "a", mmap=mmap)
            sound(other)
            np.testing.assert_array_equal(other.ids, index.ids)
            np.testing.assert_array_equal(other.search(POINTS[:40], k=5).ids, index.search(POINTS[:40], k=5).ids)
            other.remove(other.ids[:30])
            other.add(POINTS[:5], None if ids is None else list("abcde"))
            sound(other)
            other.compact()
            sound(other)
            assert len(other) == 305
    index.remove(index.ids)
    with pytest.raises(ArgumentError, match="cannot be saved: all of its points were removed"):
        index.save(tmp_path / "a")


def test_compacting_frees_memory_and_keeps_answers() -> None:
    index = built(POINTS)
    index.remove(range(300))
    before, full = index.search(POINTS[:50], k=7), index.nbytes
    index.compact()
    assert index.nbytes < full / 2
    after = index.search(POINTS[:50], k=7)
    np.testing.assert_array_equal(after.ids, before.ids)
    sound(index)
    index.compact()
    sound(index)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ids": np.arange(299)},
        {"ids": np.zeros(300, np.int64)},
        {"ids": np.array(5)},
        {"ids": np.arange(300.0)},
        {"ids": np.arange(300, dtype=np.uint8)},
        {"ids": np.full((300, 2), 2**30, np.int32)},
        {"ids": np.zeros((300, 2), np.int32)},
        {"alive": np.ones(299, np.uint8)},
        {"alive": np.full(300, 2, np.uint8)},
        {"alive": np.ones(300)},
        {"alive": np.arange(300, dtype=np.int32).astype(np.uint8) % 2},
        {"method.alive": np.arange(300, dtype=np.int32).astype(np.uint8) % 2},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_forged_ids(wrong: dict[str, npt.NDArray[Any]]) -> None:
    index = built(POINTS[:300], ids=[f"p{i}" for i in range(300)])
    index.remove(["p7"])
    arrays, texts = files._parts(index)
    file = io.BytesIO()
    container.write(file, arrays | wrong, texts)
    with pytest.raises(anear.FileFormatError):
        files.loads(file.getvalue())
