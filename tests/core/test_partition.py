"""The order in which a tree keeps its points: the same where memory allows only ids to be moved."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.core.kernels import program


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parts = ("partition", "rough_cut", "coordinates", "cut", "cut_wide")
    base = ("features", "memory", "parallel")
    used = [*(f"parts/{name}.cpp" for name in parts), *(f"base/{name}.cpp" for name in base)]
    return program(tmp_path_factory.mktemp("partition"), "partition_check.cpp", *used)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_hangs_neither_on_memory_nor_on_threads(check: Path, seed: int) -> None:
    """Several coordinates, more than are cut, equal ones, and such as are no numbers; both rules."""
    found = subprocess.run([str(check), str(seed)], capture_output=True, text=True, check=True, timeout=300)
    assert found.stdout.strip() == "right"
