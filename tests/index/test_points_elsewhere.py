"""Index files that leave their points in a .npy file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.index.mutations import contents
from tests.index.support import same

import anear
from anear import ArgumentError, FileFormatError
from anear.index.methods import METHODS

RNG = np.random.default_rng(4)
POINTS = RNG.uniform(1, 9, (300, 5)).astype(np.float32)
QUERIES = RNG.uniform(1, 9, (6, 5)).astype(np.float32)
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    name = tmp_path / "rows.npy"
    np.save(name, POINTS)
    return name


@pytest.mark.parametrize("method", METHODS)
def test_every_method(method: str, rows: Path, tmp_path: Path) -> None:
    index = anear.Index(POINTS, "manhattan", method=method)
    index.save(tmp_path / "whole.anear")
    index.save(tmp_path / "part.anear", points=rows)
    texts, arrays = contents((tmp_path / "part.anear").read_bytes())
    assert "points" not in arrays
    assert texts["version"] == "3"
    for mmap in (False, True):
        loaded = anear.load(tmp_path / "part.anear", mmap=mmap)
        loaded.verify()
        assert repr(loaded) == repr(index)
        assert np.array_equal(loaded.points, POINTS)
        assert same(index.search(QUERIES, 7), loaded.search(QUERIES, 7))
        loaded.save(tmp_path / "again.anear")
        assert (tmp_path / "again.anear").read_bytes() == (tmp_path / "whole.anear").read_bytes()


def test_where_the_points_are_looked_for(rows: Path, tmp_path: Path) -> None:
    """Beside the index, both moved together; elsewhere, where they were; or where the caller says."""
    index = anear.Index(POINTS, "manhattan")
    index.save(tmp_path / "a.anear", points=rows)
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(rows, other / "rows.npy")
    with pytest.raises(FileFormatError, match=r"rows\.npy, and there is no such file; name it by points="):
        anear.load(tmp_path / "a.anear")
    assert same(anear.load(tmp_path / "a.anear", points=other / "rows.npy").search(QUERIES), index.search(QUERIES))
    shutil.move(tmp_path / "a.anear", other / "a.anear")
    assert same(anear.load(other / "a.anear").search(QUERIES), index.search(QUERIES))
    index.save(tmp_path / "b.anear", points=other / "rows.npy")
    assert same(anear.load(tmp_path / "b.anear").search(QUERIES), index.search(QUERIES))


def test_what_is_refused(rows: Path, tmp_path: Path) -> None:
    """A file that does not hold the points, before the index's own is touched."""
    index, target = anear.Index(POINTS, "manhattan"), tmp_path / "a.anear"
    target.write_bytes(b"as it was")
    wrong = POINTS.copy()
    wrong[17, 2] += 1
    for name, array, message in (
        ("type", POINTS.astype(np.float64), "float64 of shape"),
        ("shape", POINTS[:-1], r"\(299, 5\); it must hold the index's own points, float32 of shape \(300, 5\)"),
        ("values", wrong, "row 17 differs"),
        ("order", np.asfortranarray(POINTS), "one row after another"),
    ):
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(ArgumentError, match=message):
            index.save(target, points=tmp_path / f"{name}.npy")
    (tmp_path / "text.npy").write_text("no numbers")
    with pytest.raises(ArgumentError, match=r"no \.npy file of numbers"):
        index.save(target, points=tmp_path / "text.npy")
    with pytest.raises(ArgumentError, match=r"points is .*nowhere"):
        index.save(target, points=tmp_path / "nowhere.npy")
    assert target.read_bytes() == b"as it was"
    index.save(target)
    with pytest.raises(ArgumentError, match="the file holds its points itself"):
        anear.load(target, points=rows)


def test_points_that_changed(rows: Path, tmp_path: Path) -> None:
    index, target = anear.Index(POINTS, "manhattan", method="hnsw"), tmp_path / "a.anear"
    index.save(target, points=rows)
    data = bytearray(rows.read_bytes())
    data[-3] ^= 1
    rows.write_bytes(data)
    for mmap in (False, True):
        with pytest.raises(FileFormatError, match=r"checksum of 'the points in .*rows\.npy' does not fit"):
            anear.load(target, mmap=mmap)
    np.save(rows, POINTS[:-1])
    with pytest.raises(FileFormatError, match=r"whose shape is \(299, 5\), not \[300, 5\]"):
        anear.load(target)
    rows.write_bytes(b"\x93NUMPY")
    with pytest.raises(FileFormatError, match="its points cannot be read"):
        anear.load(target)


def test_long_points_on_disk_are_checked_when_asked(tmp_path: Path) -> None:
    points = RNG.random((40_000, 8)).astype(np.float32)
    np.save(tmp_path / "rows.npy", points)
    anear.Index(points, "euclidean").save(tmp_path / "a.anear", points=tmp_path / "rows.npy")
    data = bytearray((tmp_path / "rows.npy").read_bytes())
    data[-3] ^= 1
    (tmp_path / "rows.npy").write_bytes(data)
    index = anear.load(tmp_path / "a.anear", mmap=True)
    with pytest.raises(FileFormatError, match="does not fit"):
        index.verify()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"file": 3, "shape": [300, 5], "crc32": []}', '{"file": "/", "shape": [300, 5], "crc32": []}'],
)
def test_references_that_make_no_sense(text: str, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anear.index.files.refer", lambda *_: text)
    anear.Index(POINTS, "manhattan").save(tmp_path / "a.anear", points=rows)
    with pytest.raises(FileFormatError):
        anear.load(tmp_path / "a.anear")


def test_files_of_version_3_keep_loading() -> None:
    loaded = anear.load(GOLDEN / "flat-3.anear")
    points = (np.arange(160) * 37 % 101).reshape(40, 4).astype(np.float32)
    assert np.array_equal(loaded.points, points)
    fresh = anear.Index(points, "manhattan")
    queries = np.arange(12).reshape(3, 4) * 8.0
    assert same(loaded.search(queries, 10), fresh.search(queries, 10))
