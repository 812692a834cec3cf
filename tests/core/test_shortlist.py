"""What a search keeps of the values it has seen, in registers, against what sorting and plain loops say."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.core.kernels import program


def test_the_smallest_are_kept(tmp_path: Path) -> None:
    """Alike values, both signs, lists longer and shorter than a block, what is not finite; limits that are NaN."""
    check = program(tmp_path, "shortlist_check.cpp", "result/lanes.cpp", "result/shortlist.cpp", "base/features.cpp")
    for arguments in ([], ["plain"]):
        run = subprocess.run([str(check), *arguments], capture_output=True, text=True, check=True, timeout=60)
        assert run.stdout.strip() == "right"
