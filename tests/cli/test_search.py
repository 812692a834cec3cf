"""`anear knn` and `anear range`: the answers are the API's, and the API's are the reference's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]


def expected(files: Path, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest neighbours under the Manhattan distance, by NumPy in float64."""
    points, queries = (np.load(files / name).astype(np.float64) for name in ("points.npy", "queries.npy"))
    distances = np.abs(queries[:, None] - points[None]).sum(axis=2)
    ids = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(distances, ids, axis=1)


def given(files: Path) -> list[object]:
    return ["--points", files / "points.npy", "--queries", files / "queries.npy", "--distance", "sum(abs(x - y))"]


def test_knn_writes_npz(anear_command: Command, files: Path, tmp_path: Path) -> None:
    done = anear_command("knn", *given(files), "-k", 3, "--out", tmp_path / "r.npz")
    assert done.code == 0, done.err
    assert done.out == ""
    with np.load(tmp_path / "r.npz") as result:
        ids, distances = expected(files, 3)
        np.testing.assert_array_equal(result["ids"], ids)
        np.testing.assert_allclose(result["distances"], distances, rtol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["r.npz"]


def test_knn_json_is_json_alone(anear_command: Command, files: Path) -> None:
    done = anear_command("knn", *given(files), "-k", 3, "--json")
    assert (done.code, done.err) == (0, "")
    result = json.loads(done.out)
    assert result["ids"] == expected(files, 3)[0].tolist()
    assert result["queries"] == 7


def test_knn_prints_a_table(anear_command: Command, files: Path) -> None:
    done = anear_command("knn", *given(files), "-k", 1)
    assert done.code == 0
    assert str(expected(files, 1)[0][0, 0]) in done.out
    assert "7 queries" in done.err


def test_missing_neighbours_are_null(anear_command: Command, files: Path) -> None:
    done = anear_command("knn", *given(files), "-k", 4, "--limit-points", 3, "--limit-queries", 1, "--json")
    result = json.loads(done.out)
    assert result["ids"][0][3] == -1
    assert result["distances"][0][3] is None


def test_radius_leaves_out_the_far_ones(anear_command: Command, files: Path) -> None:
    _, distances = expected(files, 5)
    radius = float(distances[:, 2].mean())
    result = json.loads(anear_command("knn", *given(files), "-k", 5, "--radius", radius, "--json").out)
    kept = np.array(result["ids"]) >= 0
    np.testing.assert_array_equal(kept, distances <= radius)


def test_self_search_leaves_out_the_point_itself(anear_command: Command, files: Path) -> None:
    done = anear_command("knn", "--points", files / "points.npy", "--self", "-d", "euclidean", "-k", 2, "--json")
    ids = np.array(json.loads(done.out)["ids"])
    assert ids.shape == (200, 2)
    assert not (ids == np.arange(200)[:, None]).any()


def test_parameters_reach_the_distance(anear_command: Command, files: Path) -> None:
    options = given(files)[:4]
    three = anear_command("knn", *options, "-d", "minkowski", "--param", "p=3", "-k", 2, "--json")
    text = anear_command("knn", *options, "-d", "sum(abs(x - y) ** 3) ** (1 / 3)", "-k", 2, "--json")
    assert json.loads(three.out)["ids"] == json.loads(text.out)["ids"]


def test_fields_come_from_files(anear_command: Command, files: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.where(np.arange(200) == 17, 0.0, 1.0))
    scaled = ["-d", "sum(abs(x - y)) * point_field('s')", "--point-data", f"s=@{tmp_path / 's.npy'}"]
    done = anear_command("knn", *given(files)[:4], *scaled, "-k", 1, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["ids"] == [[17]] * 7


@pytest.mark.parametrize("threads", [1, 3])
def test_range(anear_command: Command, files: Path, threads: int) -> None:
    _, distances = expected(files, 200)
    done = anear_command("range", *given(files), "--radius", 0.4, "--threads", threads, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert np.diff(result["offsets"]).tolist() == (distances <= 0.4).sum(axis=1).tolist()


def test_range_of_itself(anear_command: Command, files: Path) -> None:
    done = anear_command(
        "range", "--points", files / "points.npy", "--self", "-d", "manhattan", "--radius", 0.2, "--json"
    )
    result = json.loads(done.out)
    for query, start in enumerate(result["offsets"][:-1]):
        assert query not in result["ids"][start : result["offsets"][query + 1]]


def test_range_prints_a_table(anear_command: Command, files: Path) -> None:
    done = anear_command("range", *given(files), "--radius", 0.3)
    assert done.code == 0
    assert "query" in done.out
