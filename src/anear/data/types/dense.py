"""Dense vectors: rows of a C-contiguous matrix in one of six storage types.

NumPy has no bfloat16 of its own. An array of bfloat16 is either one of ``ml_dtypes.bfloat16`` or one of
:data:`BFLOAT16_BITS`, a record of one field that holds the 16 bits: unlike plain ``uint16`` it can be mistaken for
nothing else, survives slicing, copying and ``.npy`` files, and needs no further package.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias

import numpy as np

from anear.errors import ArgumentError

__all__ = [
    "BFLOAT16_BITS",
    "MAX_ROWS",
    "NOBODY",
    "STORAGE_TYPES",
    "Array",
    "PointIds",
    "arithmetic_name",
    "bits",
    "find_non_finite",
    "from_bfloat16_bits",
    "point_ids",
    "storage_name",
    "to_float",
]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

STORAGE_TYPES = ("float64", "float32", "float16", "bfloat16", "int8", "uint8")

BFLOAT16_BITS = np.dtype([("bfloat16", np.uint16)])

# Row numbers have 32 bits in the core; the last ones are spare (rows of padding, "no row").
MAX_ROWS = 2**32 - 2**20

# Row numbers as the core takes them; the largest says "none".
PointIds: TypeAlias = np.ndarray[Any, np.dtype[np.uint32]]
NOBODY = 2**32 - 1

# dtype -> name, but for ml_dtypes' bfloat16, whose dtype nobody can name without importing that package.
NATIVE = {np.dtype(name): name for name in STORAGE_TYPES if name != "bfloat16"} | {BFLOAT16_BITS: "bfloat16"}

# All bits of the exponent: a value with all of them set is NaN or infinite.
_EXPONENT = {"float16": 0x7C00, "bfloat16": 0x7F80}

# Elements looked at in one go: 4 MB of float32. The loop around it is where Ctrl-C gets its turn.
_PIECE: Final = 8192
_CHUNK = 1 << 20


def storage_name(array: Array) -> str:
    """The storage type of ``array``, e.g. ``"float32"``; :class:`ArgumentError` when its dtype is none of the six.

    >>> storage_name(np.zeros((2, 3), np.float32))
    'float32'
    """
    name = NATIVE.get(array.dtype)
    if name is None:
        if is_bfloat16(array.dtype):
            return "bfloat16"
        raise ArgumentError(f"dtype {array.dtype} is not a storage type; allowed are {', '.join(STORAGE_TYPES)}")
    return name


def point_ids(rows: Array) -> PointIds:
    """Row numbers as the core takes them: -1, which says "none", becomes :data:`NOBODY`.

    >>> point_ids(np.array([7, -1]))
    array([         7, 4294967295], dtype=uint32)
    """
    return rows.astype(np.uint32)


def arithmetic_name(storage: str) -> str:
    """The type that distances between rows of ``storage`` are computed in: float64 for float64, else float32."""
    return "float64" if storage == "float64" else "float32"


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether ``dtype`` is bfloat16 in native byte order, be it ml_dtypes' or :data:`BFLOAT16_BITS`."""
    return dtype == BFLOAT16_BITS or (dtype.name == "bfloat16" and dtype.itemsize == 2)


def from_bfloat16_bits(raw: Array) -> Array:
    """A bfloat16 array over the memory of ``raw``, a uint16 (or int16) array of the bits; nothing is copied.

    The result has dtype ``ml_dtypes.bfloat16`` where that package is at hand (then NumPy can compute with it), else
    :data:`BFLOAT16_BITS`.
    """
    if raw.dtype.itemsize != 2 or raw.dtype.kind not in "iu" or not raw.dtype.isnative:
        raise ArgumentError(f"raw has dtype {raw.dtype}; the bits of bfloat16 come as native uint16 or int16")
    try:
        import ml_dtypes
    except ImportError:
        return raw.view(BFLOAT16_BITS)
    return raw.view(ml_dtypes.bfloat16)


def bits(array: Array) -> Array:
    """``array`` as the core takes it: bfloat16 as a uint16 view, all else as it is."""
    return array.view(np.uint16) if is_bfloat16(array.dtype) else array


def to_float(array: Array) -> Array:
    """``array`` in its arithmetic type, exactly: float64 and float32 as they are, all else as a float32 copy.

    >>> to_float(np.array([[1, 2]], np.uint8)).dtype
    dtype('float32')
    """
    storage = storage_name(array)
    if storage in ("float64", "float32"):
        return array
    if storage == "bfloat16":
        return (bits(array).astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def is_finite(rows: Array) -> bool:
    """Whether ``rows`` (C-contiguous, of a storage type) surely has neither NaN nor infinity.

    The sum of squares is finite only if every value is, and BLAS makes it in one pass without a temporary. False can
    also mean that it overflowed: :func:`find_non_finite` then looks value by value. ``vdot`` rather than ``dot``
    because the latter warns of overflow; in pieces too small for BLAS to start threads, which spin on afterwards.
    """
    if rows.size <= _PIECE:
        return math.isfinite(np.vdot(rows, rows))
    flat = rows.reshape(-1)
    pieces = (flat[start : start + _PIECE] for start in range(0, flat.size, _PIECE))
    return all(math.isfinite(np.vdot(piece, piece)) for piece in pieces)


def find_non_finite(rows: Array) -> tuple[int, int] | None:
    """(row, column) of the first NaN or infinity of a C-contiguous matrix of a storage type; None if there is none.

    >>> find_non_finite(np.array([[1.0, 2.0], [3.0, np.nan]]))
    (1, 1)
    """
    if rows.dtype.kind in "iu":
        return None
    storage = storage_name(rows)
    exponent = _EXPONENT.get(storage)
    flat = bits(rows).reshape(-1)
    if exponent is not None:
        flat = flat.view(np.uint16)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        if exponent is None and is_finite(part):
            continue
        bad = ~np.isfinite(part) if exponent is None else (part & exponent) == exponent
        first = int(bad.argmax())
        if bad[first]:
            row, column = divmod(start + first, rows.shape[1])
            return row, column
    return None


def shown(value: Any) -> str:
    """A number of any storage type as error messages show it."""
    if isinstance(value, np.void):
        value = to_float(np.array([value], BFLOAT16_BITS))[0]
    return repr(float(value))
