"""NMSLIB's dense text: a row a line, numbers between white space, an optional ``label:`` and whole number before them.

Commas and colons between numbers count as white space. Values are float32, as in NMSLIB.
"""

from __future__ import annotations

import re

import numpy as np

from anear.data.dataset import Dataset, Request
from anear.data.files import HEAD, Input
from anear.data.formats import Format
from anear.data.text import NUMBER, Block, Collector, blocks
from anear.data.types.dense import Array

__all__ = ["FORMATS"]

_LABEL = b"label:"
_BLANK = b"      "
_SEPARATORS = b" \t\v\f,:"
_FIRST = re.compile(rb"(label:[+-]?\d+)?(?=[\s,:]|$)")


def _read(request: Request) -> Dataset:
    with Input(request) as file:
        rows, labels = Collector(request.stop), Collector(request.stop)
        width = 0
        for text, line in blocks(file):
            width = _take(file, text, line, width, rows, labels)
            if rows.full:
                break
        if not len(rows):
            file.fail("holds no rows")
    start, stop = request.span(len(rows))
    classes = labels.join()[start:stop]
    return Dataset(rows.join()[start:stop], classes if (classes >= 0).any() else None, source=request.source)


def _take(file: Input, text: bytes, line: int, width: int, rows: Collector, labels: Collector) -> int:
    """One block's rows and labels (-1: none); gives the number of values of a row."""
    unlabelled = text.replace(b"\n" + _LABEL, b"\n" + _BLANK)
    if unlabelled.startswith(_LABEL):
        unlabelled = _BLANK + unlabelled[len(_LABEL) :]
    block = Block(file, unlabelled, line, _SEPARATORS)
    if not len(block.lines):
        return width
    starts = block.line_start(block.lines)
    raw = np.frombuffer(text, np.uint8)
    labelled = raw[starts] != block.bytes[starts]
    apart = labelled & (block.starts[block.first] != starts + len(_LABEL))
    if apart.any():
        block.fail(int(block.lines[apart.argmax()]), "has no whole number directly after 'label:'")
    counts = block.counts - labelled
    width = width or int(counts[0])
    block.check_counts(counts, width)
    if not width:
        block.fail(int(block.lines[0]), "has a label but no values")
    values = block.numbers()
    of_lines = np.full(len(block.lines), -1, np.int64)
    if labelled.any():
        where = block.first[labelled]
        of_lines[labelled] = _whole(block, values[where], block.lines[labelled])
        values = np.delete(values, where)
    with np.errstate(over="ignore"):  # beyond float32 is inf, which the check for finite values reports
        rows.add(values.astype(np.float32).reshape(-1, width))
    labels.add(of_lines)
    return width


def _whole(block: Block, values: Array, lines: Array) -> Array:
    """Labels as whole numbers."""
    wrong = ~(np.abs(values) <= 2**53) | (values != np.floor(values))
    if wrong.any():
        index = int(wrong.argmax())
        block.fail(int(lines[index]), f"has the label {values[index]:g}; a whole number is needed")
    return values.astype(np.int64)


def _sniff(first: bytes) -> bool:
    """The first line is a label and numbers."""
    line = first.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    label = _FIRST.match(line)
    tokens = re.split(rb"[\s,:]+", line[label.end() if label else 0 :].strip(b" \t\r,:"))
    whole = tokens[:-1] if len(first) >= HEAD and b"\n" not in first.lstrip() else tokens
    return bool(whole) and all(NUMBER.fullmatch(token) for token in whole)


FORMATS = (Format("nmslib", "NMSLIB's dense text, a row a line, with label: or not", (".txt", ".dat"), _read, _sniff),)
