"""The commands that tell about anear: --version, distances, explain, cache, bench."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anear

Command = Callable[..., Any]


def test_version(anear_command: Command) -> None:
    assert anear_command("--version").out == f"anear {anear.__version__}\n"


def test_distances_lists_all(anear_command: Command) -> None:
    listed = json.loads(anear_command("distances", "--json").out)
    assert [entry["name"] for entry in listed] == [distance.name for distance in anear.distances()]
    for entry in listed:
        assert entry["formula"]
        assert entry["summary"]


def test_distances_table(anear_command: Command) -> None:
    done = anear_command("distances")
    assert done.code == 0
    assert "kldiv" in done.out


def test_explain(anear_command: Command) -> None:
    done = anear_command("explain", "itakura_saito")
    assert done.out.strip() == str(anear.explain("itakura_saito")).strip()
    assert json.loads(anear_command("explain", "minkowski", "-p", "p=3", "--json").out)["explanation"]


def test_cache(anear_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANEAR_CACHE", str(tmp_path))
    assert anear_command("cache", "--path").out.strip() == str(tmp_path)
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / f"{'ab' * 32}.o").write_bytes(b"an old kernel")
    assert json.loads(anear_command("cache", "--json").out)["files"] == 1
    assert "removed 1" in anear_command("cache", "--clear").out
    assert "0 kernels" in anear_command("cache").out
    monkeypatch.setenv("ANEAR_CACHE", "off")
    assert anear_command("cache").code == 2


def test_bench_distances(anear_command: Command) -> None:
    arguments = ["bench", "distances", "manhattan", "sum(abs(x - y) ** 3)", "--dimensions", 4, "--seconds", 0.001]
    rates = json.loads(anear_command(*arguments, "--json").out)
    assert [rate["name"] for rate in rates] == ["manhattan", "sum(abs(x - y) ** 3)"]
    assert all(rate[kind] > 0 for rate in rates for kind in ("matrix", "batch", "single"))
    assert "manhattan" in anear_command(*arguments).out


def test_bench_exact(anear_command: Command) -> None:
    arguments = ["bench", "exact", "--points", 500, "--queries", 5, "--seconds", 0.001]
    rates = json.loads(anear_command(*arguments, "--json").out)
    assert all(rate["rate"] > 0 for rate in rates)
    assert "manhattan" in anear_command(*arguments).out
