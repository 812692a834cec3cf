"""Mixing runs of instructions that do not need one another, so that a processor finds something to do while it waits.

A processor looks some sixty instructions ahead for ones whose operands are there. A logarithm is a chain of twenty,
each waiting for the one before: several coordinates after one another are mostly waiting, side by side they are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["interleaved"]

_NAMES = re.compile(r"%[a-z]+\d+")


def interleaved(runs: Sequence[Sequence[str]]) -> list[str]:
    """The lines of all runs, one of each in turn; a line waits until what it names is defined.

    Runs with loops in them stay one after another.
    """
    if any(line.endswith(":") for run in runs for line in run):
        return [line for run in runs for line in run]
    awaited = {_NAMES.findall(line)[0] for run in runs for line in run if " = " in line}
    queues = [list(reversed(run)) for run in runs]
    result: list[str] = []
    while any(queues):
        for queue in queues:
            if queue and not awaited.intersection(_NAMES.findall(queue[-1].split(" = ")[-1])):
                line = queue.pop()
                result.append(line)
                if " = " in line:
                    awaited.discard(_NAMES.findall(line)[0])
    return result
