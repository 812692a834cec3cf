"""The language reference names every function there is, and none that is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

from anear.formula.table import FUNCTIONS

DOCS = Path(__file__).parents[2] / "docs"
PAGE, FILES = ((DOCS / name).read_text() for name in ("formula.md", "files.md"))


def test_every_function_is_named() -> None:
    missing = sorted(name for name in FUNCTIONS if f"`{name}`" not in PAGE)
    assert not missing


def test_every_named_function_exists() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "operators" not in line]
    named = {name for line in rows for name in re.findall(r"`([a-z]\w+)`", line)}
    unknown = sorted(named - FUNCTIONS.keys() - {"pi", "inf"})
    assert not unknown


@pytest.mark.parametrize("page", [PAGE, FILES], ids=["formula", "files"])
def test_the_code_runs(page: str) -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_all_that_is_in_files_is_named() -> None:
    named = set(re.findall(r"`([\w.<>]+)`", FILES))
    for path in (DOCS.parent / "tests" / "golden").glob("*.anear"):
        with safe_open(path, framework="numpy") as file:
            found = {*file.metadata(), *file.keys()}
        for name in found:
            part = re.sub(r"^(array|parameter|padding)\..*", r"\1.<name>", name.removeprefix("method."))
            part = re.sub(r"^layer\.\d+", "layer.<i>", part).replace("padding.<name>", "padding.<n>")
            assert part in named, name
