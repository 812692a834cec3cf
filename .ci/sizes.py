"""Fail when a source file is longer than 500 lines, or a Python function longer than 50, without a stated reason.

Long files and functions are a smell, not a law: whoever needs one writes it into ``ALLOWED`` with the reason.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

FILE_LINES = 500
FUNCTION_LINES = 50
ROOT = Path(__file__).parent.parent

# "path" or "path:function" -> why it may be long
ALLOWED: dict[str, str] = {}


def tracked() -> list[Path]:
    """The source files under version control."""
    listing = subprocess.run(
        ["git", "ls-files", "*.py", "*.cpp", "*.h"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).exists()]


def long_functions(name: str, source: str) -> list[tuple[str, int]]:
    """``(path:function, lines)`` of every function over the limit; the docstring does not count."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and first.end_lineno is not None:
                lines -= first.end_lineno - first.lineno + 1
            if lines > FUNCTION_LINES:
                found.append((f"{name}:{node.name}", lines))
    return found


def main() -> int:
    """Print what is too long; 1 when anything is."""
    too_long: list[tuple[str, int]] = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        source = path.read_text()
        count = len(source.splitlines())
        if count > FILE_LINES:
            too_long.append((name, count))
        if path.suffix == ".py":
            too_long += long_functions(name, source)
    wrong = [(what, lines) for what, lines in too_long if what not in ALLOWED]
    for what, lines in wrong:
        print(f"{what}: {lines} lines; split it, or give the reason in .ci/sizes.py", file=sys.stderr)
    unused = sorted(set(ALLOWED) - {what for what, _ in too_long})
    for what in unused:
        print(f"{what} is listed in .ci/sizes.py but is not long (any more): remove the entry", file=sys.stderr)
    return 1 if wrong or unused else 0


if __name__ == "__main__":
    sys.exit(main())
