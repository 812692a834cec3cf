"""Which of a formula's plans a search uses on given points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anear.formula.centre import centred

if TYPE_CHECKING:
    from anear.formula.hoist import Plan
    from anear.index.tables import Space

__all__ = ["choose_plan"]

_SAMPLE = 4096  # points that the centre is taken from


def choose_plan(space: Space, rows: npt.NDArray[Any]) -> Plan:
    """The expanded plan where there is one, its origin moved into the data where that is allowed; else the direct one.

    Points of narrow types keep their origin: their coordinates are small, and moved they would need four bytes each.
    """
    stages = space.stages
    plan = stages.expanded
    if plan is None:
        return stages.direct
    if not stages.movable or space.storage not in ("float32", "float64"):
        return plan
    step = max(1, len(rows) // _SAMPLE)
    with np.errstate(all="ignore"):
        centre = rows[::step, : space.dimension].mean(axis=0, dtype=np.float64)
    return centred(plan, centre) if np.isfinite(centre).all() else plan
