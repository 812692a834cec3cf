"""Print the requirements of anear and of the extras named on the command line, one a line, as pyproject.toml has them.

    python .ci/requirements.py cli test     ->  numpy>=..., llvmlite>=..., typer>=..., pytest>=...

It lets the Makefile install libraries without building anear first. ``build`` stands for what a build needs.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(extras: list[str]) -> list[str]:
    """The hard requirements followed by those of each extra (or of "build"), without repeats."""
    settings = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    known = settings["project"]["optional-dependencies"] | {
        "build": [*settings["build-system"]["requires"], "cmake>=3.26", "ninja>=1.11"]
    }
    found = list(settings["project"]["dependencies"])
    for extra in extras:
        found += known[extra]
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    print(*requirements(sys.argv[1:]), sep="\n")
