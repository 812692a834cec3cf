"""The language reference names every function there is, and none that is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from anear.formula.table import FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "formula.md").read_text()


def test_every_function_is_named() -> None:
    missing = sorted(name for name in FUNCTIONS if f"`{name}`" not in PAGE)
    assert not missing


def test_every_named_function_exists() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "operators" not in line]
    named = {name for line in rows for name in re.findall(r"`([a-z]\w+)`", line)}
    unknown = sorted(named - FUNCTIONS.keys() - {"pi", "inf"})
    assert not unknown


def test_the_code_runs() -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
