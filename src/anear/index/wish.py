"""What `Index` may be asked to choose for: its arguments, checked before any work is done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from anear.errors import ArgumentError
from anear.index.arguments import real_number, whole_number

__all__ = ["Wish", "wished"]

_K: Final = 10
_SECONDS: Final = 600.0
_MOST_SECONDS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Wish:
    """What `Index` is asked to choose for, checked."""

    recall: float
    k: int
    sample_queries: Any
    seconds: float
    nbytes: float


def wished(
    recall: Any, k: Any, sample_queries: Any, budget_seconds: Any, budget_bytes: Any, method: Any, options: Any
) -> Wish | None:
    """The arguments of `Index` that belong to a choice; None where none is asked for."""
    if recall is None:
        others = {
            "k": k, "sample_queries": sample_queries, "budget_seconds": budget_seconds, "budget_bytes": budget_bytes,
        }  # fmt: skip
        given = [name for name, value in others.items() if value is not None]
        if given:
            raise ArgumentError(f"{given[0]} belongs to recall=..., which chooses a method; recall is not given")
        return None
    if method is None and options is not None:
        raise ArgumentError("options belong to a method; with recall= and without method= they are chosen as well")
    return Wish(
        real_number(recall, "recall", 0.0, 1.0),
        whole_number(_K if k is None else k, "k", 2**31 - 2),
        sample_queries,
        _SECONDS if budget_seconds is None else real_number(budget_seconds, "budget_seconds", 0.0, _MOST_SECONDS),
        math.inf if budget_bytes is None else float(whole_number(budget_bytes, "budget_bytes", 2**62)),
    )
