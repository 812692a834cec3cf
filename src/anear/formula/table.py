"""The functions by name: what text may call, and what the methods of a formula are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from anear.formula import functions, keops, reductions
from anear.formula.expression import Expr

__all__ = ["FUNCTIONS"]

FUNCTIONS: Final[Mapping[str, Callable[..., Expr]]] = MappingProxyType(
    {name: getattr(module, name) for module in (functions, reductions, keops) for name in module.__all__}
)
