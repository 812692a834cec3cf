"""``import anear`` costs next to nothing, and brings in nothing a user may not have asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "llvmlite",
    "scipy",
    "pandas",
    "rich",
    "typer",
    "h5py",
    "pyarrow",
    "sklearn",
    "matplotlib",
    "torch",
    "ml_dtypes",
)


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_import_brings_in_nothing_heavy() -> None:
    assert run(f"import anear, sys; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_import_takes_less_than_a_fifth_of_a_second() -> None:
    """CPU time of the import itself, NumPy's own share not counted; the best of five, since others use the machine."""
    code = "import time, numpy; t = time.process_time(); import anear; print(time.process_time() - t)"
    assert any(float(run(code)) < 0.2 for _ in range(5))


@pytest.mark.parametrize("name", ["anear.formula", "anear.spaces", "anear.data"])
def test_parts_import_on_their_own(name: str) -> None:
    run(f"import {name}")
