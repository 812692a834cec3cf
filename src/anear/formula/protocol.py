"""NumPy's functions on formulas: ``np.abs(x - y).sum()`` is ``abs(x - y).sum()``.

NumPy hands its operations to an operand that asks for them by ``__array_ufunc__`` (elementwise functions and the
operators of arrays: ``array * expr``, ``array @ expr``) and ``__array_function__`` (all others).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from anear.errors import FormulaError

if TYPE_CHECKING:
    from anear.formula.expression import Expr

__all__ = ["NumpyProtocol"]

_NAMES: Final[Mapping[str, str]] = {
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "bitwise_or": "dot",
    "deg2rad": "radians",
    "divide": "div",
    "equal": "eq",
    "fabs": "abs",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "matmul": "dot",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "power": "pow",
    "rad2deg": "degrees",
    "reciprocal": "inv",
    "remainder": "mod",
    "subtract": "sub",
    "vdot": "dot",
}
"""NumPy's names of functions that are called otherwise here."""

_TURNED: Final[Mapping[str, str]] = {
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
}


class NumpyProtocol:
    """What makes NumPy's functions take formulas."""

    __slots__ = ()
    __pandas_priority__ = 10_000  # above pandas' own types, so that `series * expr` is left to the formula

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Expr:
        """The formula of ``ufunc(*operands)``, an elementwise function or operator."""
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        if name in _TURNED and not isinstance(operands[0], NumpyProtocol):
            return _apply(_TURNED[name], operands[::-1], options)  # as Python turns `1 < expr` round
        return _apply(name, operands, options)

    def __array_function__(
        self, function: Callable[..., Any], types: Iterable[type], operands: tuple[Any, ...], options: dict[str, Any]
    ) -> Expr:
        """The formula of ``function(*operands)``, any other function of NumPy."""
        return _apply(function.__name__, operands, options)


def _apply(name: str, operands: tuple[Any, ...], options: Mapping[str, Any]) -> Expr:
    from anear.formula.table import FUNCTIONS

    function = FUNCTIONS.get(_NAMES.get(name, name))
    if function is None:
        raise FormulaError(f"NumPy's {name} has no counterpart for formulas; there are {', '.join(sorted(FUNCTIONS))}")
    try:
        return function(*operands, **options)
    except TypeError as error:
        raise FormulaError(f"NumPy's {name} of a formula: {error}") from None
