"""Indexes saved and loaded: the same answers come back, and a save that fails changes nothing."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import stat
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from tests.index.mutations import contents
from tests.index.support import STORAGE, same, stored

import anear
from anear import ArgumentError, x, y
from anear.data.types.dense import BFLOAT16_BITS
from anear.index import files
from anear.index.methods import METHODS

RNG = np.random.default_rng(12)
POINTS = RNG.uniform(1, 90, (120, 5))
QUERIES = RNG.uniform(1, 90, (6, 5))
GOLDEN = Path(__file__).parents[1] / "golden"


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


class Failing:
    """Writes, syncs and renames are counted; from one on all fail, the first having done half of what it should."""

    def __init__(self, first: int, error: BaseException) -> None:
        """Nothing has happened so far."""
        self.first, self.error, self.done = first, error, 0

    def step(self) -> None:
        """Fails, if its turn has come."""
        self.done += 1
        if self.done > self.first:
            raise self.error

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Into the module that saves."""
        step, sync, replace = self.step, os.fsync, os.replace

        class File(io.FileIO):
            def write(self, data: Any, /) -> int:
                try:
                    step()
                except BaseException:
                    super().write(bytes(data)[: len(bytes(data)) // 2])
                    raise
                return super().write(data)

        def synced(handle: int) -> None:
            step()
            sync(handle)

        def renamed(source: str, target: str) -> None:
            step()
            replace(source, target)

        def opened(name: str, mode: str) -> io.BufferedWriter:
            return io.BufferedWriter(File(name, mode.replace("b", "")), 16)  # every write one of its own

        patch.setattr(files, "open", opened, raising=False)
        patch.setattr(os, "fsync", synced)
        patch.setattr(os, "replace", renamed)


@pytest.mark.parametrize("error", [OSError(28, "no space left on device"), KeyboardInterrupt(), OSError("odd")])
@pytest.mark.parametrize("method", METHODS)
def test_whatever_fails_the_old_file_is_as_it_was(
    method: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.anear"
    index, other = (anear.Index(points, method=method) for points in (POINTS, POINTS[::-1].copy()))
    index.save(path)
    before = path.read_bytes()

    def save(first: int) -> int:
        with monkeypatch.context() as patch:
            failing = Failing(first, error)
            failing.install(patch)
            other.save(path)
        return failing.done

    steps = save(10**6)
    assert path.read_bytes() == files.dumps(other)
    index.save(path)
    assert steps >= 5
    for first in range(steps - 1):  # the last is the folder's own sync, which not all systems have
        with pytest.raises(type(error)) as raised:
            save(first)
        if isinstance(error, OSError):
            assert "cannot be saved, and what was there is as it was: " in str(raised.value)
            assert repr(str(path)) in str(raised.value)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["a.anear"]
    if isinstance(error, OSError):
        assert save(steps - 1) == steps
        assert path.read_bytes() == files.dumps(other)


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
@pytest.mark.parametrize("method", METHODS)
def test_a_full_disk(method: str, tmp_path: Path) -> None:
    import resource

    path = tmp_path / "a.anear"
    index = anear.Index(POINTS, method=method)
    index.save(path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 1, 1000, len(before) - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            with pytest.raises(
                OSError, match="the index cannot be saved, and what was there is as it was: File too large"
            ):
                index.save(path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["a.anear"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_process_that_dies_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.anear"
    anear.Index(POINTS).save(path)
    before = path.read_bytes()
    program = (
        "import os, sys, numpy, anear\n"
        "from anear.index import files\n"
        "index = anear.load(sys.argv[1])\n"
        "index._rows = index._rows * 2\n"
        "number, write = int(sys.argv[2]), files.write\n"
        "def dies(file, arrays, texts):\n"
        "    write(file, arrays, texts)\n"
        "    file.flush()\n"
        "    os.truncate(file.fileno(), number)\n"
        "    os.kill(os.getpid(), 9)\n"
        "files.write = dies\n"
        "index.save(sys.argv[1])\n"
    )
    for number in (0, len(before)):
        done = subprocess.run([sys.executable, "-c", program, path, str(number)], check=False)
        assert done.returncode == -9
        assert path.read_bytes() == before
    anear.Index(POINTS).save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("storage", ["float32", "float64", "uint8"])
def test_saved_again_the_file_is_the_same(method: str, storage: str, tmp_path: Path) -> None:
    points = stored(RNG.uniform(1, 90, (700, 4)), storage)
    index = anear.Index(points, "euclidean", method=method)
    index.save(tmp_path / "a")
    for mmap in (False, True):
        loaded = anear.load(tmp_path / "a", mmap=mmap)
        loaded.save(tmp_path / "b")
        assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
        assert same(loaded.search(QUERIES[:, :4], 9), index.search(QUERIES[:, :4], 9))
        loaded.verify()
    index.verify()


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
    """What the golden file of version 1 holds."""
    points = (np.arange(40) % 7).reshape(10, 4).astype(np.float32)
    formula = anear.formula("sum(w * abs(x - y)) / point_field('s')", w=np.array([1.0, 2.0, 0.5, 4.0]))
    return anear.Index(points, formula, point_data={"s": np.arange(1, 11, dtype=np.float32)})


def test_files_of_version_1_keep_loading() -> None:
    loaded, fresh = anear.load(GOLDEN / "flat-1.anear"), golden()
    assert repr(loaded) == repr(fresh)
    queries = np.eye(4) * 3
    assert same(loaded.search(queries, 10), fresh.search(queries, 10))
    expected = [[8, 5, 7], [8, 9, 7], [8, 7, 9], [7, 9, 5]]
    assert loaded.search(queries, 3).ids.tolist() == expected
    assert files.dumps(loaded) == files.dumps(fresh)


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_of_version_1_are_built_again(method: str, tmp_path: Path) -> None:
    index = anear.Index(POINTS, "manhattan", method=method)
    texts, arrays = contents(files.dumps(index))
    table, data = {}, b""
    for name in ("points",):
        table[name] = {"dtype": "F64", "shape": [120, 5], "data_offsets": [0, 4800]}
        data += arrays[name].tobytes()
    texts |= {"version": "1", "crc32": json.dumps({name: zlib.crc32(arrays[name].tobytes()) for name in table})}
    texts.pop("prepared")
    texts["header_crc32"] = str(zlib.crc32(json.dumps([texts, table], sort_keys=True).encode()))
    header = json.dumps({"__metadata__": texts, **table}).encode()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + data)
    for mmap in (False, True):
        loaded = anear.load(tmp_path / "a", mmap=mmap)
        assert repr(loaded) == repr(index)
        assert same(loaded.search(QUERIES), index.search(QUERIES))
        assert files.dumps(loaded) == files.dumps(index)


def golden_2(method: str) -> anear.Index:
    """What the golden files of version 2 hold: whole numbers, whose distances no processor rounds differently."""
    points = (np.arange(160) * 37 % 101).reshape(40, 4).astype(np.float32)
    distance: Any = {"ball_tree": "seuclidean", "ivf": "sqeuclidean"}.get(method, "manhattan")
    params = {"V": np.array([1.0, 4.0, 16.0, 1.0])} if method == "ball_tree" else {}
    if method == "flat":
        distance = anear.formula("sum(w * abs(x - y))", w=np.array([1.0, 2.0, 0.5, 4.0]))
    options = {"hnsw": {"m": 4}, "ivf": {"lists": 4}}.get(method)
    return anear.Index(points, distance, method=method, options=options, **params)


@pytest.mark.parametrize("method", ["flat", "kd_tree", "ball_tree", "hnsw", "ivf"])
def test_files_of_version_2_keep_loading(method: str) -> None:
    name, fresh = GOLDEN / f"{method}-2.anear", golden_2(method)
    queries = np.arange(12).reshape(3, 4) * 8.0
    for mmap in (False, True):
        loaded = anear.load(name, mmap=mmap)
        assert repr(loaded) == repr(fresh)
        assert same(loaded.search(queries, 10), fresh.search(queries, 10))
    if method in ("hnsw", "ivf"):
        assert loaded.distances_computed.building == 0
    if method in ("flat", "hnsw", "ivf"):  # trees follow the processor's vectors
        assert files.dumps(loaded) == name.read_bytes()


def test_lists_that_points_came_into_keep_loading() -> None:
    """Lists that points came into, once laid anew and once put behind, and left."""
    name, points = GOLDEN / "ivf_lived-2.anear", (np.arange(200) * 37 % 101).reshape(50, 4).astype(np.float32)
    fresh = anear.Index(points[:30], "sqeuclidean", method="ivf", options={"lists": 4, "codes": 8})
    fresh.add(points[30:45])
    fresh.add(points[45:])
    fresh.remove([3, 44, 49])
    queries = np.arange(12).reshape(3, 4) * 8.0
    for mmap in (False, True):
        loaded = anear.load(name, mmap=mmap)
        assert loaded.check() == (47, 47, ())
        assert files.dumps(loaded) == name.read_bytes()
        for index in (loaded, fresh):
            assert same(
                index.search(queries, 10, ef=47),
                anear.Index(index.points, "sqeuclidean", ids=index.ids).search(queries, 10),
            )
        assert same(loaded.search(queries, 10), fresh.search(queries, 10))
