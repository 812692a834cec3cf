"""Every example runs, and says nothing on stderr."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", example], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert not done.stderr


@pytest.mark.parametrize("example", sorted(FOLDER.glob("libraries/*.py")), ids=lambda path: path.stem)
def test_example_with_another_library(example: Path, tmp_path: Path) -> None:
    """Named by the library; what that library says on stderr is its own."""
    if importlib.util.find_spec(example.stem.split("_")[0]) is None:
        pytest.skip("not installed")
    done = subprocess.run([sys.executable, example], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
