"""The core's folders form layers: a file includes only its own folder and those before it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "core"
LAYERS = ["base", "io", "kernel", "storage", "result", "index", "parts", "methods", "bindings"]
FILES = sorted(p for p in CORE.rglob("*") if p.suffix in {".h", ".cpp"})


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(CORE)))
def test_includes_point_to_lower_layers(file: Path) -> None:
    layer = LAYERS.index(file.relative_to(CORE).parts[0])
    for folder in re.findall(r'#include "(\w+)/', file.read_text()):
        assert LAYERS.index(folder) <= layer, f"{file.name} includes {folder}/"


def test_only_bindings_know_python() -> None:
    knowing = {p.parent.name for p in FILES if re.search(r"nanobind|Python\.h", p.read_text())}
    assert knowing == {"bindings"}
