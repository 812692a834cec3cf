"""fvecs, bvecs, ivecs: each row is its dimension as an int32, then its values (corpus-texmex.irisa.fr).

The dimension is written again in every row; all must agree. Everything is little-endian.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np

from anear.data.dataset import Dataset, Request
from anear.data.files import CHUNK, Input
from anear.data.formats import Format
from anear.data.types.dense import Array
from anear.errors import ArgumentError

__all__ = ["FORMATS"]


def _read(dtype: str, request: Request) -> Dataset:
    with Input(request) as file:
        first = file.read(4)
        if len(first) < 4:
            file.fail(f"has {len(first)} bytes; a row begins with its dimension in 4")
        width = int.from_bytes(first, "little", signed=True)
        item = np.dtype(dtype).itemsize
        row = 4 + width * item
        if width < 1:
            file.fail(f"the first row says that its dimension is {width}", 0)
        if row - 4 > file.bound - 4:
            file.fail(f"the first row says that its dimension is {width}, which needs more bytes than the file has", 0)
        if not file.packed:
            return _read_plain(file, request, dtype, width)
        return _read_packed(file, request, dtype, width)


def _read_plain(file: Input, request: Request, dtype: str, width: int) -> Dataset:
    """The number of rows follows from the size of the file, so that rows can be sought and memory allocated once."""
    item = np.dtype(dtype).itemsize
    size = 4 + width * item
    count, rest = divmod(file.bound, size)
    if rest:
        file.fail(
            f"has {file.bound} bytes, no multiple of the {size} that a row of dimension {width} takes: truncated, or "
            f"rows of other dimensions"
        )
    start, stop = request.span(count)
    rows = file.allocate(dtype, (stop - start, width), "its rows")
    file.skip(start * size - 4)
    step = max(1, CHUNK // size)
    for begin in range(start, stop, step):
        end = min(stop, begin + step)
        raw = np.empty((end - begin, size), np.uint8)
        file.fill(raw, "its rows")
        _take(file, raw, rows[begin - start : end - start], begin)
    return Dataset(_native(rows), source=request.source)


def _read_packed(file: Input, request: Request, dtype: str, width: int) -> Dataset:
    """Row after row as they are unpacked: nobody knows how many there are."""
    size = 4 + width * np.dtype(dtype).itemsize
    parts: list[Array] = []
    count = 0
    pending = width.to_bytes(4, "little")
    while request.stop is None or count < request.stop:
        data = file.read(max(CHUNK, size))
        pending += data
        whole = len(pending) // size
        if not data and pending:
            file.fail(f"ends inside row {count}: truncated", file.position)
        if not data:
            break
        raw = np.frombuffer(pending, np.uint8, whole * size).reshape(whole, size)
        part = np.empty((whole, width), dtype)
        _take(file, raw, part, count)
        parts.append(part)
        pending = pending[whole * size :]
        count += whole
    start, stop = request.span(count)
    return Dataset(_native(np.concatenate(parts)[start:stop]), source=request.source)


def _take(file: Input, raw: Array, rows: Array, first: int) -> None:
    """Raw rows into ``rows``, once their dimensions are seen to agree; ``first`` is the number of the first."""
    widths = raw[:, :4].copy().view("<i4")[:, 0]
    wrong = widths != rows.shape[1]
    if wrong.any():
        number = int(wrong.argmax())
        at = (first + number) * raw.shape[1]
        file.fail(f"row {first + number} says that its dimension is {widths[number]}, row 0 {rows.shape[1]}", at)
    rows.view(np.uint8)[...] = raw[:, 4:]


def _native(rows: Array) -> Array:
    return rows if sys.byteorder == "little" else rows.byteswap().view(rows.dtype.newbyteorder())


def _write(dtype: str, path: Path, rows: Array) -> None:
    if rows.ndim != 2 or not rows.size or (dtype[1] != "f" and not _fits(rows, dtype)):
        raise ArgumentError(f"rows ({rows.shape} of {rows.dtype}) cannot be written as {np.dtype(dtype)} rows")
    count, width = rows.shape
    item = np.dtype(dtype).itemsize
    step = max(1, CHUNK // (4 + width * item))
    with path.open("wb") as file:
        for begin in range(0, count, step):
            part = np.ascontiguousarray(rows[begin : begin + step], dtype)
            raw = np.empty((len(part), 4 + width * item), np.uint8)
            raw[:, :4] = np.frombuffer(width.to_bytes(4, "little"), np.uint8)
            raw[:, 4:] = part.view(np.uint8)
            file.write(raw.tobytes())


def _fits(rows: Array, dtype: str) -> bool:
    limits = np.iinfo(dtype)
    return rows.dtype.kind in "iub" and int(rows.min()) >= limits.min and int(rows.max()) <= limits.max


def _never(first: bytes) -> bool:
    """A dimension and some numbers look like anything: the name of the file has to tell."""
    return False


FORMATS = tuple(
    Format(
        name,
        f"rows of {kind}, each with its dimension before it",
        (f".{name}",),
        partial(_read, dtype),
        _never,
        partial(_write, dtype),
    )
    for name, kind, dtype in (("fvecs", "float32", "<f4"), ("bvecs", "uint8", "|u1"), ("ivecs", "int32", "<i4"))
)
