"""Bytes of files: plain, memory mapped or through gzip, with progress, and errors that say file, what and where.

A reader asks :class:`Input` whether what a header promises can be in the file *before* it allocates memory for it.
"""

from __future__ import annotations

import gzip
import math
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np

from anear.data.dataset import Progress, Request
from anear.data.types.dense import Array
from anear.errors import ArgumentError, Cancelled, FileFormatError

__all__ = ["CHUNK", "DEFLATE_RATIO", "HEAD", "Input", "Meter", "head", "is_gzip"]

# DEFLATE cannot pack better than this (258 bytes into 2 bits), so a promise of more is a lie.
DEFLATE_RATIO = 1032

CHUNK = 1 << 22

# How much of a file is looked at to tell its format.
HEAD = 4096


class Meter:
    """Passes progress on at most ten times a second, and the wish to cancel back."""

    def __init__(self, progress: Progress | None, total: int, what: str) -> None:
        self._progress = progress
        self._total = total
        self._what = what
        self._next = 0.0

    def show(self, done: int) -> None:
        """Report ``done``; Cancelled if the callback asked to stop."""
        if self._progress is None or (done < self._total and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + 0.1
        if self._progress(min(done, self._total), self._total) is False:
            raise Cancelled(f"reading {self._what} was cancelled")


class Input:
    """A file open for reading, unpacked on the way if it is gzip.

    :ivar bound: an upper bound of the bytes that can be read from it, the exact number if it is not packed.
    """

    def __init__(self, request: Request) -> None:
        self.path = request.path
        try:
            self._raw: BinaryIO = self.path.open("rb")
        except OSError as error:
            raise ArgumentError(f"{self.path} cannot be opened: {error.strerror}") from None
        size = self.path.stat().st_size
        self.packed = self._raw.read(2) == b"\x1f\x8b"
        self._raw.seek(0)
        self._file: BinaryIO = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if self.packed else self._raw
        self._limit = request.unpacked_limit
        self.bound = size * DEFLATE_RATIO if self.packed else size
        self.position = 0
        self._meter = Meter(request.progress, size, self.path.name)

    def __enter__(self) -> Input:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    def fail(self, what: str, at: int | None = None) -> NoReturn:
        """Raise FileFormatError: the file, what is wrong, and the byte at which."""
        place = "" if at is None else f" (at byte {at}{' of the unpacked file' if self.packed else ''})"
        raise FileFormatError(f"{self.path}: {what}{place}")

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes, fewer only at the end of the file."""
        try:
            data = self._file.read(count)
        except (EOFError, zlib.error, OSError) as error:
            self.fail(f"cannot be read further: {error}", self.position)
        self.position += len(data)
        if self.packed and self.position > self._limit:
            self.fail(f"unpacks to more than {self._limit} bytes, the limit (unpacked_limit)")
        self._meter.show(self._raw.tell())
        return data

    def chunks(self) -> Iterator[bytes]:
        """The rest of the file in pieces."""
        while data := self.read(CHUNK):
            yield data

    def header(self, count: int) -> bytes:
        """Exactly ``count`` bytes from here on."""
        data = self.read(count)
        if len(data) < count:
            self.fail(f"the file ends after {self.position} bytes, inside its header of {count}")
        return data

    def require(self, count: int, what: str, exact: bool = True) -> None:
        """Refuse ``what``, which needs ``count`` bytes after the current place, if the file cannot hold it.

        :param exact: refuse as well if the file surely holds more.
        """
        there = self.bound - self.position
        if count > there:
            kind = "can unpack to at most" if self.packed else "holds"
            self.fail(f"{what} need {count} bytes, but the file {kind} {there} after its header: truncated or damaged")
        if self.packed and self.position + count > self._limit:
            self.fail(
                f"{what} need {count} bytes, more than {self._limit}, the limit for packed files (unpacked_limit)"
            )
        if exact and not self.packed and count < there:
            self.fail(f"{what} need {count} bytes, but the file holds {there} after its header")

    def skip(self, count: int) -> None:
        """Go ``count`` bytes forward."""
        if self.packed:
            while count:
                data = self.read(min(count, CHUNK))
                if not data:
                    self.fail("the file ends early: truncated", self.position)
                count -= len(data)
        else:
            self.position = self._raw.seek(count, 1)

    def fill(self, array: Array, what: str) -> None:
        """Read into the whole of a C-contiguous array."""
        view = memoryview(cast(Any, array.reshape(-1).view(np.uint8)))
        done = 0
        while done < len(view):
            data = self.read(min(CHUNK, len(view) - done))
            if not data:
                self.fail(f"ends inside {what}: {len(view) - done} bytes are missing", self.position)
            view[done : done + len(data)] = data
            done += len(data)

    def end(self) -> None:
        """Refuse bytes after what was read; for packed files this is also where gzip checks its sum."""
        if self.read(1):
            self.fail("goes on after the last value its header speaks of", self.position - 1)

    def matrix(self, dtype: Any, shape: tuple[int, ...], what: str, rows: tuple[int, int]) -> Array:
        """Rows ``rows[0]`` to ``rows[1]`` of an array that begins here and ends the file; mapped unless packed."""
        dtype = np.dtype(dtype)
        self.require(math.prod(shape) * dtype.itemsize, what)
        start, stop = rows
        taken = (stop - start, *shape[1:])
        row = math.prod(shape[1:]) * dtype.itemsize
        if not self.packed:
            offset = self.position + start * row
            if 0 in taken:
                return np.empty(taken, dtype)
            return np.asarray(np.memmap(self.path, dtype, "r", offset, taken))
        self.skip(start * row)
        array = self.allocate(dtype, taken, what)
        self.fill(array, what)
        if stop == shape[0]:
            self.end()
        return array

    def allocate(self, dtype: Any, shape: tuple[int, ...], what: str) -> Array:
        """An array to be filled; FileFormatError if this machine has not that much memory."""
        try:
            return np.empty(shape, dtype)
        except (MemoryError, ValueError):
            self.fail(f"{what} do not fit into memory: {shape} of {np.dtype(dtype)}")


def is_gzip(path: Path) -> bool:
    """Whether the file begins as gzip files do."""
    return head(path, unpack=False)[:2] == b"\x1f\x8b"


def head(path: Path, count: int = HEAD, unpack: bool = True) -> bytes:
    """The first bytes of a file, unpacked if it is gzip; what can be read of them if it is damaged."""
    try:
        with path.open("rb") as file:
            data = file.read(count)
    except OSError as error:
        raise ArgumentError(f"{path} cannot be opened: {error.strerror}") from None
    if unpack and data[:2] == b"\x1f\x8b":
        try:
            return zlib.decompressobj(wbits=31).decompress(data, count)
        except zlib.error:
            return b""
    return data
