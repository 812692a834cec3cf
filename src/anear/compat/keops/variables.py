"""The arrays behind the symbols: NumPy arrays and torch tensors on the CPU, indexed by i, by j, or by neither.

A variable stands in a formula as a field of the query (indexed by i) or of the point (indexed by j). Its name says
where its memory lies, so that two symbols made of the same array are one and the same, and formulas can be simplified.
Arrays are looked at when a reduction runs, not before, and never copied but for the conversions a reduction needs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError
from anear.formula.expression import Expr, constant, number, point_field, query_field

__all__ = ["Data", "Floats", "Variable", "array_of", "parameter", "placeholder", "variable"]

Floats: TypeAlias = npt.NDArray[Any]

LETTERS: Final = "ij"
PARAMETER: Final = 2
_FLOATS: Final = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """What a symbol stands for: an array (rows, dim), or the argument number ``position`` of a later call."""

    dim: int
    array: Floats | None
    position: int = -1
    axis: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """The variables of a formula by name, and what all of them together say.

    ``rows`` are the numbers of i and of j, None where nothing says them; ``tensor`` whether results are torch tensors.
    """

    variables: Mapping[str, Variable] = field(default_factory=dict)
    rows: tuple[int | None, int | None] = (None, None)
    tensor: bool = False

    def joined(self, other: Data, what: str) -> Data:
        """The variables of both; ``what`` names the operation that brings them together."""
        if other is self:
            return self
        rows = []
        for letter, a, b in zip(LETTERS, self.rows, other.rows, strict=True):
            if a is not None and b is not None and a != b:
                raise ArgumentError(
                    f"{what}: the {letter}-variables have {a} and {b} rows; they must have equally many"
                )
            rows.append(b if a is None else a)
        return Data({**self.variables, **other.variables}, (rows[0], rows[1]), self.tensor or other.tensor)

    def transposed(self) -> Data:
        """The same with i and j exchanged."""
        return replace(self, rows=self.rows[::-1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of results: float64 where one array is, else float32."""
        arrays = [v.array for v in self.variables.values() if v.array is not None]
        return np.result_type(*arrays) if arrays else np.dtype(np.float32)

    def placeholders(self) -> dict[str, Variable]:
        """The variables that wait for a call's arguments."""
        return {name: v for name, v in self.variables.items() if v.array is None}

    def filled(self, arguments: Sequence[Any]) -> Data:
        """The same with a call's arguments in place of the placeholders."""
        waiting = self.placeholders()
        needed = max((v.position for v in waiting.values()), default=-1) + 1
        if len(arguments) != needed:
            raise ArgumentError(f"{len(arguments)} arrays were given; {needed} are needed, one for each placeholder")
        result = replace(self, variables={n: v for n, v in self.variables.items() if n not in waiting})
        for name, v in waiting.items():
            called = f"argument {v.position}"
            array, tensor = array_of(arguments[v.position], called)
            rows: list[int | None] = [None, None]
            if v.axis == PARAMETER:
                array = array.reshape(1, -1)
            elif array.ndim == 2:
                rows[v.axis] = len(array)
            if array.ndim != 2 or array.shape[1] != v.dim or not array.size:
                wanted = f"({v.dim},)" if v.axis == PARAMETER else f"(rows, {v.dim})"
                raise ArgumentError(f"{called} has shape {np.shape(arguments[v.position])}; {wanted} is needed")
            given = Data({name: replace(v, array=array)}, (rows[0], rows[1]), tensor)
            result = result.joined(given, called)
        return result


def array_of(value: Any, name: str) -> tuple[Floats, bool]:
    """``value`` as a NumPy array over the same memory, and whether it is a torch tensor."""
    if np.ma.is_masked(value):
        raise ArgumentError(f"{name} has masked values; fill them first")
    if isinstance(value, np.ndarray):
        array, tensor = np.asarray(value), False
    elif _is_tensor(value):
        array, tensor = _from_tensor(value, name), True
    else:
        kind = f"{type(value).__module__}.{type(value).__name__}"
        raise ArgumentError(
            f"{name} is of type {kind}; allowed: NumPy arrays, torch tensors, numbers, lists of numbers"
        )
    if array.dtype not in _FLOATS:
        raise ArgumentError(f"{name} is of type {array.dtype}; allowed: float32 and float64")
    return array, tensor


def variable(array: Floats, axis: int, tensor: bool, name: str) -> tuple[Expr, Data]:
    """The symbol of an array (rows, dim) indexed by i (``axis`` 0) or j (1)."""
    if array.size == 0:
        raise ArgumentError(f"{name} is empty: shape {array.shape}; at least one row and one column are needed")
    place = array.__array_interface__["data"][0]
    label = f"{place:x} {array.shape} {array.strides} {array.dtype}".replace(",", "")
    rows = (len(array), None) if axis == 0 else (None, len(array))
    return _leaf(label, axis, array.shape[1]), Data({label: Variable(array.shape[1], array, axis=axis)}, rows, tensor)


def placeholder(position: int, dim: int, axis: int) -> tuple[Expr, Data]:
    """The symbol of an array that is still to come, as argument number ``position`` of a call."""
    label = f"argument {position} {axis} {dim}"
    return _leaf(label, axis, dim), Data({label: Variable(dim, None, position, axis)})


def parameter(values: Floats, name: str) -> Expr:
    """A vector or number that is the same for all i and j, captured as it is now."""
    if values.size == 0 or values.ndim > 1:
        raise ArgumentError(f"{name} has shape {values.shape}; a parameter is a number or a vector of numbers")
    return number(float(values.reshape(-1)[0])) if values.size == 1 else constant(values)


def _leaf(label: str, axis: int, dim: int) -> Expr:
    make_field = point_field if axis == 1 else query_field
    return make_field(label, None if dim == 1 else dim)


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")  # whoever has a tensor has imported torch
    return torch is not None and isinstance(value, torch.Tensor)


def _from_tensor(value: Any, name: str) -> Floats:
    torch = sys.modules["torch"]
    if value.device.type != "cpu":
        raise ArgumentError(f"{name} is in the memory of device {value.device}; copy it to the CPU first: {name}.cpu()")
    if value.requires_grad and torch.is_grad_enabled():
        raise ArgumentError(
            f"{name} requires gradients, which are not computed here: pass {name}.detach(), or use torch.no_grad()"
        )
    if value.layout is not torch.strided or value.dtype not in (torch.float32, torch.float64):
        raise ArgumentError(f"{name} is a {value.layout} tensor of {value.dtype}; allowed: dense, float32 or float64")
    array: Floats = value.detach().numpy()
    return array
