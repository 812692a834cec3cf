"""`anear demo`, on few images so that it takes seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]


@pytest.fixture
def labelled(tmp_path: Path) -> list[object]:
    """Two classes of 5 x 5 images that any distance tells apart."""
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 2
    np.save(
        tmp_path / "rows.npy", rng.integers(0, 60, (150, 25), dtype=np.uint8) + (100 * labels[:, None]).astype(np.uint8)
    )
    np.save(tmp_path / "labels.npy", labels)
    return ["--data", tmp_path / "rows.npy", "--labels", tmp_path / "labels.npy"]


def test_own_data(anear_command: Command, labelled: list[object], tmp_path: Path) -> None:
    done = anear_command("demo", *labelled, "--out", tmp_path / "out", "-k", 3, "--budget", 0.1, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert [row["distance"] for row in result["rows"]][:4] == ["euclidean", "manhattan", "cosine", "chi_square"]
    for row in result["rows"]:
        assert row["same_answers"]
        if row["distance"] != "cosine":
            assert row["accuracy"] == 1
    assert Path(result["picture"]).read_bytes()[:4] == b"\x89PNG"


def test_formula_is_the_users(anear_command: Command, labelled: list[object], tmp_path: Path) -> None:
    done = anear_command("demo", *labelled, "--out", tmp_path, "--budget", 0.1, "--formula", "max(abs(x - y))")
    assert done.code == 0, done.err
    assert "max(abs(x - y))" in done.out


def test_distances_that_do_not_fit_the_data_say_so(anear_command: Command, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).standard_normal((60, 6), dtype=np.float32))
    done = anear_command("demo", "--data", tmp_path / "rows.npy", "--out", tmp_path, "--budget", 0.1, "--json")
    rows = {row["distance"]: row for row in json.loads(done.out)["rows"]}
    assert "chi_square" in rows["chi_square"]["refused"]
    assert rows["euclidean"]["same_answers"]
    assert rows["euclidean"]["accuracy"] is None
    assert all(row["same_answers"] for row in rows.values() if not row["refused"])


def test_too_many_neighbours(anear_command: Command, labelled: list[object], tmp_path: Path) -> None:
    done = anear_command("demo", *labelled, "--out", tmp_path, "-k", 500)
    assert done.code == 2
    assert "500" in done.err
