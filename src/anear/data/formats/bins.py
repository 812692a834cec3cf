"""fbin, u8bin, i8bin, ibin: number of rows and of columns as uint32, then the matrix (big-ann-benchmarks.com).

A gold standard in ``.ibin`` may have the distances behind the ids; those are left alone. Everything is little-endian.
"""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path

import numpy as np

from anear.data.dataset import Dataset, Request
from anear.data.files import Input
from anear.data.formats import Format
from anear.data.types.dense import Array
from anear.errors import ArgumentError

__all__ = ["FORMATS"]


def _read(dtype: str, request: Request) -> Dataset:
    with Input(request) as file:
        count, width = struct.unpack("<II", file.header(8))
        if not count or not width:
            file.fail(f"its header speaks of {count} rows of {width} values", 0)
        what = f"{count} rows of {width} values"
        bytes_needed = count * width * np.dtype(dtype).itemsize
        with_distances = dtype == "<i4" and not file.packed and file.bound - 8 == 2 * bytes_needed
        if with_distances:
            file.bound -= bytes_needed
        rows = file.matrix(dtype, (count, width), what, request.span(count))
    return Dataset(rows, source=request.source)


def _write(dtype: str, path: Path, rows: Array) -> None:
    wanted = np.dtype(dtype)
    if rows.ndim != 2 or not rows.size or max(rows.shape) >= 2**32 or not np.can_cast(rows.dtype, wanted, "same_kind"):
        raise ArgumentError(f"rows ({rows.shape} of {rows.dtype}) cannot be written as {wanted} rows")
    with path.open("wb") as file:
        file.write(struct.pack("<II", *rows.shape))
        file.write(np.ascontiguousarray(rows, wanted).tobytes())


def _never(first: bytes) -> bool:
    """Two numbers look like anything: the name of the file has to tell."""
    return False


FORMATS = tuple(
    Format(
        name,
        f"a matrix of {np.dtype(dtype)} after its two sizes",
        (f".{name}",),
        partial(_read, dtype),
        _never,
        partial(_write, dtype),
    )
    for name, dtype in (("fbin", "<f4"), ("u8bin", "|u1"), ("i8bin", "|i1"), ("ibin", "<i4"))
)
