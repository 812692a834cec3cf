"""Indexes saved and loaded: the same answers come back, and a save that fails changes nothing."""

from __future__ import annotations

import copy
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from tests.index.support import STORAGE, same, stored

import anear
from anear import ArgumentError, x, y
from anear.data.types.dense import BFLOAT16_BITS

RNG = np.random.default_rng(12)
POINTS = RNG.uniform(1, 90, (120, 5))
QUERIES = RNG.uniform(1, 90, (6, 5))
GOLDEN = Path(__file__).parents[1] / "golden" / "flat-1.anear"


def round_trip(index: anear.Index, path: Path, queries: Any = QUERIES, **data: Any) -> anear.Index:
    """The index saved and loaded, which answers alike."""
    index.save(path)
    for mmap in (False, True):
        loaded = anear.load(path, mmap=mmap)
        assert repr(loaded) == repr(index)
        assert loaded.formula is index.formula
        assert np.array_equal(np.asarray(loaded.points).view(np.uint8), np.asarray(index.points).view(np.uint8))
        assert same(index.search(queries, 7, **data), loaded.search(queries, 7, **data))
    return loaded


@pytest.mark.parametrize("storage", STORAGE)
def test_every_storage_type(storage: str, tmp_path: Path) -> None:
    index = anear.Index(stored(POINTS, storage), "manhattan")
    loaded = round_trip(index, tmp_path / "a.anear", stored(QUERIES, storage))
    assert loaded.points.dtype == index.points.dtype


def test_bfloat16_as_bits_alone(tmp_path: Path) -> None:
    bits = stored(POINTS, "bfloat16").view(np.uint16).view(BFLOAT16_BITS)
    anear.Index(bits).save(tmp_path / "a")
    assert same(anear.load(tmp_path / "a").search(QUERIES), anear.Index(bits).search(QUERIES))


@pytest.mark.parametrize(
    ("distance", "params"),
    [
        ("euclidean", {}),
        ("minkowski:p=2.5", {}),
        ("lp", {"p": float("inf")}),
        ("kldivgen", {}),
        ("renyi:alpha=0.3", {}),
        ("seuclidean", {"V": POINTS.var(0)}),
        ("mahalanobis", {"V": np.cov(POINTS.T)}),
        ("sum(abs(x - y)**0.3) / (1 + x[0] * y[-1])", {}),
        ((RNG.random(5) * (x - y) ** 2).sum(), {}),
        (((RNG.random((3, 5)) @ (x - y)) ** 2).sum() + 0.1, {}),
        (anear.formula("sum(w * abs(x - y)) + sum(v * y)", w=RNG.random(5), v=RNG.random(5)), {}),
        ("where(x[0] < y[0], 1e-300, 0.1 + sum(y[1:3]))", {}),
    ],
    ids=lambda v: str(v)[:40],
)
def test_every_kind_of_distance(distance: Any, params: dict[str, Any], tmp_path: Path) -> None:
    index = anear.Index(POINTS, distance, **params)
    loaded = round_trip(index, tmp_path / "a.anear")
    if isinstance(distance, str) and "(" not in distance:
        assert loaded.distance == index.distance != "the formula"


def test_fields(tmp_path: Path) -> None:
    formula = "sum(abs(x - y) * point_field('v', 5)) / point_field('s') + query_field('q')"
    data = {"s": RNG.random(120), "v": RNG.random((120, 5))}
    index = anear.Index(POINTS.astype(np.float32), formula, point_data=data)
    round_trip(index, tmp_path / "a", query_data={"q": RNG.random(6)})


def test_what_was_allowed_stays_allowed(tmp_path: Path) -> None:
    points = POINTS.copy()
    points[3, 1] = np.nan
    loaded = round_trip(anear.Index(points, allow_nan=True), tmp_path / "a")
    assert loaded.search([[np.inf] * 5], 1).ids.tolist() == [[0]]
    round_trip(anear.Index(-POINTS, "kldiv", check_domain=False), tmp_path / "a", -QUERIES)
    anear.Index(POINTS, "kldiv").save(tmp_path / "b")
    with pytest.raises(anear.DomainError):
        anear.load(tmp_path / "b").search(-QUERIES)


def test_a_distance_of_the_users_own(tmp_path: Path) -> None:
    own = anear.Distance("my_own", "sum(abs(x - y)) * 3", "three times Manhattan")
    index = anear.Index(POINTS, own)
    index.save(tmp_path / "a")
    assert same(anear.load(tmp_path / "a").search(QUERIES), index.search(QUERIES))


def test_pickles_and_copies() -> None:
    index = anear.Index(POINTS, (RNG.random(5) * abs(x - y)).sum())
    for other in (pickle.loads(pickle.dumps(index)), copy.copy(index), copy.deepcopy(index)):
        assert same(index.search(QUERIES), other.search(QUERIES))


def test_readers_of_safetensors_open_it(tmp_path: Path) -> None:
    for storage in STORAGE:
        points = stored(POINTS, storage)
        anear.Index(points, (np.ones(5) * abs(x - y)).sum()).save(tmp_path / "a")
        with safe_open(tmp_path / "a", framework="numpy") as file:
            assert file.metadata()["format"] == "anear-index"
            tensor = file.get_tensor("points")
        assert tensor.tobytes() == points.tobytes()


def test_points_that_stay_on_disk(tmp_path: Path) -> None:
    anear.Index(POINTS).save(tmp_path / "a")
    loaded = anear.load(tmp_path / "a", mmap=True)
    assert isinstance(loaded._rows, np.memmap)
    assert same(anear.load(tmp_path / "a").self_search(3), loaded.self_search(3))
    loaded.save(tmp_path / "a")  # over the file that it reads from
    assert same(loaded.search(QUERIES), anear.load(tmp_path / "a").search(QUERIES))


def test_loading_with_a_number_of_threads(tmp_path: Path) -> None:
    anear.Index(POINTS).save(tmp_path / "a")
    assert same(
        anear.load(tmp_path / "a", num_threads=1).search(QUERIES), anear.load(str(tmp_path / "a")).search(QUERIES)
    )
    with pytest.raises(ArgumentError, match="num_threads is 0"):
        anear.load(tmp_path / "a", num_threads=0)
    with pytest.raises(ArgumentError, match="mmap is 1"):
        anear.load(tmp_path / "a", mmap=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_save_that_fails_leaves_everything_as_it_was(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.anear"
    anear.Index(POINTS).save(path)
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(OSError, match="no space"):
        anear.Index(POINTS * 2).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.anear"]


@pytest.mark.parametrize("error", [OSError(28, "no space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_half_way(error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.anear"
    anear.Index(POINTS).save(path)
    before = path.read_bytes()

    def half(file: Any, *_: Any) -> None:
        file.write(before[: len(before) // 2])
        raise error

    monkeypatch.setattr("anear.index.files.write", half)
    with pytest.raises(type(error)):
        anear.Index(POINTS * 2).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.anear"]


def test_where_files_may_be_saved(tmp_path: Path) -> None:
    index = anear.Index(POINTS)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        index.save(tmp_path / "nowhere" / "a")
    with pytest.raises(ArgumentError, match="is not a file"):
        index.save(tmp_path)
    with pytest.raises(ArgumentError, match="is not a file"):
        index.save(os.devnull)
    with pytest.raises(FileNotFoundError, match="no such file"):
        anear.load(tmp_path / "a")
    with pytest.raises(anear.FileFormatError, match="is not a file"):
        anear.load(tmp_path)
    index.save(tmp_path / ("n" * 250))
    assert anear.load(os.fsencode(tmp_path / ("n" * 250))).dimension == 5


@pytest.mark.skipif(os.name != "posix", reason="links and modes are POSIX's")
def test_links_are_followed_and_modes_are_the_users(tmp_path: Path) -> None:
    index = anear.Index(POINTS)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    old = os.umask(0o027)
    try:
        index.save(tmp_path / "link")
    finally:
        os.umask(old)
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_a_formula_that_text_cannot_hold_is_not_saved(tmp_path: Path) -> None:
    long = sum((abs(x[i % 5] - y[i % 3]) * (i + 0.123456789) for i in range(700)), start=abs(x - y).sum())
    index = anear.Index(POINTS, long)
    try:
        index.save(tmp_path / "a")
    except ArgumentError as error:
        assert "cannot be saved" in str(error)  # noqa: PT017
        assert os.listdir(tmp_path) == []
    else:
        assert same(anear.load(tmp_path / "a").search(QUERIES), index.search(QUERIES))


def golden() -> anear.Index:
    """What the golden file holds."""
    points = (np.arange(40) % 7).reshape(10, 4).astype(np.float32)
    formula = anear.formula("sum(w * abs(x - y)) / point_field('s')", w=np.array([1.0, 2.0, 0.5, 4.0]))
    return anear.Index(points, formula, point_data={"s": np.arange(1, 11, dtype=np.float32)})


def test_files_of_version_1_keep_loading() -> None:
    loaded, fresh = anear.load(GOLDEN), golden()
    assert repr(loaded) == repr(fresh)
    queries = np.eye(4) * 3
    assert same(loaded.search(queries, 10), fresh.search(queries, 10))
    expected = [[8, 5, 7], [8, 9, 7], [8, 7, 9], [7, 9, 5]]
    assert loaded.search(queries, 3).ids.tolist() == expected
