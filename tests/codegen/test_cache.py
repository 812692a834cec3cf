"""Compiled kernels on disk: found again, shared by processes, and never trusted when damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anear.codegen import cache

KEY = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANEAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_there_and_back(folder: Path) -> None:
    assert cache.fetch(KEY) is None
    cache.put(KEY, b"machine code")
    assert cache.fetch(KEY) == b"machine code"
    assert cache.clear_cache() == 1
    assert cache.fetch(KEY) is None
    assert cache.clear_cache() == 0


@pytest.mark.parametrize("place", [0, 20, 50])
def test_damage_is_noticed(folder: Path, place: int) -> None:
    cache.put(KEY, b"machine code")
    path = folder / KEY[:2] / f"{KEY}.o"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert cache.fetch(KEY) is None
    path.write_bytes(bytes(data)[:10])
    assert cache.fetch(KEY) is None


def test_off_and_unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANEAR_CACHE", "off")
    cache.put(KEY, b"x")
    assert cache.fetch(KEY) is None
    assert cache.cache_directory() is None
    assert cache.clear_cache() == 0
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("ANEAR_CACHE", str(blocked))
    cache.put(KEY, b"x")
    assert cache.fetch(KEY) is None


def test_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANEAR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.cache_directory() == tmp_path / "anear"


SEARCH = """
import numpy as np, anear
points = np.random.default_rng(0).random((500, 6), dtype=np.float32)
print(anear.knn(points, points[:3], 2, "sum(abs(x - y) ** 1.25)").ids.tolist())
"""


def test_many_processes_at_once(folder: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", SEARCH], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate()[0] for process in running}
    assert all(process.returncode == 0 for process in running)
    assert len(answers) == 1
    assert not list(folder.rglob(".new-*"))


def test_a_warm_start_does_not_import_llvmlite(folder: Path) -> None:
    check = SEARCH + "import sys; print('llvmlite' in sys.modules)"
    run = [subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True) for _ in range(2)]
    assert [r.stdout.splitlines()[-1] for r in run] == ["True", "False"]
    assert run[0].stdout.splitlines()[0] == run[1].stdout.splitlines()[0]
