"""Watching the compiler: each stage prints to stderr when the environment variable ANEAR_DEBUG says so.

1   the rank and the functions around it
2   also the plans
3   also every rule that the simplifier applies
4   also the sums of products that ranks are multiplied out to
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

__all__ = ["debug_level", "trace"]


def debug_level() -> int:
    """ANEAR_DEBUG as a number; 0 where it is not set, 1 where it is no number."""
    text = os.environ.get("ANEAR_DEBUG", "0")
    try:
        return int(text)
    except ValueError:
        return 1


def trace(level: int, stage: str, text: Callable[[], str]) -> None:
    """Print what a stage did, if the debug level is at least ``level``; ``text`` is called only then."""
    if debug_level() >= level:
        lines = text().splitlines() or [""]
        print(*(f"anear {stage:9s} {line}" for line in lines), sep="\n", file=sys.stderr)
