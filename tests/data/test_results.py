"""Answers written to files and read back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from anear.data import read
from anear.data.results import check_output, save_neighbors
from anear.errors import ArgumentError

IDS = np.array([[3, 1], [2, -1], [0, 5]])
DISTANCES = np.array([[0.1, 0.25], [0.5, np.inf], [0, 3]], np.float32)
FLAT_IDS = np.array([3, 1, 2])
FLAT_DISTANCES = np.array([0.1, 0.25, 0.5])
OFFSETS = np.array([0, 2, 2, 3])


def test_npz(tmp_path: Path) -> None:
    (path,) = save_neighbors(tmp_path / "a.npz", IDS, DISTANCES, distance="l2", k=2)
    found = np.load(path)
    assert np.array_equal(found["ids"], IDS)
    assert np.array_equal(found["distances"], DISTANCES)
    assert str(found["distance"]) == "l2"
    (path,) = save_neighbors(tmp_path / "b.npz", FLAT_IDS, FLAT_DISTANCES, OFFSETS)
    assert np.array_equal(np.load(path)["offsets"], OFFSETS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz", "b.npz"] or len(list(tmp_path.iterdir())) == 2


def test_ivecs_and_fvecs(tmp_path: Path) -> None:
    paths = save_neighbors(tmp_path / "a.ivecs", IDS, DISTANCES)
    assert [path.name for path in paths] == ["a.ivecs", "a.fvecs"]
    assert np.array_equal(read(paths[0]).rows, IDS)
    assert np.array_equal(read(paths[1]).rows, DISTANCES)
    with pytest.raises(ArgumentError, match=r"a range search has not: use \.npz"):
        save_neighbors(tmp_path / "b.ivecs", FLAT_IDS, FLAT_DISTANCES, OFFSETS)


def test_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="writes HDF5 files")
    (path,) = save_neighbors(tmp_path / "a.hdf5", IDS, DISTANCES, distance="l2")
    assert np.array_equal(read(f"{path}:neighbors").rows, IDS)
    assert np.array_equal(read(f"{path}:distances").rows, DISTANCES)
    with h5py.File(path) as file:
        assert file.attrs["distance"] == "l2"


def test_csv(tmp_path: Path) -> None:
    (path,) = save_neighbors(tmp_path / "a.csv", IDS, DISTANCES)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert rows[0] == {"query": "0", "rank": "0", "id": "3", "distance": "0.1"}
    assert [row["id"] for row in rows] == ["3", "1", "2", "0", "5"]
    (path,) = save_neighbors(tmp_path / "b.csv", FLAT_IDS, FLAT_DISTANCES, OFFSETS)
    assert [row["query"] for row in csv.DictReader(path.read_text().splitlines())] == ["0", "0", "2"]


def test_json(tmp_path: Path) -> None:
    (path,) = save_neighbors(tmp_path / "a.json", IDS, DISTANCES, distance='"l2"', k=np.int64(2), w=np.ones(2))
    found = json.loads(path.read_text())
    assert found["ids"] == IDS.tolist()
    assert found["distances"][1] == [0.5, None]
    assert (found["distance"], found["k"], found["w"]) == ('"l2"', 2, [1, 1])
    (path,) = save_neighbors(tmp_path / "b.json", FLAT_IDS, FLAT_DISTANCES, OFFSETS)
    assert json.loads(path.read_text()) == {"ids": [[3, 1], [], [2]], "distances": [[0.1, 0.25], [], [0.5]]}


def test_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"must end in one of \.npz, \.ivecs, \.csv, \.json, \.hdf5, \.h5"):
        check_output(tmp_path / "a.xls")
    with pytest.raises(ArgumentError, match="there is no folder"):
        check_output(tmp_path / "nowhere" / "a.npz")
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(ArgumentError, match="is a folder"):
        check_output(tmp_path / "b.npz")
    with pytest.raises(ArgumentError, match=r"have shapes \(3, 2\) and \(3,\); both need \(queries, k\)"):
        save_neighbors(tmp_path / "a.npz", IDS, FLAT_DISTANCES)
    with pytest.raises(ArgumentError, match="offsets must end in 3"):
        save_neighbors(tmp_path / "a.npz", FLAT_IDS, FLAT_DISTANCES, OFFSETS[:-1])


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save_neighbors(tmp_path / "a.json", IDS, DISTANCES, wrong={("a", 1): 2})
    assert list(tmp_path.iterdir()) == []
