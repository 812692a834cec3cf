"""``anear.read``: any file of objects, by its name or its first bytes."""

from __future__ import annotations

import os
from pathlib import Path

from anear.data.dataset import Dataset, Progress, Request, checked_slice
from anear.data.files import head, is_gzip
from anear.data.formats import Format, all_formats, formats_for
from anear.errors import ArgumentError, FileFormatError

__all__ = ["read", "split_key"]


def read(
    path: str | os.PathLike[str],
    key: str | None = None,
    rows: slice | int | None = None,
    progress: Progress | None = None,
    *,
    limit: int | None = None,
    format: str | None = None,
    label: str | int | None = None,
    name: str | int | None = None,
    unpacked_limit: int = Request.unpacked_limit,
) -> Dataset:
    """Read objects from a file: npy, npz, fvecs and its kin, fbin and its kin, IDX, HDF5, Parquet, Arrow, CSV, text.

    The format follows from the file's name, and where that says nothing from its first bytes. What has a fixed layout
    may be read through gzip too. Files are not trusted: a size in a header is checked against the file before memory is
    allocated, and nothing in a file is ever executed. Plain npy, fbin (and kin) and IDX files are not copied but mapped
    into memory: do not change such a file while its rows are in use.

    :param path: the file; ``"b.npz:points"`` means the array ``points`` in it.
    :param key: the array (npz, HDF5) or column of vectors (Parquet, Arrow) to read, instead of in ``path``.
    :param rows: which rows, as a slice without a step, or how many from the first on.
    :param progress: called with (bytes done, bytes in all) at most ten times a second; False cancels.
    :param limit: at most this many rows.
    :param format: the format's name, if neither the file's name nor its beginning tells.
    :param label: the column of labels, by name or number (CSV, Parquet, Arrow).
    :param name: the column of the objects' names, likewise.
    :param unpacked_limit: the most bytes a compressed file may unpack to.
    :returns: a :class:`Dataset` of ``rows`` and, where the file has them, ``labels`` and ``names``.
    :raises ArgumentError: no such file, key, column or format.
    :raises FileFormatError: truncated, damaged, or not what its name says; the message says where.
    """
    file, inner = split_key(path)
    if key is not None and inner is not None:
        raise ArgumentError(f"key is {key!r}, but path {str(path)!r} names {inner!r} already")
    request = Request(
        file, inner if key is None else key, checked_slice(rows, limit), progress, label, name, unpacked_limit
    )
    chosen = _choose(file, format)
    if request.key is not None and not chosen.keys:
        raise ArgumentError(f"{file} is a {chosen.name} file, which holds one thing only; there is no {request.key!r}")
    if (label is not None or name is not None) and not chosen.labelled:
        raise ArgumentError(f"{file} is a {chosen.name} file, which has no columns for label= and name= to choose from")
    if not chosen.gzip and is_gzip(file):
        raise FileFormatError(f"{file}: {chosen.name} files are not read through gzip; gunzip it first")
    return chosen.read(request)


def split_key(path: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """``"b.npz:points"`` as the file and the key; the key is None if the whole is a file's name.

    :raises ArgumentError: if there is no such file.
    """
    text = os.fsdecode(path)
    whole = Path(text)
    if whole.is_file():
        return whole, None
    before, colon, after = text.rpartition(":")
    if colon and after and Path(before).is_file():
        return Path(before), after
    what = "is a folder, not a file" if whole.is_dir() else "is no file"
    raise ArgumentError(f"path {text!r} {what}")


def _choose(path: Path, name: str | None) -> Format:
    """The format by its own name, by the file's name, or by the file's first bytes, in this order."""
    if name is not None:
        for entry in all_formats():
            if entry.name == name:
                return entry
        raise ArgumentError(f"format is {name!r}; allowed are {', '.join(entry.name for entry in all_formats())}")
    fits = formats_for(path)
    if len(fits) == 1:
        return fits[0]
    first = head(path)
    if not first:
        raise FileFormatError(f"{path}: is empty or cannot be unpacked")
    for entry in fits or all_formats():
        if entry.sniff(first):
            return entry
    if fits:
        raise FileFormatError(
            f"{path}: begins like none of the formats its name allows ({', '.join(entry.name for entry in fits)})"
        )
    raise FileFormatError(
        f"{path}: neither its name nor its beginning tells the format; give format=, one of "
        f"{', '.join(entry.name for entry in all_formats())}"
    )
