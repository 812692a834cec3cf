"""Run the tests that other libraries have of themselves against the classes of anear that stand in for theirs.

    make peers                              # all of them
    python -m tests.peers scipy_kdtree -x   # one, with arguments for pytest

Each other module here is a peer. ``TESTS`` are the modules of its tests, from the installed package; ``substitute()``
puts anear's classes where those tests import the library's from; ``KNOWN`` says which tests cannot pass and why: what
part of their name is, and the reason. A test that is said to fail and passes is a failure.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Known:
    """Marks the tests that are known to fail."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self._reasons = reasons

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Called by pytest with what it found."""
        met = set()
        for item in items:
            for part, reason in self._reasons.items():
                if part in item.nodeid:
                    met.add(part)
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        if items and (unmet := self._reasons.keys() - met):
            raise pytest.UsageError(f"KNOWN names no test: {', '.join(sorted(unmet))}")


def run(name: str, arguments: Sequence[str]) -> int:
    """The tests of one peer, in this process."""
    peer = import_module(f"{__package__}.{name}")
    peer.substitute()
    options = ["-c", str(HERE / "pytest.ini"), "--rootdir", str(HERE), "-q", "-rxX", *arguments]
    return int(pytest.main([*options, *peer.TESTS], plugins=[Known(peer.KNOWN)]))


def main(arguments: Sequence[str]) -> int:
    """One peer in this process, or each in a process of its own: a substitution is not undone."""
    if arguments:
        return run(arguments[0], arguments[1:])
    worst = 0
    for path in sorted(HERE.glob("*_*.py")):
        if path.stem.startswith("_"):
            continue
        print(f"=== {path.stem}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", str(__package__), path.stem]).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
