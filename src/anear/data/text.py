"""Numbers in lines of text, read a few megabytes at a time without a Python loop over numbers.

A block of whole lines is cut into tokens by NumPy; the tokens become float64 through Arrow's parser where pyarrow is
installed (13 million a second on one core), else through NumPy's (5 million). Both round correctly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from anear.data.files import Input
from anear.data.types.dense import Array

__all__ = ["NUMBER", "Block", "Collector", "blocks"]

NUMBER = re.compile(rb"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|infinity|nan)", re.IGNORECASE)

# No matrix has such lines; without a limit a file without line ends would be held in memory several times over.
_LONGEST_LINE = 1 << 26

# Importing pyarrow takes as long as NumPy takes for this many bytes.
_WORTH_ARROW = 1 << 20


def blocks(file: Input) -> Iterator[tuple[bytes, int]]:
    """The file as blocks of whole lines, each with the number of its first line, from 1 on. A BOM is left out."""
    pending: list[bytes] = []
    length, line = 0, 1
    for data in file.chunks():
        if line == 1 and not pending:
            data = data.removeprefix(b"\xef\xbb\xbf")
        cut = data.rfind(b"\n") + 1
        if not cut:
            pending.append(data)
            length += len(data)
            if length > _LONGEST_LINE:
                file.fail(f"line {line} is longer than {_LONGEST_LINE} bytes: not a text file of numbers")
            continue
        block = _checked(file, b"".join([*pending, data[:cut]]), line)
        yield block, line
        line += block.count(b"\n")
        pending, length = [data[cut:]], len(data) - cut
    rest = b"".join(pending)
    if rest:
        yield _checked(file, rest + b"\n", line), line


def _checked(file: Input, block: bytes, line: int) -> bytes:
    """Refuse carriage returns that end lines by themselves: all rows would be read as one."""
    if block.count(b"\r") != block.count(b"\r\n"):
        line += re.split(rb"\r(?!\n)", block, maxsplit=1)[0].count(b"\n")
        file.fail(f"line {line} has a carriage return before its end; lines must end in \\n or \\r\\n")
    return block


class Block:
    """Whole lines cut into tokens.

    :ivar starts: where each token begins in ``text``, and :ivar ends: where it ends.
    :ivar lines: the index of each line that has tokens, and :ivar first: its first token, and :ivar counts: how many.
    """

    def __init__(self, file: Input, text: bytes, line: int, separators: bytes) -> None:
        self.file, self.text, self.line = file, text, line
        self.bytes = np.frombuffer(text, np.uint8)
        space = np.zeros(256, np.bool_)
        space[list(separators + b"\n\r")] = True
        self.inside = ~space[self.bytes]
        # Lines end with a separator, so each token has both its edges.
        edges = np.flatnonzero(np.diff(self.inside, prepend=False))
        self.starts, self.ends = edges[::2], edges[1::2]
        self.line_ends = np.flatnonzero(self.bytes == 10)
        counts = np.diff(np.searchsorted(self.starts, self.line_ends), prepend=0)
        self.lines = np.flatnonzero(counts)
        self.counts = counts[self.lines]
        self.first = np.cumsum(self.counts) - self.counts

    def fail(self, index: int, what: str) -> NoReturn:
        """FileFormatError about the line of that index in this block."""
        self.file.fail(f"line {self.line + index} {what}")

    def line_start(self, index: Array) -> Array:
        """Where the lines of these indices begin."""
        return np.where(index > 0, self.line_ends[index - 1] + 1, 0)

    def count(self, byte: int) -> Array:
        """How often ``byte`` occurs in each line that has tokens."""
        before = np.searchsorted(np.flatnonzero(self.bytes == byte), self.line_ends)
        return np.diff(before, prepend=0)[self.lines]

    def check_counts(self, counts: Array, width: int) -> None:
        """Refuse the first line that has not ``width`` values."""
        wrong = counts != width
        if wrong.any():
            index = int(wrong.argmax())
            self.fail(int(self.lines[index]), f"has {counts[index]} values; {width} are needed, as in the first")

    def numbers(self, tokens: Array | None = None) -> Array:
        """The tokens of these indices (in order; None: all) as float64."""
        inside, starts, ends = self.inside, self.starts, self.ends
        if tokens is not None:
            starts, ends = starts[tokens], ends[tokens]
            change = np.zeros(len(self.bytes) + 1, np.int8)
            change[starts], change[ends] = 1, -1
            inside = np.cumsum(change[:-1], dtype=np.int8).view(np.bool_)
        values = self._by_arrow(inside, starts, ends)
        if values is None:
            values = self._by_numpy(inside, len(starts))
        if values is None:
            self._blame(starts, ends)
        return values

    def _by_arrow(self, inside: Array, starts: Array, ends: Array) -> Array | None:
        """All tokens behind each other are an Arrow array of strings, which Arrow can cast."""
        if len(self.bytes) < _WORTH_ARROW:
            return None
        try:
            import pyarrow
        except ImportError:
            return None
        offsets = np.zeros(len(starts) + 1, np.int32)
        np.cumsum(ends - starts, out=offsets[1:])
        packed = np.compress(inside, self.bytes)
        strings = pyarrow.StringArray.from_buffers(len(starts), pyarrow.py_buffer(offsets), pyarrow.py_buffer(packed))
        try:
            values: Array = strings.cast(pyarrow.float64()).to_numpy()
        except pyarrow.ArrowInvalid:
            return None
        return values

    def _by_numpy(self, inside: Array, count: int) -> Array | None:
        if not count:
            return np.empty(0)
        try:
            values = np.fromstring(np.where(inside, self.bytes, np.uint8(32)).tobytes(), np.float64, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
        return values if len(values) == count else None

    def _blame(self, starts: Array, ends: Array) -> NoReturn:
        """FileFormatError about the first token that is no number."""
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if not NUMBER.fullmatch(self.text, start, end):
                index = int(np.searchsorted(self.line_ends, start))
                column = start - int(self.line_start(np.array([index]))[0]) + 1
                shown = self.text[start : min(end, start + 40)].decode("utf-8", "replace")
                self.fail(index, f"has {shown!r} at column {column}, which is not a number")
        self.fail(0, "or a later one has a number in a notation that is not understood")


class Collector:
    """Gathers rows from blocks until enough are there."""

    def __init__(self, stop: int | None) -> None:
        self._parts: list[Array] = []
        self._stop = stop
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether all rows that were asked for are here."""
        return self._stop is not None and self._count >= self._stop

    def add(self, rows: Array) -> None:
        """More rows, copied."""
        self._parts.append(rows)
        self._count += len(rows)

    def __len__(self) -> int:
        return self._count

    def join(self) -> Array:
        """All rows as one array."""
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
