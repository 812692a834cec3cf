"""Columns cut at the key of a rank: every implementation against sorting, whatever the keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.core.kernels import program


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    used = ("parts/cut.cpp", "parts/cut_wide.cpp", "base/features.cpp")
    return program(tmp_path_factory.mktemp("cut"), "cut_check.cpp", *used)


@pytest.mark.parametrize("most", [0, 1, 7, 1000, 2**32 - 1])
@pytest.mark.parametrize("which", ["plain", "best"])
def test_cuts_are_those_of_sorting(check: Path, which: str, most: int) -> None:
    """All keys equal, few different ones, hardly any equal; nothing is written beside what was cut."""
    for seed in range(3):
        command = [str(check), which, str(most), str(seed)]
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
        assert found == "right", f"seed {seed}"
