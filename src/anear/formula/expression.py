"""The expression: an immutable, shared graph that says what a distance is.

    number  x  y  field  constant          leaves
       \\    |  |    |      |
        elementwise  (add, log, where ...)  scalar or vector, broadcasting a scalar over a vector
                |
        sum prod max min  index             vector -> scalar
                |
              Expr

Two expressions with the same structure are the same object, so comparing, hashing and finding common
subexpressions cost nothing. What each operation computes stands in the table ``OPERATIONS``; this module
knows only shapes and identity.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.errors import FormulaError

__all__ = [
    "BINARY",
    "ELEMENTWISE",
    "LEAVES",
    "REDUCTIONS",
    "Array",
    "Expr",
    "constant",
    "make",
    "number",
    "point_field",
    "prepared",
    "query_field",
    "walk",
    "x",
    "y",
]

LEAVES: Final = frozenset({"number", "constant", "x", "y", "point_field", "query_field", "prepared"})
UNARY: Final = frozenset(
    "neg abs sqrt rsqrt exp log log1p expm1 sin cos tan arcsin arccos arctan sinh cosh tanh arcosh sign floor".split()
)
BINARY: Final = frozenset("add sub mul div pow mod minimum maximum arctan2 xlogy lt le gt ge eq ne".split())
ELEMENTWISE: Final = UNARY | BINARY | {"where"}
REDUCTIONS: Final = frozenset({"sum", "prod", "max", "min"})


@dataclass(frozen=True, slots=True)
class Array:
    """A captured vector or matrix, compared by content; ``name`` is only for printing."""

    bytes: bytes
    shape: tuple[int, ...]
    name: str | None = None

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The captured numbers, float64, read-only."""
        return np.frombuffer(self.bytes, dtype=np.float64).reshape(self.shape)

    @property
    def digest(self) -> str:
        """A short content hash, stable between processes."""
        return hashlib.sha256(repr(self.shape).encode() + self.bytes).hexdigest()[:16]


class Expr:
    """One node of a formula. Build it with ``x``, ``y``, operators and functions; never directly.

    Attributes
    ----------
    op : the operation's name, one of the tables above.
    args : the operands.
    value : what a leaf or an indexed operation carries besides (a number, a name, an index, an ``Array``).
    is_vector : whether it has one value a coordinate (else it is a scalar).
    length : the number of coordinates where that is fixed by the formula; None for a scalar, or where it is the
        dimension of the data (``x``, ``y``, and what is made of them) or follows from it (``x[1:]``).
    """

    __slots__ = ("__weakref__", "_hash", "args", "is_vector", "length", "op", "value")
    __array_ufunc__ = None  # NumPy then leaves `array @ expr` and `array * expr` to us

    op: str
    args: tuple[Expr, ...]
    value: Any
    is_vector: bool
    length: int | None

    def __new__(cls, op: str, args: tuple[Expr, ...] = (), value: Any = None) -> Expr:
        """Return the one node with this structure, checking that the shapes fit."""
        key = (op, args, value, type(value))
        found = _nodes.get(key)
        if found is not None:
            return found
        self = object.__new__(cls)
        self.op, self.args, self.value = op, args, value
        self._hash = hash(key)
        self.is_vector, self.length = _shape(op, args, value)
        _nodes[key] = self
        return self

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return Expr, (self.op, self.args, self.value)


_nodes: weakref.WeakValueDictionary[Any, Expr] = weakref.WeakValueDictionary()


def _shape(op: str, args: tuple[Expr, ...], value: Any) -> tuple[bool, int | None]:
    """(is_vector, length) of a node; raises FormulaError where operands do not fit."""
    if op in ("x", "y"):
        return True, None
    if op in ("point_field", "query_field"):
        length = value[1]
        return length is not None, length
    if op == "prepared":
        return value[2], None
    if op == "constant":
        return True, value.shape[0]
    if op == "number" or op in REDUCTIONS or op == "index":
        return False, None
    if op == "slice":
        return True, None
    if op == "matvec":
        return True, args[0].value.shape[0]
    lengths = {a.length for a in args if a.is_vector and a.length is not None}
    if len(lengths) > 1:
        raise FormulaError(f"{op}: its operands are vectors of different lengths {sorted(lengths)}")
    return any(a.is_vector for a in args), (lengths.pop() if lengths else None)


def make(op: str, *args: Expr, value: Any = None) -> Expr:
    """The node ``op(*args)``: the one constructor that rules and passes use."""
    return Expr(op, args, value)


def number(value: float) -> Expr:
    """A number."""
    return Expr("number", (), float(value))


def constant(values: npt.ArrayLike, name: str | None = None) -> Expr:
    """A captured vector (1-D) or matrix (2-D, only as the left operand of a matrix product)."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim not in (1, 2) or array.size == 0:
        raise FormulaError(f"a captured array must be a non-empty vector or matrix, not of shape {array.shape}")
    return Expr("constant", (), Array(array.tobytes(), array.shape, name))


def point_field(name: str, length: int | None = None) -> Expr:
    """An extra value of each point, given as ``point_data={name: array}``: a scalar, or ``length`` values."""
    return Expr("point_field", (), (name, length))


def query_field(name: str, length: int | None = None) -> Expr:
    """An extra value of each query, given as ``query_data={name: array}``: a scalar, or ``length`` values."""
    return Expr("query_field", (), (name, length))


def prepared(side: str, index: int, vector: bool) -> Expr:
    """What ``Plan.query[index]`` or ``Plan.point[index]`` (``side``: "query" or "point") holds; made by the hoisting pass."""
    return Expr("prepared", (), (side, index, vector))


def walk(root: Expr) -> Iterator[Expr]:
    """Every node below and including ``root`` once, operands before the node that uses them."""
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.args))


x: Final = Expr("x")
y: Final = Expr("y")
