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
import operator
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, SupportsIndex, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from anear.errors import FormulaError
from anear.formula.methods import Methods
from anear.formula.protocol import NumpyProtocol

__all__ = [
    "BINARY",
    "ELEMENTWISE",
    "LEAVES",
    "REDUCTIONS",
    "UNARY",
    "Array",
    "Expr",
    "Operand",
    "as_expr",
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
# one string a table: a line for each name would hide that these are all there are
UNARY: Final = frozenset(
    "neg abs sqrt rsqrt exp log log1p expm1 sin cos tan arcsin arccos arctan sinh cosh tanh arcosh sign floor".split()  # noqa: SIM905
)
BINARY: Final = frozenset("add sub mul div pow mod minimum maximum arctan2 xlogy lt le gt ge eq ne".split())  # noqa: SIM905
ELEMENTWISE: Final = UNARY | BINARY | {"where"}
REDUCTIONS: Final = frozenset({"sum", "prod", "max", "min"})
VECTOR_TO_VECTOR: Final = frozenset({"slice", "cumsum", "matvec"})
OPERATIONS: Final = LEAVES | ELEMENTWISE | REDUCTIONS | VECTOR_TO_VECTOR | {"index"}

Operand: TypeAlias = Union["Expr", npt.ArrayLike]
"""What may stand beside an expression: another one, a number, or a vector or matrix of numbers to capture."""


@dataclass(frozen=True, slots=True)
class Array:
    """A captured vector or matrix, compared by content; ``name`` is only for printing."""

    bytes: bytes
    shape: tuple[int, ...]
    name: str | None = field(default=None, compare=False)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The captured numbers, float64, read-only."""
        return np.frombuffer(self.bytes, dtype=np.float64).reshape(self.shape)

    @property
    def digest(self) -> str:
        """A short content hash, stable between processes."""
        return hashlib.sha256(repr(self.shape).encode() + self.bytes).hexdigest()[:16]


class Expr(Methods, NumpyProtocol):
    """One node of a formula. Build it with ``x``, ``y``, operators and functions; never directly.

    The operators are those of Python (``+ - * / ** %``, ``abs``, ``< <= > >=``), ``a | b`` is the dot product,
    ``A @ a`` a captured matrix times a vector, ``a[0]``, ``a[-1]`` and ``a[1:3]`` take coordinates. ``==`` compares the
    *formulas* (elementwise equality is :func:`anear.formula.eq`). Every function is a method as well, and NumPy's
    functions of the same meaning may be used: ``np.abs(x - y)``.

    Attributes
    ----------
    op : the operation's name, one of ``OPERATIONS``.
    args : the operands.
    value : what a leaf or an indexed operation carries besides (a number, a name, an index, an ``Array``).
    is_vector : whether it has one value a coordinate (else it is a scalar).
    length : the number of coordinates where that is fixed by the formula; None for a scalar, or where it is the
        dimension of the data (``x``, ``y``, and what is made of them) or follows from it (``x[1:]``).

    Examples
    --------
    >>> ((x - y) ** 2).sum()
    sum((x - y) ** 2)
    >>> (x - y) is (x - y)
    True
    """

    __slots__ = ("__weakref__", "args", "is_vector", "length", "op", "value")

    op: str
    args: tuple[Expr, ...]
    value: Any
    is_vector: bool
    length: int | None

    # One node a structure: nodes are equal if they are the same, which object's own functions tell without Python.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def __new__(cls, op: str, args: tuple[Expr, ...] = (), value: Any = None) -> Expr:
        """Return the one node with this structure, checking that the shapes fit."""
        # floats are told apart by their bits: 0.0 == -0.0 as numbers, but 1 / x is not the same for them
        key = (op, args, value.hex() if op == "number" else value, type(value))
        found = _nodes.get(key)
        if found is not None:
            return found
        is_vector, length = _shape(op, args, value)
        self = object.__new__(cls)
        for name, item in zip(
            ("op", "args", "value", "is_vector", "length"),
            (op, args, value, is_vector, length),
            strict=True,
        ):
            object.__setattr__(self, name, item)
        with _lock:  # two threads may have made the same node: the first one counts
            return _nodes.setdefault(key, self)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"a formula cannot be changed: setting {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        # a flat list, operands first: pickling a formula of thousands of terms must not recurse
        nodes = {node: number for number, node in enumerate(walk(self))}
        program = [(node.op, tuple(nodes[a] for a in node.args), node.value) for node in nodes]
        return _rebuild, (program,)

    def __repr__(self) -> str:
        from anear.formula.show import brief

        return brief(self)

    def __bool__(self) -> NoReturn:
        raise FormulaError(
            f"the truth of the formula {self!r:.200} is known only when it is computed: use where(condition, a, b) in "
            "place of `if`, a * b in place of `and`, the functions of anear.formula in place of Python's min and max"
        )

    def __iter__(self) -> NoReturn:
        raise FormulaError(
            f"the formula {self!r:.200} cannot be iterated: its dimension is known only when it is computed. "
            "Use the functions of anear.formula (sum, max, min ...) in place of Python's"
        )

    def __add__(self, other: Operand) -> Expr:
        return make("add", self, as_expr(other))

    def __radd__(self, other: Operand) -> Expr:
        return make("add", as_expr(other), self)

    def __sub__(self, other: Operand) -> Expr:
        return make("sub", self, as_expr(other))

    def __rsub__(self, other: Operand) -> Expr:
        return make("sub", as_expr(other), self)

    def __mul__(self, other: Operand) -> Expr:
        return make("mul", self, as_expr(other))

    def __rmul__(self, other: Operand) -> Expr:
        return make("mul", as_expr(other), self)

    def __truediv__(self, other: Operand) -> Expr:
        return make("div", self, as_expr(other))

    def __rtruediv__(self, other: Operand) -> Expr:
        return make("div", as_expr(other), self)

    def __pow__(self, other: Operand) -> Expr:
        return make("pow", self, as_expr(other))

    def __rpow__(self, other: Operand) -> Expr:
        return make("pow", as_expr(other), self)

    def __mod__(self, other: Operand) -> Expr:
        return make("mod", self, as_expr(other))

    def __rmod__(self, other: Operand) -> Expr:
        return make("mod", as_expr(other), self)

    def __neg__(self) -> Expr:
        return make("neg", self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return make("abs", self)

    def __lt__(self, other: Operand) -> Expr:
        return make("lt", self, as_expr(other))

    def __le__(self, other: Operand) -> Expr:
        return make("le", self, as_expr(other))

    def __gt__(self, other: Operand) -> Expr:
        return make("gt", self, as_expr(other))

    def __ge__(self, other: Operand) -> Expr:
        return make("ge", self, as_expr(other))

    def __or__(self, other: Operand) -> Expr:
        return make("sum", make("mul", *_two_vectors("|", self, as_expr(other))))

    def __ror__(self, other: Operand) -> Expr:
        return as_expr(other) | self

    def __matmul__(self, other: Operand) -> Expr:
        return _matmul(self, as_expr(other))

    def __rmatmul__(self, other: Operand) -> Expr:
        return _matmul(as_expr(other), self)

    def __getitem__(self, key: SupportsIndex | slice | tuple[Any, ...]) -> Expr:
        if isinstance(key, tuple) and all(k is Ellipsis or k == slice(None) for k in key[:-1]):
            key = key[-1]  # [..., k] and [:, :, k], as for an array of vectors
        if isinstance(key, slice):
            if key.step not in (None, 1):
                raise FormulaError(f"a slice takes every coordinate from start to stop, not steps of {key.step!r}")
            return make("slice", self, value=(_index(key.start), _index(key.stop)))
        if key is None:
            raise FormulaError("a coordinate is taken by an integer or a slice like [0], [-1], [1:3]; got None")
        return make("index", self, value=_index(key))

    def numpy(
        self,
        X: npt.ArrayLike,
        Y: npt.ArrayLike,
        point_data: Mapping[str, npt.ArrayLike] | None = None,
        query_data: Mapping[str, npt.ArrayLike] | None = None,
    ) -> npt.NDArray[np.float64]:
        """The value for every query (row of ``X``) and every point (row of ``Y``) in float64; see ``evaluate``."""
        from anear.formula.interpret import evaluate

        return evaluate(self, X, Y, point_data, query_data)

    @property
    def is_matrix(self) -> bool:
        """Whether it is a captured matrix, which may stand only on one side of ``@``."""
        return self.op == "constant" and len(self.value.shape) == 2

    @property
    def T(self) -> Expr:  # noqa: N802 (NumPy's name)
        """The transposed captured matrix."""
        if not self.is_matrix:
            raise FormulaError(f"only a captured matrix can be transposed, not {self!r:.200}")
        return constant(self.value.values.T, self.value.name and self.value.name + "_T")


_nodes: weakref.WeakValueDictionary[Any, Expr] = weakref.WeakValueDictionary()


_lock = threading.RLock()  # reentrant: the garbage collector may run anybody's code, and that may make formulas


def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # a thread of the parent may have held the lock when the child was made
    os.register_at_fork(after_in_child=_renew_lock)


def _shape(op: str, args: tuple[Expr, ...], value: Any) -> tuple[bool, int | None]:
    """(is_vector, length) of a node; raises FormulaError where operands do not fit."""
    if op in LEAVES:
        return _leaf_shape(op, value)
    if op not in OPERATIONS:
        raise FormulaError(f"unknown operation {op!r}; there are {', '.join(sorted(OPERATIONS))}")
    if op == "matvec":
        return True, _matvec_length(*args)
    for a in args:
        if a.is_matrix:
            raise FormulaError(f"{op}: a captured matrix, here of shape {a.value.shape}, can only be multiplied by @")
    if op in REDUCTIONS or op in ("index", "slice", "cumsum"):
        if not args[0].is_vector:
            raise FormulaError(f"{op} needs a vector, but {args[0]!r:.200} is a scalar")
        return _reduced_shape(op, args[0].length, value)
    lengths = {a.length for a in args if a.is_vector and a.length is not None}
    if len(lengths) > 1:
        raise FormulaError(f"{op}: its operands are vectors of different lengths {sorted(lengths)}")
    return any(a.is_vector for a in args), (lengths.pop() if lengths else None)


def _leaf_shape(op: str, value: Any) -> tuple[bool, int | None]:
    if op in ("point_field", "query_field"):
        return value[1] is not None, value[1]
    if op == "prepared":
        return value[2], None
    if op == "constant":
        return True, value.shape[0]
    return op != "number", None


def _reduced_shape(op: str, length: int | None, value: Any) -> tuple[bool, int | None]:
    """The shape of what is made of the coordinates of one vector of this length."""
    if op == "index":
        if length is not None and not -length <= value < length:
            raise FormulaError(f"index {value} is outside of a vector of {length} coordinates")
        return False, None
    if op == "slice":
        if length is None:
            return True, None
        taken = len(range(*slice(*value).indices(length)))
        if taken == 0:
            raise FormulaError(f"the slice {value} of a vector of {length} coordinates is empty")
        return True, taken
    return op == "cumsum", (length if op == "cumsum" else None)


def _matvec_length(matrix: Expr, vector: Expr) -> int:
    if not matrix.is_matrix:
        raise FormulaError(f"matrix times vector needs a captured matrix (a 2-D array of numbers), not {matrix!r:.200}")
    rows, columns = matrix.value.shape
    if not vector.is_vector or vector.is_matrix or vector.length not in (None, columns):
        what = f"a vector of {vector.length} coordinates" if vector.is_vector else "a scalar"
        raise FormulaError(
            f"a matrix of {rows} x {columns} needs a vector of {columns} coordinates, but {vector!r:.200} is {what}"
        )
    return int(rows)


def _matmul(a: Expr, b: Expr) -> Expr:
    """``a @ b`` as NumPy means it: matrix by vector, vector by matrix, the dot product of two vectors."""
    if a.is_matrix and b.is_matrix:
        if a.value.shape[1] != b.value.shape[0]:
            raise FormulaError(f"matrices of shapes {a.value.shape} and {b.value.shape} cannot be multiplied")
        return constant(a.value.values @ b.value.values)
    if b.is_matrix:
        return make("matvec", b.T, a)
    return make("matvec", a, b) if a.is_matrix else make("sum", make("mul", *_two_vectors("@", a, b)))


def _two_vectors(what: str, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    for side in (a, b):
        if not side.is_vector:
            raise FormulaError(f"{what} is the dot product of two vectors, but {side!r:.200} is a scalar")
    return a, b


def _index(key: Any) -> int | None:
    try:
        return None if key is None else operator.index(key)
    except TypeError:
        raise FormulaError(
            f"a coordinate is taken by an integer or a slice like [0], [-1], [1:3]; got {key!r:.200}"
        ) from None


def _rebuild(program: list[tuple[str, tuple[int, ...], Any]]) -> Expr:
    """The formula that ``Expr.__reduce__`` flattened."""
    nodes: list[Expr] = []
    for op, args, value in program:
        nodes.append(Expr(op, tuple(nodes[a] for a in args), value))
    return nodes[-1]


def as_expr(value: Operand) -> Expr:
    """``value`` as an expression: numbers and arrays of numbers are captured.

    Examples
    --------
    >>> as_expr(2), as_expr([1, 2])
    (2, [1.0, 2.0])
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, (bool, int, float, np.number, np.bool_)) and not isinstance(value, np.complexfloating):
        try:
            return number(float(value))
        except OverflowError:
            raise FormulaError("an integer is too large for a float64") from None
    if isinstance(value, str):
        raise FormulaError(f"text {value!r} is no operand; anear.formula({value!r}) reads a formula from text")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        array = np.empty(0, dtype=object)  # ragged: no array of numbers either
    if array.dtype.kind not in "biuf":
        kind = type(value).__name__
        raise FormulaError(f"an operand must be a formula, a number or an array of numbers, not {kind} {value!r:.80}")
    return number(float(array)) if array.ndim == 0 else constant(array)


def make(op: str, *args: Expr, value: Any = None) -> Expr:
    """The node ``op(*args)``: the one constructor that rules and passes use."""
    return Expr(op, args, value)


def number(value: float) -> Expr:
    """A number."""
    return Expr("number", (), float(value))


def constant(values: npt.ArrayLike, name: str | None = None) -> Expr:
    """A captured vector (1-D) or matrix (2-D, only as the left operand of a matrix product)."""
    try:
        array = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise FormulaError(f"a captured array must hold numbers: {error}") from None
    if array.ndim not in (1, 2) or array.size == 0:
        raise FormulaError(f"a captured array must be a non-empty vector or matrix, not of shape {array.shape}")
    return Expr("constant", (), Array(array.tobytes(), array.shape, name))


def point_field(name: str, length: int | None = None) -> Expr:
    """An extra value of each point, given as ``point_data={name: array}``: a scalar, or ``length`` values."""
    return Expr("point_field", (), _field(name, length))


def query_field(name: str, length: int | None = None) -> Expr:
    """An extra value of each query, given as ``query_data={name: array}``: a scalar, or ``length`` values."""
    return Expr("query_field", (), _field(name, length))


def _field(name: str, length: int | None) -> tuple[str, int | None]:
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 100 or set(name) & set("\"'\\"):
        raise FormulaError(
            f"a field's name has 1 to 100 printable characters, no quotes or backslashes; got {name!r:.200}"
        )
    if length is not None and (isinstance(length, bool) or not isinstance(length, (int, np.integer)) or length < 1):
        raise FormulaError(
            f"the length of field {name!r} must be an integer above 0, or None for a scalar; got {length!r}"
        )
    return name, None if length is None else int(length)


def prepared(side: str, index: int, vector: bool) -> Expr:
    """What ``Plan.query[index]`` or ``Plan.point[index]`` (``side``: "query" or "point") holds; see ``hoist``."""
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
