"""Every code block of README.md runs: Python blocks one after the other, console blocks line by line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ")
    for language, text in BLOCKS
    if language == "console"
    for line in text.replace("\\\n", "").splitlines()
    if line.startswith("$ ")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which the repository's own files are found under their names."""
    made = tmp_path_factory.mktemp("readme")
    for name in ("src", "Makefile", "pyproject.toml"):
        (made / name).symlink_to(ROOT / name)
    return made


def test_python_blocks(folder: Path) -> None:
    """In an interpreter of their own, in the order of the page."""
    code = "\n".join(text for language, text in BLOCKS if language == "python")
    assert code
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_console_block(command: str, folder: Path) -> None:
    """``make`` is only asked what it would do: the rest of it is what runs this test."""
    if command.startswith("make "):
        command = f"make --dry-run --no-print-directory -C {ROOT} {command.removeprefix('make ')}"
    if shutil.which(command.split()[0], path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]) is None:
        pytest.fail(f"README.md uses {command.split()[0]}, which is not installed")
    environment = os.environ | {"PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
