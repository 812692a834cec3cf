"""Arguments as the rest of anear wants them: checked once, converted as little as possible.

Every function names the argument it was given in its errors. :func:`as_rows` lies on the path of a single query: a
float32 matrix that needs nothing done costs about a microsecond.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from anear.data.foreign import to_array
from anear.data.types.dense import (
    MAX_ROWS,
    NATIVE,
    STORAGE_TYPES,
    Array,
    find_non_finite,
    is_bfloat16,
    is_finite,
    shown,
    storage_name,
    to_float,
)
from anear.errors import ArgumentError

__all__ = ["aligned", "as_field", "as_filter", "as_ids", "as_rows", "storage_name"]

# The types whose check for NaN is one BLAS call.
_FAST = {np.dtype(np.float32), np.dtype(np.float64)}

# Up to this many values that one call is short enough for Ctrl-C to wait.
_ONE_CALL = 2**20

# Every whole number up to here has a value of its own.
_WHOLE_FLOAT32 = 2**24
_WHOLE_FLOAT64 = 2**53


@overload
def as_rows(
    value: Any, name: str = ..., allow_nan: bool = ..., dimension: int | None = ..., one_row: Literal[False] = ...
) -> Array: ...
@overload
def as_rows(
    value: Any, name: str = ..., allow_nan: bool = ..., dimension: int | None = ..., *, one_row: Literal[True]
) -> tuple[Array, bool]: ...
def as_rows(
    value: Any, name: str = "points", allow_nan: bool = False, dimension: int | None = None, one_row: bool = False
) -> Array | tuple[Array, bool]:
    """``value`` as a C-contiguous matrix of a storage type, over the same memory where that is possible.

    Takes NumPy arrays of any layout, lists of lists, frames, tensors on the CPU, and objects with ``__array__`` or
    ``__dlpack__``. The six storage types stay as they are; bool becomes uint8; other whole numbers become float32 if
    they lie within 2**24, else float64.

    :param name: what errors call the argument.
    :param allow_nan: accept NaN and infinity.
    :param dimension: the number of columns needed.
    :param one_row: accept a single object, an array of one dimension, as well, and return ``(rows, single)`` where
        ``single`` says that it was one.
    :raises ArgumentError: for what is empty, ragged, not two-dimensional, not numbers, not finite, or of another
        number of columns; the message names the place.

    >>> as_rows([[1, 2], [3, 4]]).dtype
    dtype('float32')
    >>> as_rows([0.5, 1.5], "query", one_row=True)
    (array([[0.5, 1.5]]), True)
    """
    columns = None
    single = False
    if type(value) is np.ndarray and value.dtype in NATIVE and value.flags.carray and value.ndim == 2:
        rows = value
    elif one_row and type(value) is np.ndarray and value.dtype in NATIVE and value.flags.carray and value.ndim == 1:
        rows, single = value.reshape(1, -1), True
    else:
        rows, columns, single = _convert(value, name, one_row)
    count, width = rows.shape
    if not 0 < count <= MAX_ROWS or width == 0:
        _check_size(rows.shape, name)
    if dimension is not None and width != dimension:
        raise ArgumentError(f"{name} has {width} columns; {dimension} are needed")
    if not allow_nan and not (rows.dtype in _FAST and width * count < _ONE_CALL and is_finite(rows)):
        _check_finite(rows, name, columns, single)
    return (rows, single) if one_row else rows


def _check_size(shape: tuple[int, ...], name: str) -> None:
    """No rows, no columns, too many rows."""
    if 0 in shape:
        raise ArgumentError(f"{name} is empty: shape {shape}; at least one row and one column are needed")
    if shape[0] > MAX_ROWS:
        raise ArgumentError(f"{name} has {shape[0]} rows; at most {MAX_ROWS} are allowed")


def _check_finite(rows: Array, name: str, columns: list[str] | None, single: bool) -> None:
    where = find_non_finite(rows)
    if where is not None:
        row, column = where
        place = f"{name}[{column}]" if single else f"{name}[{row}, {column}]"
        if columns is not None:
            place += f" (column {columns[column]!r})"
        raise ArgumentError(f"{place} is {shown(rows[where])}; only finite numbers are allowed (unless allow_nan=True)")


def _convert(value: Any, name: str, one_row: bool) -> tuple[Array, list[str] | None, bool]:
    """Anything as (C-contiguous matrix of a storage type, names of the columns, whether it was a single row)."""
    array, columns = to_array(value, name)
    single = array.ndim == 1 and one_row
    if single:
        array = array.reshape(1, -1)
    if array.ndim != 2:
        raise ArgumentError(_wrong_rank(array, name))
    _check_size(array.shape, name)
    return _contiguous(_to_storage(array, name)), columns, single


def _wrong_rank(array: Array, name: str) -> str:
    """What to do about an array that is no matrix."""
    if array.ndim == 0:
        return f"{name} is a single number; a 2-D array of numbers is needed, one object a row"
    if array.ndim == 1:
        return (
            f"{name} has one dimension ({array.size} values); two are needed, one object a row: reshape it, "
            f"{name}.reshape(1, -1) for one object or {name}.reshape(-1, 1) for {array.size} objects of one number"
        )
    return (
        f"{name} has {array.ndim} dimensions {array.shape}; two are needed, one object a row: "
        f"{name}.reshape({array.shape[0]}, -1) makes a row of each {name}[i]"
    )


def _contiguous(array: Array) -> Array:
    """C-contiguous and aligned; a copy only if it was not."""
    return np.require(array, requirements=["C", "A"])


def _to_storage(array: Array, name: str) -> Array:
    """The same numbers in a storage type and native byte order."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    dtype = array.dtype
    if dtype in NATIVE or is_bfloat16(dtype):
        return array
    if dtype.kind == "b":
        return array.view(np.uint8)
    if dtype.kind in "iu":
        return _from_whole(array, name)
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise ArgumentError(f"{name} is of type {dtype}, more than anear computes in; convert it to float64")
    if dtype.kind == "c":
        raise ArgumentError(f"{name} is of type {dtype}; complex numbers have no order: use real and imaginary columns")
    if dtype.kind == "V" and dtype.itemsize == 2 and dtype.fields is None:
        raise ArgumentError(
            f"{name} is of type {dtype}, bytes without a meaning; if they are bfloat16 (which .npy files do not name): "
            f"{name}.view(anear.data.types.dense.BFLOAT16_BITS)"
        )
    raise ArgumentError(f"{name} is of type {dtype}; allowed are bool, whole numbers and {', '.join(STORAGE_TYPES)}")


def _from_whole(array: Array, name: str) -> Array:
    """Whole numbers as the smallest float type that surely holds every one."""
    if array.dtype.itemsize <= 2:
        return array.astype(np.float32)
    low, high = int(array.min()), int(array.max())
    largest = max(-low, high)
    if largest > _WHOLE_FLOAT64:
        raise ArgumentError(
            f"{name} holds the whole number {high if high == largest else low}, beyond 2**53, where float64 begins to "
            f"round; convert it to float64 yourself if that is meant"
        )
    return array.astype(np.float32 if largest <= _WHOLE_FLOAT32 else np.float64)


def as_field(value: Any, n: int, name: str, length: int | None = None, allow_nan: bool = False) -> Array:
    """Extra data of ``n`` objects (``point_data``, ``query_data``) as a C-contiguous float32 or float64 array.

    :param length: None for one number an object, giving shape ``(n,)``; else the numbers of each, giving
        ``(n, length)``. For ``n == 1`` the object's own number or vector will do.
    :raises ArgumentError: if the shape differs or a value is not a finite number.

    >>> as_field([1, 2, 3], 3, "point_data['s']")
    array([1., 2., 3.], dtype=float32)
    """
    if isinstance(value, int | float):
        value = np.array([value])
    array, _ = to_array(value, name, f"numbers for each of {n} rows are needed: an array, a list or a tensor")
    wanted = (n,) if length is None else (n, length)
    fits = array.shape == wanted or array.shape == (n, 1 if length is None else length)
    alone = n == 1 and array.shape in ((), (length,))
    if not (fits or alone or (length == 1 and array.shape == (n,))):
        raise ArgumentError(f"{name} has shape {array.shape}; {wanted} is needed")
    rows = _to_storage(array.reshape(n, -1), name)
    if rows.dtype not in _FAST:
        rows = to_float(rows)
    rows = _contiguous(rows)
    if not allow_nan:
        where = find_non_finite(rows)
        if where is not None:
            place = where[0] if length is None else f"{where[0]}, {where[1]}"
            raise ArgumentError(f"{name}[{place}] is {shown(rows[where])}; only finite numbers are allowed")
    return rows.reshape(wanted)


def as_ids(value: Any, n: int, name: str = "ids", length: int | None = None, allow_none: bool = False) -> Array:
    """Row numbers from 0 to ``n - 1`` as a C-contiguous int64 array of one dimension. Repeats are fine.

    :param length: how many are needed; None for any number.
    :param allow_none: accept -1, "none", as well.
    :raises ArgumentError: naming the first number out of range (negative ones do not count from the end).

    >>> as_ids({2, 0}, 3)
    array([0, 2])
    """
    if isinstance(value, set | frozenset | range):
        value = sorted(value) if not isinstance(value, range) else np.arange(value.start, value.stop, value.step)
    array, _ = to_array(
        [value] if isinstance(value, int) else value, name, "row numbers are needed: an array or a list"
    )
    if array.ndim != 1:
        raise ArgumentError(f"{name} has shape {array.shape}; one dimension is needed, of row numbers")
    if length is not None and array.size != length:
        raise ArgumentError(f"{name} has {array.size} row numbers; {length} are needed")
    if not array.size:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"{name} is of type {array.dtype}; whole numbers are needed, from 0 to {n - 1}")
    wrong = (array < (-1 if allow_none else 0)) | (array >= n)
    if wrong.any():
        first = int(wrong.argmax())
        also = " or -1" if allow_none else ""
        raise ArgumentError(f"{name}[{first}] is {array[first]}; row numbers from 0 to {n - 1}{also} are allowed")
    return np.ascontiguousarray(array, np.int64)


def as_filter(n: int, *, allow: Any = None, deny: Any = None) -> Array | None:
    """The rows a search may return, as bits: row ``i`` is bit ``i % 8`` of byte ``i // 8`` of a uint8 array.

    ``allow`` and ``deny`` are each row numbers or a mask of ``n`` booleans; given both, a row must be in ``allow`` and
    not in ``deny``. None if neither is given: every row may be returned.

    >>> as_filter(10, allow=[0, 9]).tolist()
    [1, 2]
    >>> as_filter(10, deny=[0, 9]).tolist()
    [254, 1]
    """
    if allow is None and deny is None:
        return None
    chosen = np.ones(n, np.bool_) if allow is None else _mask(allow, n, "allow")
    if deny is not None:
        chosen = chosen & ~_mask(deny, n, "deny")
    return np.packbits(chosen, bitorder="little")


def _mask(value: Any, n: int, name: str) -> Array:
    """Row numbers or a mask, as a mask."""
    if isinstance(value, set | frozenset | range | int):
        value = as_ids(value, n, name)
    array, _ = to_array(value, name, f"row numbers or a mask of {n} booleans are needed: an array, a list or a set")
    if array.dtype == np.bool_:
        if array.shape != (n,):
            raise ArgumentError(f"{name} is a mask of shape {array.shape}; ({n},) is needed, one boolean a row")
        return array
    mask = np.zeros(n, np.bool_)
    mask[as_ids(array, n, name)] = True
    return mask


def aligned(size: int, boundary: int) -> Array:
    """So many bytes of memory that begin at a multiple of ``boundary``."""
    memory = np.empty(size + boundary, np.uint8)
    begin = -memory.__array_interface__["data"][0] % boundary
    return memory[begin : begin + size]
