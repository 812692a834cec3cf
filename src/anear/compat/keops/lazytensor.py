"""The symbolic tensor: vectors for every i and j that are computed only where a reduction asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from anear.compat.keops import reductions as r
from anear.compat.keops.operations import Operations, whole_number
from anear.compat.keops.variables import PARAMETER, Data, array_of, parameter, placeholder, variable
from anear.compat.keops.vectors import Vector, dimension, reduced
from anear.compat.keops.vectors import arg_extreme as _arg_extreme
from anear.errors import ArgumentError
from anear.formula.expression import Expr, make, number, walk
from anear.formula.graph import substitute

__all__ = ["LazyTensor", "Pm", "Reduction", "Vi", "Vj"]

VECTOR_AXES: Final = (-1, 2)

_HINTS: Final = (
    "backend",
    "device_id",
    "dtype_acc",
    "enable_chunks",
    "optional_flags",
    "sum_scheme",
    "use_double_acc",
    "use_fast_math",
)
"""KeOps' options on how to compute, accepted and not needed."""


class LazyTensor(Operations):
    """Vectors that depend on i and j, as a formula.

    Parameters
    ----------
    x : what it is made of

        ===========================================  ==========================================================
        array (M, 1, D), or (M, D) with ``axis=0``   vectors of dimension D indexed by i
        array (1, N, D), or (N, D) with ``axis=1``   vectors of dimension D indexed by j
        array (D,) or (1, 1, D), list of numbers     one vector for all i and j, captured as it is now
        number                                       one number for all i and j
        (position, D, axis), whole numbers           vectors that come as argument number ``position`` of a later
                                                     call, indexed by i (``axis=0``), j (1) or neither (2)
        ===========================================  ==========================================================

        Arrays are NumPy's, or torch tensors on the CPU, of float32 or float64; they are not copied, and read when a
        reduction runs.
    axis : for an array of two dimensions, 0 (i) or 1 (j).

    Raises
    ------
    ArgumentError : for other types, shapes, dtypes, batch dimensions, empty arrays, tensors that require gradients.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 1.0], [3.0, 4.0], [1.0, 1.0]])
    >>> x_i, y_j = LazyTensor(x[:, None, :]), LazyTensor(y[None, :, :])
    >>> D_ij = ((x_i - y_j) ** 2).sum(-1)
    >>> D_ij.shape
    (2, 3)
    >>> D_ij.argKmin(2, dim=1)
    array([[0, 2],
           [2, 0]])
    >>> (-D_ij).exp() @ np.array([1.0, 2.0, 3.0])
    array([0.77388529, 3.36788396])
    """

    __slots__ = ("_data", "_vector")

    def __init__(self, x: Any, axis: int | None = None) -> None:
        self._vector, self._data = _read(x, axis, "x")

    @classmethod
    def _of(cls, vector: Vector, data: Data) -> LazyTensor:
        tensor = cls.__new__(cls)
        tensor._vector, tensor._data = vector, data
        return tensor

    def _made(self, what: str, function: Callable[..., Vector], *others: Any) -> LazyTensor:
        tensors = [self, *(_lifted(other, f"an operand of {what}") for other in others)]
        data = self._data
        for other in tensors[1:]:
            data = data.joined(other._data, what)
        return self._of(function(*(t._vector for t in tensors)), data)

    # --- what it is

    @property
    def ndim(self) -> int:
        """The dimension of the vectors; 1 for scalars."""
        return dimension(self._vector)

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, N, D), or (M, N) for scalars; 1 in place of what does not depend on i or j."""
        rows = tuple(count or 1 for count in self._data.rows)
        return rows if self.ndim == 1 else (*rows, self.ndim)

    def dim(self) -> int:
        """The number of axes, always 3: i, j and the coordinates."""
        return 3

    @property
    def dtype(self) -> str:
        """The type of the results of reductions, "float32" or "float64"."""
        return str(self._data.dtype)

    def __repr__(self) -> str:
        return f"LazyTensor(shape={self.shape}, dtype={self.dtype})"

    def t(self) -> LazyTensor:
        """The same with i and j exchanged."""
        exchanged = {"query_field": "point_field", "point_field": "query_field"}

        def turned(expr: Expr) -> Expr:
            leaves = [node for node in walk(expr) if node.op in exchanged]
            return substitute(expr, {leaf: make(exchanged[leaf.op], value=leaf.value) for leaf in leaves})

        vector = tuple(map(turned, self._vector)) if isinstance(self._vector, tuple) else turned(self._vector)
        return self._of(vector, self._data.transposed())

    @property
    def T(self) -> LazyTensor:  # noqa: N802 (NumPy's name)
        """The same with i and j exchanged."""
        return self.t()

    @staticmethod
    def concatenate(tensors: Sequence[LazyTensor], axis: int = -1) -> LazyTensor:
        """The coordinates of all, one vector behind the other; ``axis`` must be -1 or 2."""
        if axis not in VECTOR_AXES:
            raise ArgumentError(
                f"axis is {axis!r}; vectors are put together along their coordinates, axis=-1 or axis=2"
            )
        if len(tensors) == 0:
            raise ArgumentError("tensors is empty; at least one is needed")
        result, *others = tensors
        for other in others:
            result = result.concat(other)
        return result

    @staticmethod
    def cat(tensors: Sequence[LazyTensor], dim: int = -1) -> LazyTensor:
        """:meth:`concatenate` by torch's name."""
        return LazyTensor.concatenate(tensors, dim)

    # --- reductions

    def sum(self, axis: int = -1, dim: int | None = None, **options: Any) -> Any:
        """The sum of the coordinates (axis -1 or 2), over i (0) or over j (1); ``dim`` is another name of ``axis``.

        Over i or j: an array (N, D) or (M, D), computed in the type of the data and added up in float64, in less than
        100 MB of memory besides the data and the result. Where a vector formula is a sum of products of a scalar of i
        and j with vectors of i and of j, as in ``K_ij * (x_i - y_j)``, only the scalars are computed for every pair.
        """
        return self._total(axis if dim is None else dim, options)

    def _total(self, axis: int | None, options: dict[str, Any]) -> Any:
        if axis in VECTOR_AXES:
            return self._made("sum", lambda a: reduced("sum", a))
        return self._reduced(lambda a, data, over: r.total(a[0], data, over), axis, options)

    def logsumexp(self, axis: int | None = None, dim: int | None = None, weight: Any = None, **options: Any) -> Any:
        """``log(sum(weight * exp(self)))`` over i or j without overflow: an array (N, L) or (M, L).

        ``self`` must be scalar; ``weight`` may be a vector of dimension L. NaN where the weighted sum is negative, or a
        value is NaN.
        """
        others = () if weight is None else (weight,)
        return self._reduced(
            lambda a, data, over: r.log_sum_exp(a[0], a[1] if others else None, data, over),
            axis if dim is None else dim,
            options,
            *others,
        )

    def sumsoftmaxweight(self, weight: Any, axis: int | None = None, dim: int | None = None, **options: Any) -> Any:
        """``sum(weight * exp(self)) / sum(exp(self))`` over i or j: an array (N, L) or (M, L)."""
        axis = axis if dim is None else dim
        return self._reduced(lambda a, data, over: r.soft_max_sum(a[0], a[1], data, over), axis, options, weight)

    def Kmin(self, K: int, axis: int | None = None, dim: int | None = None, **options: Any) -> Any:  # noqa: N802
        """The K smallest values over i (axis 0) or j (1), ascending: an array (N, K) or (M, K).

        Found by an exact search of compiled code; values that are NaN are passed over. Where there are fewer than K,
        inf. Of vectors each coordinate for itself: (..., K, D).
        """
        return self._nearest(K, axis if dim is None else dim, options, lambda found: found.distances)

    def argKmin(self, K: int, axis: int | None = None, dim: int | None = None, **options: Any) -> Any:  # noqa: N802
        """Where the K smallest values are, as int64; ties by the smaller number; -1 where there are fewer than K."""
        return self._nearest(K, axis if dim is None else dim, options, lambda found: found.ids)

    def Kmin_argKmin(self, K: int, axis: int | None = None, dim: int | None = None, **options: Any) -> Any:  # noqa: N802
        """The pair of :meth:`Kmin` and :meth:`argKmin`."""
        return self._nearest(K, axis if dim is None else dim, options, lambda found: (found.distances, found.ids))

    def min(self, axis: int = -1, dim: int | None = None, **options: Any) -> Any:
        """The smallest coordinate (axis -1 or 2), or the smallest value over i (0) or j (1): (N, D) or (M, D)."""
        axis = axis if dim is None else dim
        if axis in VECTOR_AXES:
            return self._made("min", lambda a: reduced("min", a))
        return self._extreme(False, axis, options, lambda found: found.distances)

    def max(self, axis: int = -1, dim: int | None = None, **options: Any) -> Any:
        """The largest coordinate (axis -1 or 2), or the largest value over i (0) or j (1): (N, D) or (M, D)."""
        axis = axis if dim is None else dim
        if axis in VECTOR_AXES:
            return self._made("max", lambda a: reduced("max", a))
        return self._extreme(True, axis, options, lambda found: found.distances)

    def argmin(self, axis: int = -1, dim: int | None = None, **options: Any) -> Any:
        """Which coordinate is smallest (axis -1 or 2), or for which i (0) or j (1) the value is, as int64."""
        axis = axis if dim is None else dim
        if axis in VECTOR_AXES:
            return self._made("argmin", lambda a: _arg_extreme("argmin", a))
        return self._extreme(False, axis, options, lambda found: found.ids)

    def argmax(self, axis: int = -1, dim: int | None = None, **options: Any) -> Any:
        """Which coordinate is largest (axis -1 or 2), or for which i (0) or j (1) the value is, as int64."""
        axis = axis if dim is None else dim
        if axis in VECTOR_AXES:
            return self._made("argmax", lambda a: _arg_extreme("argmax", a))
        return self._extreme(True, axis, options, lambda found: found.ids)

    def min_argmin(self, axis: int | None = None, dim: int | None = None, **options: Any) -> Any:
        """The pair of :meth:`min` and :meth:`argmin` over i or j."""
        return self._extreme(False, axis if dim is None else dim, options, lambda found: (found.distances, found.ids))

    def max_argmax(self, axis: int | None = None, dim: int | None = None, **options: Any) -> Any:
        """The pair of :meth:`max` and :meth:`argmax` over i or j."""
        return self._extreme(True, axis if dim is None else dim, options, lambda found: (found.distances, found.ids))

    def __matmul__(self, v: Any) -> Any:
        """The matrix of a scalar formula times a vector (N,) or matrix (N, L): (M,) or (M, L)."""
        if self.ndim != 1:
            raise ArgumentError(f"@ needs a scalar formula, a matrix of i and j; this one has dimension {self.ndim}")
        array, _ = array_of(v, "the right side of @")
        if array.ndim not in (1, 2):
            raise ArgumentError(f"the right side of @ has shape {array.shape}; (N,) and (N, L) are allowed")
        flat = array.ndim == 1
        product = self * LazyTensor(v.reshape(-1, 1) if flat else v, axis=1)
        shape = (-1,) if flat else (-1, array.shape[1])
        return product._reduced(lambda a, data, over: r.total(a[0], data, over).reshape(shape), 1, {})

    def matvec(self, v: Any) -> Any:
        """``self @ v``; by this method SciPy takes a tensor for a linear operator."""
        return self @ v

    def rmatvec(self, v: Any) -> Any:
        """``self.T @ v``."""
        return self.T @ v

    def _nearest(self, k: int, axis: int | None, options: dict[str, Any], pick: Callable[[Any], Any]) -> Any:
        count = whole_number(k, "K")
        if count < 1:
            raise ArgumentError(f"K is {count}; at least 1 is needed")
        return self._reduced(lambda a, data, over: pick(r.nearest(a[0], data, over, count)), axis, options)

    def _extreme(self, largest: bool, axis: int | None, options: dict[str, Any], pick: Callable[[Any], Any]) -> Any:
        return self._reduced(lambda a, data, over: pick(r.extreme(a[0], data, over, largest)), axis, options)

    def _reduced(self, run: _Run, axis: int | None, options: dict[str, Any], *others: Any) -> Any:
        """The reduction of this tensor, and others beside it, as an array, or as a function of what is missing."""
        if isinstance(axis, bool) or axis not in (0, 1):
            raise ArgumentError(f"dim is {axis!r}; a reduction goes over i (dim=0) or over j (dim=1)")
        call = _checked(options)
        tensors = [self, *(_lifted(other, "weight") for other in others)]
        data = self._data
        for other in tensors[1:]:
            data = data.joined(other._data, "weight")
        reduction = Reduction(run, tuple(t._vector for t in tensors), data, int(axis))
        return reduction() if call and not data.placeholders() else reduction


_Run = Callable[[tuple[Vector, ...], Data, int], Any]


class Reduction:
    """A reduction of a formula with placeholders: a function of the arrays that take their places.

    Examples
    --------
    >>> import numpy as np
    >>> nearest = Vi(0, 2).sqdist(Vj(1, 2)).argKmin(1, dim=1)
    >>> nearest(np.array([[0.0, 0.0]]), np.array([[5.0, 5.0], [1.0, 1.0]]))
    array([[1]])
    """

    __slots__ = ("_data", "_over", "_run", "_vectors")

    def __init__(self, run: _Run, vectors: tuple[Vector, ...], data: Data, over: int) -> None:
        self._run, self._vectors, self._data, self._over = run, vectors, data, over

    def __call__(self, *arrays: Any, **options: Any) -> Any:
        """The result for these arrays (rows, D), in the order of the placeholders' positions."""
        _checked(options)
        data = self._data.filled(arrays)
        return r.as_kind(self._run(self._vectors, data, self._over), data.tensor)

    def __repr__(self) -> str:
        return f"Reduction({len(self._data.placeholders())} arrays to come)"


def Vi(x_or_ind: Any, dim: int | None = None) -> LazyTensor:  # noqa: N802 (KeOps' name)
    """Vectors indexed by i: of an array (M, D), or, with ``dim``, of argument number ``x_or_ind`` of a later call."""
    return _variable(x_or_ind, dim, 0)


def Vj(x_or_ind: Any, dim: int | None = None) -> LazyTensor:  # noqa: N802 (KeOps' name)
    """Vectors indexed by j: of an array (N, D), or, with ``dim``, of argument number ``x_or_ind`` of a later call."""
    return _variable(x_or_ind, dim, 1)


def Pm(x_or_ind: Any, dim: int | None = None) -> LazyTensor:  # noqa: N802 (KeOps' name)
    """A vector (D,) or number for all i and j; with ``dim``, argument number ``x_or_ind`` of a later call.

    Its values become part of the formula, and numbers part of the compiled code: a new number is compiled anew.
    """
    return _variable(x_or_ind, dim, PARAMETER)


def _variable(x: Any, dim: int | None, axis: int) -> LazyTensor:
    return LazyTensor(x, axis) if dim is None else LazyTensor((x, dim, axis))


def _lifted(value: Any, name: str) -> LazyTensor:
    if isinstance(value, LazyTensor):
        return value
    return LazyTensor._of(*_read(value, None, name))


def _read(x: Any, axis: int | None, name: str) -> tuple[Vector, Data]:
    """The vector that ``x`` stands for, as ``LazyTensor`` describes it."""
    if axis not in (None, 0, 1, PARAMETER):
        raise ArgumentError(f"axis is {axis!r}; allowed: 0 (i), 1 (j), 2 (neither) and None")
    if isinstance(x, tuple):
        return _read_placeholder(x, name)
    if isinstance(x, (int, float, np.number)) and not isinstance(x, (bool, np.complexfloating)):
        _only_parameter(axis, name, "a number")
        return number(float(x)), Data()
    if isinstance(x, list):
        _only_parameter(axis, name, "a list of numbers")
        return parameter(_numbers(x, name), name), Data()
    array, tensor = array_of(x, name)
    shape = array.shape
    if array.ndim > 3:
        raise ArgumentError(
            f"{name} has shape {shape}; batch dimensions, axes before those of i and j, are not supported"
        )
    if array.ndim == 3:
        if axis is not None:
            raise ArgumentError(f"axis is {axis!r}, but {name} has three dimensions {shape}, which say what indexes it")
        if 1 not in shape[:2]:
            raise ArgumentError(
                f"{name} has shape {shape}; allowed: (M, 1, D) for i, (1, N, D) for j, (1, 1, D) for neither"
            )
        axis = PARAMETER if shape[:2] == (1, 1) else int(shape[0] == 1)
        array = array.reshape(shape[2]) if axis == PARAMETER else array.squeeze(1 - axis)
    if array.ndim == 2 and axis in (0, 1):
        return variable(array, axis, tensor, name)
    if array.ndim == 2:
        raise ArgumentError(f"{name} has shape {shape}: say by axis=0 that it is indexed by i, or by axis=1, by j")
    _only_parameter(axis, name, f"of shape {shape}")
    return parameter(array, name), Data(tensor=tensor)


def _only_parameter(axis: int | None, name: str, what: str) -> None:
    if axis not in (None, PARAMETER):
        raise ArgumentError(
            f"{name} is {what}, the same for all i and j; what is indexed by {'ij'[axis]} has two dimensions"
        )


def _numbers(values: list[Any], name: str) -> Any:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} is a list, but not of numbers: {error}") from None


def _read_placeholder(x: tuple[Any, ...], name: str) -> tuple[Vector, Data]:
    if len(x) != 3:
        raise ArgumentError(f"{name} is a tuple of {len(x)}; a placeholder is (position, dimension, axis)")
    position, dim, axis = (whole_number(item, f"{name}[{n}]") for n, item in enumerate(x))
    if position < 0 or dim < 1 or axis not in (0, 1, PARAMETER):
        raise ArgumentError(f"{name} is {x}; a placeholder is (position >= 0, dimension >= 1, axis 0 (i), 1 (j) or 2)")
    return placeholder(position, dim, axis)


def _checked(options: dict[str, Any]) -> bool:
    """Whether to run the reduction at once; KeOps' options on how to run it are accepted."""
    call = bool(options.pop("call", True))
    if options.pop("ranges", None) is not None:
        raise ArgumentError("ranges is given; block-sparse reductions are not supported")
    unknown = [name for name in options if name not in _HINTS]
    if unknown:
        raise ArgumentError(f"{', '.join(unknown)}: no option of a reduction; there are {', '.join(_HINTS)}, call")
    return call
