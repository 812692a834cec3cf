"""KeOps' operations: what turns symbolic tensors into symbolic tensors.

Each says what it computes of the vectors behind the tensors; ``vectors`` and anear's own functions do the work.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from anear.compat.keops import vectors as v
from anear.compat.keops.vectors import Vector
from anear.errors import ArgumentError
from anear.formula import functions as f
from anear.formula import keops as k
from anear.formula.expression import Expr

if TYPE_CHECKING:
    from anear.compat.keops.lazytensor import LazyTensor

__all__ = ["Operations", "whole_number"]

_ABSENT = {
    "grad": "derivatives are not computed",
    "diff": "derivatives are not computed",
    "divergence": "derivatives are not computed",
    "laplacian": "derivatives are not computed",
    "solve": "linear systems are not solved; scipy.sparse.linalg takes this tensor as a linear operator",
    "real2complex": "numbers are real",
    "imag2complex": "numbers are real",
    "exp1j": "numbers are real",
    "conj": "numbers are real",
}
"""KeOps' methods that have no counterpart, and why."""


class Operations(ABC):
    """The symbolic operations of :class:`~anear.compat.keops.LazyTensor`.

    Operands may be tensors of this kind, numbers, lists of numbers, and arrays as ``LazyTensor`` takes them. Operands
    of dimension 1 serve all coordinates of the others; otherwise dimensions must be equal.
    """

    __slots__ = ()

    __array_ufunc__: ClassVar[None] = None  # NumPy leaves `array * tensor` to the tensor
    __iter__: ClassVar[None] = None  # else Python would iterate by indices until an error comes

    @abstractmethod
    def _made(self, what: str, function: Callable[..., Vector], *others: Any) -> LazyTensor:
        """The tensor of ``function`` of the vectors behind this tensor and the others."""

    def _each(self, what: str, function: Callable[..., Expr], *others: Any) -> LazyTensor:
        """``function`` of every coordinate."""
        return self._made(what, lambda *operands: v.elementwise(what, function, *operands), *others)

    def _turned(self, what: str, function: Callable[[Expr, Expr], Expr], other: Any) -> LazyTensor:
        """``function(other, self)`` of every coordinate."""
        return self._each(what, lambda a, b: function(b, a), other)

    def __bool__(self) -> NoReturn:
        raise ArgumentError(
            "the truth of a symbolic tensor is known only when it is reduced; use ifelse in place of `if`"
        )

    def __getattr__(self, name: str) -> NoReturn:
        reason = f": {_ABSENT[name]}" if name in _ABSENT else ""
        raise AttributeError(f"{type(self).__name__} has no {name!r}{reason}")

    # --- arithmetic

    def __add__(self, other: Any) -> LazyTensor:
        return self._each("+", f.add, other)

    def __radd__(self, other: Any) -> LazyTensor:
        return self._turned("+", f.add, other)

    def __sub__(self, other: Any) -> LazyTensor:
        return self._each("-", f.sub, other)

    def __rsub__(self, other: Any) -> LazyTensor:
        return self._turned("-", f.sub, other)

    def __mul__(self, other: Any) -> LazyTensor:
        return self._each("*", f.mul, other)

    def __rmul__(self, other: Any) -> LazyTensor:
        return self._turned("*", f.mul, other)

    def __truediv__(self, other: Any) -> LazyTensor:
        return self._each("/", f.div, other)

    def __rtruediv__(self, other: Any) -> LazyTensor:
        return self._turned("/", f.div, other)

    def __pow__(self, other: Any) -> LazyTensor:
        if isinstance(other, float) and other == -0.5:
            return self.rsqrt()
        return self._each("**", f.pow, other)

    def __rpow__(self, other: Any) -> LazyTensor:
        return self._turned("**", f.pow, other)

    def __or__(self, other: Any) -> LazyTensor:
        return self._made("|", lambda a, b: v.dot("|", a, b), other)

    def __ror__(self, other: Any) -> LazyTensor:
        return self._made("|", lambda a, b: v.dot("|", b, a), other)

    def __neg__(self) -> LazyTensor:
        return self._each("-", f.neg)

    def __abs__(self) -> LazyTensor:
        return self.abs()

    # --- comparisons: 1 where they hold, else 0

    def __eq__(self, other: object) -> LazyTensor:  # type: ignore[override]
        return self._each("==", f.eq, other)

    def __ne__(self, other: object) -> LazyTensor:  # type: ignore[override]
        return self._each("!=", f.ne, other)

    def __lt__(self, other: Any) -> LazyTensor:
        return self._each("<", f.lt, other)

    def __le__(self, other: Any) -> LazyTensor:
        return self._each("<=", f.le, other)

    def __gt__(self, other: Any) -> LazyTensor:
        return self._each(">", f.gt, other)

    def __ge__(self, other: Any) -> LazyTensor:
        return self._each(">=", f.ge, other)

    # --- of every coordinate

    def abs(self) -> LazyTensor:
        """The absolute value."""
        return self._each("abs", f.abs)

    def exp(self) -> LazyTensor:
        """e to this power."""
        return self._each("exp", f.exp)

    def log(self) -> LazyTensor:
        """The natural logarithm."""
        return self._each("log", f.log)

    def xlogx(self) -> LazyTensor:
        """``x * log(x)``, 0 at 0."""
        return self._each("xlogx", f.xlogx)

    def sqrt(self) -> LazyTensor:
        """The square root."""
        return self._each("sqrt", f.sqrt)

    def rsqrt(self) -> LazyTensor:
        """``1 / sqrt(x)``, and 0 at 0 as in KeOps."""
        return self._each("rsqrt", v.rsqrt)

    def square(self) -> LazyTensor:
        """``x ** 2``."""
        return self._each("square", f.square)

    def power(self, other: Any) -> LazyTensor:
        """``x ** other``."""
        return self.__pow__(other)

    def sin(self) -> LazyTensor:
        """The sine."""
        return self._each("sin", f.sin)

    def cos(self) -> LazyTensor:
        """The cosine."""
        return self._each("cos", f.cos)

    def asin(self) -> LazyTensor:
        """The inverse sine."""
        return self._each("asin", f.arcsin)

    def acos(self) -> LazyTensor:
        """The inverse cosine."""
        return self._each("acos", f.arccos)

    def atan(self) -> LazyTensor:
        """The inverse tangent."""
        return self._each("atan", f.arctan)

    def atan2(self, other: Any) -> LazyTensor:
        """The angle of the point (``other``, ``self``)."""
        return self._each("atan2", f.arctan2, other)

    def sinxdivx(self) -> LazyTensor:
        """``sin(x) / x``, 1 at 0."""
        return self._each("sinxdivx", k.sinxdivx)

    def sinc(self) -> LazyTensor:
        """``sin(pi x) / (pi x)``, 1 at 0."""
        return self._each("sinc", f.sinc)

    def sign(self) -> LazyTensor:
        """-1, 0 or 1."""
        return self._each("sign", f.sign)

    def step(self) -> LazyTensor:
        """1 where not negative, else 0."""
        return self._each("step", f.step)

    def relu(self) -> LazyTensor:
        """``max(x, 0)``."""
        return self._each("relu", f.relu)

    def clamp(self, low: Any, high: Any) -> LazyTensor:
        """Limited to [``low``, ``high``]."""
        return self._each("clamp", f.clip, low, high)

    def ifelse(self, a: Any, b: Any) -> LazyTensor:
        """``a`` where this is not negative, else ``b``."""
        return self._each("ifelse", k.ifelse, a, b)

    def mod(self, modulus: Any, offset: Any = 0) -> LazyTensor:
        """The remainder in [``offset``, ``offset + modulus``)."""
        if isinstance(offset, int) and offset == 0:
            return self._each("mod", f.mod, modulus)
        return self._each("mod", f.mod, modulus, offset)

    def round(self, decimals: int = 0) -> LazyTensor:
        """Rounded to so many decimals, halves away from 0."""
        return self._each("round", lambda a: f.round(a, whole_number(decimals, "decimals")))

    # --- of whole vectors

    def norm2(self) -> LazyTensor:
        """The Euclidean norm."""
        return self._made("norm2", lambda a: f.sqrt(v.squared_norm(a)))

    def norm(self, dim: int = -1) -> LazyTensor:
        """The Euclidean norm; ``dim`` must be the vectors' axis, -1 or 2."""
        if dim not in (-1, 2):
            raise ArgumentError(f"dim is {dim!r}; a norm is taken of the vectors, dim=-1 or dim=2")
        return self.norm2()

    def sqnorm2(self) -> LazyTensor:
        """The squared Euclidean norm."""
        return self._made("sqnorm2", v.squared_norm)

    def normalize(self) -> LazyTensor:
        """Divided by its norm; a vector of zeros stays one."""
        return self._made("normalize", v.normalized)

    def sqdist(self, other: Any) -> LazyTensor:
        """The squared Euclidean distance."""
        return self._made("sqdist", lambda a, b: v.squared_norm(v.elementwise("sqdist", f.sub, a, b)), other)

    def weightedsqnorm(self, weights: Any) -> LazyTensor:
        """The squared norm under one weight, one a coordinate, or a symmetric matrix given row by row."""
        return self._made("weightedsqnorm", v.weighted_squared_norm, weights)

    def weightedsqdist(self, other: Any, weights: Any) -> LazyTensor:
        """:meth:`weightedsqnorm` of ``self - other``."""
        difference = self.__sub__(other)
        return difference.weightedsqnorm(weights)

    def matvecmult(self, vector: Any) -> LazyTensor:
        """This tensor's vectors as matrices, row by row, times vectors."""
        return self._made("matvecmult", v.matrix_vector, vector)

    def vecmatmult(self, matrix: Any) -> LazyTensor:
        """Vectors times matrices that are given row by row as vectors."""
        return self._made("vecmatmult", v.vector_matrix, matrix)

    def tensorprod(self, other: Any) -> LazyTensor:
        """Every coordinate times every one of ``other``, the latter varying fastest."""
        return self._made("tensorprod", v.tensor_product, other)

    def one_hot(self, dim: int) -> LazyTensor:
        """A vector of ``dim`` coordinates that is 1 where the coordinate's number is this scalar, rounded."""
        return self._made("one_hot", lambda a: v.one_hot(a, whole_number(dim, "dim")))

    # --- coordinates

    def elem(self, i: int) -> LazyTensor:
        """Coordinate ``i``, counted from 0."""
        return self.extract(i, 1)

    def extract(self, i: int, d: int) -> LazyTensor:
        """``d`` coordinates from ``i`` on."""
        first, count = whole_number(i, "i"), whole_number(d, "d")

        def taken(a: Vector) -> Vector:
            size = v.dimension(a)
            if not (0 <= first < size and 0 < count <= size - first):
                raise ArgumentError(
                    f"coordinates {first} to {first + count - 1} are asked for; there are 0 to {size - 1}"
                )
            return v.part(a, first, count)

        return self._made("extract", taken)

    def __getitem__(self, key: Any) -> LazyTensor:
        whole = slice(None)
        if isinstance(key, tuple) and key and (key[:-1] == (Ellipsis,) or key[:-1] == (whole, whole)):
            key = key[-1]
        if isinstance(key, slice) and key.step in (None, 1):
            first = 0 if key.start is None else whole_number(key.start, "the slice's start")
            last = self.ndim if key.stop is None else whole_number(key.stop, "the slice's stop")
            return self.extract(first, last - first)
        if isinstance(key, (slice, tuple)) or key is Ellipsis or key is None:
            raise ArgumentError(
                f"{key!r} is no coordinate; allowed: [k], [k:l], and the same behind [..., ] or [:, :, ]"
            )
        return self.elem(key)

    @property
    @abstractmethod
    def ndim(self) -> int:
        """The dimension of the vectors."""

    def concat(self, other: Any) -> LazyTensor:
        """The coordinates of both, one vector behind the other."""
        return self._made(
            "concat", lambda a, b: v.joined(v.coordinates(a, "concat") + v.coordinates(b, "concat"), "concat"), other
        )


def whole_number(value: Any, name: str) -> int:
    """``value`` as an int."""
    if isinstance(value, bool):
        raise ArgumentError(f"{name} is {value!r}; a whole number is needed")
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError(f"{name} is {value!r}; a whole number is needed") from None
