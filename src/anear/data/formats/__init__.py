"""The file formats: every module of this folder is one, found by being here.

A module holds ``FORMATS``, a tuple of :class:`Format`. Nothing else needs to know of a new one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from anear.data.dataset import Dataset, Request
from anear.data.types.dense import Array

__all__ = ["Format", "all_formats", "formats_for"]


@dataclass(frozen=True)
class Format:
    """One file format.

    :ivar name: what it is called in ``anear.read(..., format=name)``.
    :ivar about: one line for people.
    :ivar suffixes: how names of such files end, in lower case, without a ``.gz`` behind.
    :ivar read: reads what is asked for, or raises FileFormatError or ArgumentError.
    :ivar sniff: whether a file that begins with these bytes (up to 4096) is surely of this format. Formats that share a
        suffix are told apart by it; a format without a magic number says False for what it cannot be sure of.
    :ivar write: writes a matrix, for formats people exchange; None for the others.
    :ivar keys: what a key names in such a file ("array", "column"), "" where there is only one thing to read.
    :ivar labelled: whether ``label=`` and ``name=`` choose columns of it.
    :ivar gzip: whether it is read through gzip as well.
    """

    name: str
    about: str
    suffixes: tuple[str, ...]
    read: Callable[[Request], Dataset]
    sniff: Callable[[bytes], bool]
    write: Callable[[Path, Array], None] | None = None
    keys: str = ""
    labelled: bool = False
    gzip: bool = True


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format, in the order of their names."""
    found: list[Format] = []
    for module in pkgutil.iter_modules(__path__):
        found += importlib.import_module(f"{__name__}.{module.name}").FORMATS
    return tuple(sorted(found, key=lambda entry: entry.name))


def formats_for(path: Path) -> tuple[Format, ...]:
    """The formats whose files are named like this one, those with the longest matching suffix only."""
    name = path.name.lower().removesuffix(".gz")
    fits = [(len(suffix), entry) for entry in all_formats() for suffix in entry.suffixes if name.endswith(suffix)]
    longest = max((length for length, _ in fits), default=0)
    return tuple(entry for length, entry in fits if length == longest)
