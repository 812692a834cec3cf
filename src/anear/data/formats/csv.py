"""CSV and TSV: a row a line, a header or not. Numbers need no further package, text in quotes or columns pyarrow.

Values become float32 where that loses nothing, else float64. A first column whose header is empty is left out: pandas
writes its row numbers there.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from anear.data.columns import Columns, Gathered, column_number, need
from anear.data.dataset import Dataset, Request
from anear.data.files import Input, head
from anear.data.formats import Format
from anear.data.text import NUMBER, Block, Collector, blocks
from anear.data.types.dense import Array
from anear.errors import ArgumentError, FileFormatError

__all__ = ["FORMATS"]

# Where the file's name says nothing of the delimiter, the most frequent of these in the first line is it.
_DELIMITERS = (b",", b"\t", b";", b"|")

# How much is looked at to find the first two lines, and quotes.
_START = 1 << 22

# The longest row that Arrow has to read.
_ROW = 1 << 24


class _Layout(NamedTuple):
    """What the first two lines tell.

    :ivar skip: the number of lines before the first row.
    :ivar text: whether a column that is wanted holds text.
    """

    delimiter: bytes
    skip: int
    columns: Columns
    text: bool


def _read(delimiters: tuple[bytes, ...], request: Request) -> Dataset:
    layout = _layout(request, delimiters)
    return _read_text(request, layout) if layout.text else _read_numbers(request, layout)


def _layout(request: Request, delimiters: tuple[bytes, ...]) -> _Layout:
    start = head(request.path, _START).removeprefix(b"\xef\xbb\xbf")
    skipped, lines = _first_lines(start)
    if not lines:
        raise FileFormatError(f"{request.path}: holds no rows")
    delimiter = max(delimiters, key=lines[0].count)
    quoted = b'"' in start
    rows = [[field.strip().strip(b'"') for field in line.split(delimiter)] for line in lines]
    first = rows[0]
    header = _is_header(first, rows[-1], request)
    sample = rows[-1] if header else first
    if header and len(rows) < 2:
        raise FileFormatError(f"{request.path}: has a header but no rows")
    names = [field.decode("utf-8", "replace") if header else str(n) for n, field in enumerate(first)]
    label = column_number(names, request.label, "label", request)
    name = column_number(names, request.name, "name", request)
    index_column = 0 if header and not first[0] else None  # pandas' row numbers have no name
    numbers = [index for index in range(len(names)) if index not in (label, name, index_column)]
    for index in numbers:
        if index < len(sample) and not quoted and not _is_number(sample[index]):
            shown = sample[index][:40].decode("utf-8", "replace")
            raise ArgumentError(
                f"{request.path}: column {names[index]!r} holds {shown!r}, not numbers; "
                "if it is the labels or the names, say so (label=, name=)"
            )
    if not numbers:
        raise FileFormatError(f"{request.path}: has no columns of numbers")
    classes_are_text = label is not None and label < len(sample) and not _is_number(sample[label])
    index_is_text = index_column is not None and not _is_number(sample[0])
    text = quoted or name is not None or classes_are_text or index_is_text
    return _Layout(delimiter, skipped + header, Columns(names, numbers, False, label, name), text)


def _first_lines(start: bytes) -> tuple[int, list[bytes]]:
    """How many empty lines come first, and then up to two lines that are not empty."""
    skipped, lines = 0, list[bytes]()
    while start and len(lines) < 2:
        line, _, start = start.partition(b"\n")
        if line.strip():
            lines.append(line.rstrip(b"\r"))
        elif not lines:
            skipped += 1
    return skipped, lines


def _is_header(first: list[bytes], second: list[bytes], request: Request) -> bool:
    """Whether the first line names the columns.

    It does if it has text where the second line has numbers, if it has no number at all, if it has the name of a column
    that was asked for, or if it counts 0, 1, 2, ... (as pandas does for columns without names).
    """
    if len(first) > 2 and first == [str(number).encode() for number in range(len(first))]:
        return True
    numbers = [_is_number(field) for field in first]
    if all(numbers):
        return False
    asked = [option.encode() for option in (request.label, request.name) if isinstance(option, str)]
    return (
        numbers != [_is_number(field) for field in second] or not any(numbers) or any(name in first for name in asked)
    )


def _is_number(field: bytes) -> bool:
    return NUMBER.fullmatch(field) is not None


def _read_numbers(request: Request, layout: _Layout) -> Dataset:
    width = len(layout.columns.names)
    rows = Collector(request.stop)
    with Input(request) as file:
        for text, line in blocks(file):
            for _ in range(layout.skip if line == 1 else 0):
                text, line = text.partition(b"\n")[2], line + 1
            rows.add(_narrow(_values(file, text, line, width, layout)))
            if rows.full:
                break
        if not len(rows):
            file.fail("holds no rows")
    start, stop = request.span(len(rows))
    values = rows.join()[start:stop]
    label = layout.columns.label
    labels = None
    if label is not None:
        labels = values[:, label].astype(np.float64)
        if (labels == np.floor(labels)).all() and (np.abs(labels) <= 2**53).all():
            labels = labels.astype(np.int64)
    if len(layout.columns.numbers) < width:
        values = _narrow(values[:, layout.columns.numbers])
    return Dataset(values, labels, source=request.source)


def _values(file: Input, text: bytes, line: int, width: int, layout: _Layout) -> Array:
    """One block as a float64 matrix."""
    spaces = b" " if layout.delimiter == b"\t" else b" \t"
    block = Block(file, text, line, layout.delimiter + spaces)
    if len(block.lines):
        between = block.count(layout.delimiter[0])
        wrong = between != width - 1
        if wrong.any():
            index = int(wrong.argmax())
            block.fail(
                int(block.lines[index]), f"has {between[index] + 1} columns; {width} are needed, as in the first"
            )
        empty = block.counts < width
        if empty.any():
            block.fail(int(block.lines[empty.argmax()]), "has an empty column; a number is needed")
        block.check_counts(block.counts, width)
    return block.numbers().reshape(-1, width)


def _narrow(values: Array) -> Array:
    """float32 if that loses nothing."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def _read_text(request: Request, layout: _Layout) -> Dataset:
    """Arrow's reader knows quotes, and keeps columns of text apart from those of numbers."""
    arrow = need("pyarrow", f"reading text columns of {request.path}")
    csv = need("pyarrow.csv", f"reading text columns of {request.path}")
    columns = layout.columns
    keys = [str(index) for index in range(len(columns.names))]
    types = {key: arrow.string() for key in keys} | {keys[index]: arrow.float64() for index in columns.numbers}
    gathered = Gathered(columns, request)
    with Input(request) as file:
        try:
            reader = csv.open_csv(
                arrow.PythonFile(_Stream(file), mode="r"),
                read_options=csv.ReadOptions(
                    column_names=keys, skip_rows=layout.skip, use_threads=False, block_size=_ROW
                ),
                parse_options=csv.ParseOptions(delimiter=layout.delimiter.decode()),
                convert_options=csv.ConvertOptions(
                    column_types=types, null_values=[], include_columns=[keys[index] for index in columns.used]
                ),
            )
            for batch in reader:
                gathered.add(batch)
                if gathered.full:
                    break
        except arrow.ArrowException as error:
            file.fail(re.sub(r"^In CSV column #(\d+)", _named(columns), str(error)))
    found = gathered.dataset()
    return Dataset(_narrow(found.rows), found.labels, found.names, found.source)


def _named(columns: Columns) -> Any:
    def replace(match: re.Match[str]) -> str:
        return f"in column {columns.names[int(match[1])]!r}"

    return replace


class _Stream:
    """An Input as the file object that Arrow asks for."""

    closed = False

    def __init__(self, file: Input) -> None:
        self._file = file

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing: who opened the Input closes it."""


def _sniff(first: bytes) -> bool:
    """Two lines with the same number (above one) of fields, numbers among them."""
    lines = first.splitlines()[:2]
    for delimiter in _DELIMITERS:
        fields = [line.split(delimiter) for line in lines]
        if len(fields) == 2 and len(fields[0]) == len(fields[1]) > 1:
            return any(_is_number(field.strip()) for field in fields[1])
    return False


FORMATS = (
    Format(
        "csv",
        "columns of numbers between commas (or ; or | or tabs)",
        (".csv",),
        partial(_read, _DELIMITERS),
        _sniff,
        labelled=True,
    ),
    Format(
        "tsv",
        "columns of numbers between tabs",
        (".tsv", ".tab"),
        partial(_read, (b"\t",)),
        lambda first: False,
        labelled=True,
    ),
)
