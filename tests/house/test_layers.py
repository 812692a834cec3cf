"""Who may know whom, where the import linter does not see it: the C++ core, and the door to it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Each folder of core/ includes itself and those before it.
ORDER = ["base", "io", "kernel", "storage", "result", "index", "parts", "graph", "lists", "methods", "bindings"]


def core_sources() -> list[Path]:
    return sorted(path for path in (ROOT / "core").rglob("*") if path.suffix in (".h", ".cpp"))


def test_core_includes_only_what_comes_before() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} includes {included}/"
        for path in core_sources()
        for included in re.findall(r'^#include "(\w+)/', path.read_text(), re.MULTILINE)
        if ORDER.index(included) > ORDER.index(path.relative_to(ROOT / "core").parts[0])
    ]
    assert not wrong


def test_only_the_bindings_know_python() -> None:
    wrong = [
        path.name
        for path in core_sources()
        if path.parent.name != "bindings" and re.search(r"nanobind|Python\.h", path.read_text())
    ]
    assert not wrong


def test_one_header_starts_threads() -> None:
    wrong = [
        path.name
        for path in core_sources()
        if path.name.split(".")[0] != "parallel"
        and re.search(r"std::j?thread\b(?!::)|pthread_create|omp\.h", path.read_text())
    ]
    assert not wrong


def imported(path: Path) -> set[str]:
    """Every module that a Python file imports, and every name it imports from one."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_only_the_index_imports_the_core() -> None:
    package = ROOT / "src" / "anear"
    users = {path.relative_to(package).parts[0] for path in package.rglob("*.py") if "anear._core" in imported(path)}
    assert users == {"index"}
