"""Tasks that start tasks: all run once, on any number of threads, and an error ends them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.core.kernels import program


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    return program(folder, "tasks_check.cpp", "base/parallel.cpp")


def run(check: Path, *arguments: int) -> str:
    command = [str(check), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("depth", [0, 1, 9])
def test_every_task_runs_once(check: Path, threads: int, depth: int) -> None:
    leaves = range(2**depth, 2 ** (depth + 1))
    assert run(check, threads, depth, 0) == f"{20 * sum(leaves)} {20 * 10 * len(leaves)}"


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("failing", [1, 2, 1023])
def test_an_error_comes_out(check: Path, threads: int, failing: int) -> None:
    assert run(check, threads, 9, failing) == "failed"
