"""Anything that holds numbers, as a NumPy array over the same memory where that is possible.

Knows lists, frames, and whatever speaks DLPack, ``__array__`` or the buffer protocol. What it gives may still have any
shape and any dtype; :mod:`anear.data.arrays` judges those.
"""

from __future__ import annotations

import numbers
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from anear.data.frames import frame_matrix, is_frame
from anear.data.types.dense import Array, from_bfloat16_bits
from anear.errors import ArgumentError

__all__ = ["to_array"]

_ROWS = "a 2-D array of numbers is needed: NumPy, a list of lists, a frame or a tensor"

# DLPack's device types whose memory the CPU can read: CPU, CUDA pinned, ROCm pinned, CUDA managed.
_CPU_DEVICES = (1, 3, 11, 13)

_DEVICES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 14: "oneAPI", 15: "WebGPU"}


def to_array(value: Any, name: str, needed: str = _ROWS) -> tuple[Array, list[str] | None]:
    """``value`` as an array, and the names of its columns if it has any. :class:`ArgumentError` says why not.

    ``needed`` says what would have been right, in an error about something that holds no numbers at all.
    """
    if isinstance(value, np.ndarray):
        array, columns = _without_mask(value, name), None
    elif isinstance(value, list | tuple):
        array, columns = _from_sequence(value, name), None
    elif hasattr(value, "tocsr") and hasattr(value, "nnz"):
        raise ArgumentError(
            f"{name} is a sparse matrix ({type(value).__name__}); only dense rows are supported so far: "
            f"{name}.toarray() makes them"
        )
    elif is_frame(value):
        array, columns = frame_matrix(value, name)
    else:
        array, columns = _from_protocol(value, name, needed), None
    if array.dtype == object:
        array = _from_objects(array, name, columns)
    return array, columns


def _without_mask(value: Array, name: str) -> Array:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        where = np.unravel_index(int(np.ma.getmaskarray(value).argmax()), value.shape)
        raise ArgumentError(f"{name}{_place(where)} is masked; fill missing values first")
    return np.asarray(value)


def _from_sequence(value: Sequence[Any], name: str) -> Array:
    """Lists of numbers, lists of lists, lists of arrays."""
    try:
        array = np.array(value)
    except (ValueError, TypeError) as error:
        raise ArgumentError(_ragged(value, name) or f"{name} is no matrix of numbers: {error}") from None
    if array.dtype.kind in "USMm" or array.dtype == object:
        array = np.empty(array.shape, object)
        array[...] = value
    return array


def _ragged(value: Sequence[Any], name: str) -> str | None:
    """The message about the first row that does not fit the first one; None if all fit."""
    width = None
    for number, row in enumerate(value):
        if not hasattr(row, "__len__") or isinstance(row, str | bytes):
            return f"{name}[{number}] is {_short(row)}, not a row of numbers"
        if width is None:
            width = len(row)
        elif len(row) != width:
            return f"{name} is ragged: row {number} has {len(row)} values, row 0 has {width}; all need the same number"
    for number, row in enumerate(value):
        for column, entry in enumerate(row):
            if not isinstance(entry, numbers.Real | np.bool_):
                return f"{name}[{number}, {column}] is {_short(entry)}, not a number"
    return None


def _from_objects(array: Array, name: str, columns: list[str] | None) -> Array:
    """An array of Python objects: of numbers, or a column whose entries are rows (as embeddings are often kept)."""
    if array.ndim == 1 and array.size and all(hasattr(row, "__len__") and not isinstance(row, str) for row in array):
        return _from_sequence(list(array), name)
    for where, entry in np.ndenumerate(array):
        if not isinstance(entry, numbers.Real | np.bool_):
            place = f"{name}{_place(where)}"
            if columns is not None:
                place += f" (column {columns[where[-1]]!r})"
            missing = entry is None or type(entry).__name__ in ("NAType", "NaTType")
            raise ArgumentError(f"{place} is {'missing' if missing else _short(entry) + ', not a number'}")
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise ArgumentError(f"{name} holds a whole number beyond the range of float64") from None


def _from_protocol(value: Any, name: str, needed: str) -> Array:
    """Tensors and whatever else offers its memory."""
    if isinstance(value, str | bytes | bytearray):
        files = " (anear.read reads files)" if needed == _ROWS else ""
        raise ArgumentError(f"{name} is {_short(value)}; {needed}{files}")
    _refuse_device(value, name)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _from_torch(value, torch, name)
    try:
        if hasattr(value, "__array__") or isinstance(value, memoryview) or type(value).__module__ == "array":
            return np.asarray(value)
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise ArgumentError(f"{name} ({_kind(value)}) does not turn into a NumPy array: {error}") from None
    raise ArgumentError(f"{name} is {_short(value)}; {needed}")


def _refuse_device(value: Any, name: str) -> None:
    """An error for memory that the CPU cannot read, rather than a slow copy nobody asked for."""
    ask = getattr(value, "__dlpack_device__", None)
    if ask is None:
        return
    try:
        kind, number = ask()
    except (TypeError, ValueError, RuntimeError, BufferError):
        return  # a tensor that cannot be exported (sparse, quantized); NumPy's own attempt gives the reason
    if int(kind) not in _CPU_DEVICES:
        device = _DEVICES.get(int(kind), f"DLPack device type {int(kind)}")
        raise ArgumentError(
            f"{name} ({_kind(value)}) is in the memory of {device} device {number}; "
            "copy it to the CPU first, e.g. with .cpu(), .get() or jax.device_get"
        )


def _from_torch(value: Any, torch: Any, name: str) -> Array:
    """A tensor's memory. NumPy has no bfloat16 and torch therefore does not export it: the bits are taken instead."""
    value = value.detach()
    try:
        if value.dtype == torch.bfloat16:
            return from_bfloat16_bits(np.asarray(value.view(torch.int16)))
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"{name} ({_kind(value)}) does not turn into a NumPy array: {error}") from None


def _place(where: tuple[Any, ...]) -> str:
    return f"[{', '.join(str(int(number)) for number in where)}]" if where else ""


def _kind(value: Any) -> str:
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"


def _short(value: Any) -> str:
    """An object for an error message: its type, and what it is if that is short."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
