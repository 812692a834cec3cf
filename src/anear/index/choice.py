"""Which of a formula's plans a search uses on given points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from anear.formula.hoist import Plan
    from anear.index.tables import Space

__all__ = ["choose_plan"]


def choose_plan(space: Space, rows: npt.NDArray[Any]) -> Plan:
    """The bilinear plan where there is one, else the direct one."""
    stages = space.stages
    return stages.bilinear or stages.direct
