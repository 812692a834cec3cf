"""HDF5, above all in the layout of ann-benchmarks: datasets train, test, neighbors, distances. Needs h5py.

Links to other files and data kept in other files are refused: a file given to be read must not name further ones.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from anear.data.columns import need
from anear.data.dataset import Dataset, Request
from anear.data.files import CHUNK, DEFLATE_RATIO, Meter
from anear.data.formats import Format
from anear.data.types.dense import Array
from anear.errors import AnearError, ArgumentError, FileFormatError

__all__ = ["FORMATS"]

_MAGIC = b"\x89HDF\r\n\x1a\n"


def _read(request: Request) -> Dataset:
    h5py = need("h5py", f"reading {request.path}")
    try:
        with h5py.File(request.path, "r") as file:
            key = _choose(h5py, file, request)
            rows = _take(h5py, file, key, request)
            labels = None if key == "labels" else _labels(h5py, file, len(rows), request)
            return Dataset(rows, labels, source=f"{request.path}:{key}")
    except AnearError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise FileFormatError(f"{request.path}: {str(error).strip(chr(39)) or type(error).__name__}") from None


def _labels(h5py: Any, file: Any, count: int, request: Request) -> Array | None:
    """The dataset "labels" if it is a number for each row; the rows can do without one that is not."""
    try:
        found = _take(h5py, file, "labels", request)
    except (ArgumentError, FileFormatError):
        return None
    return found if found.shape == (count,) else None


def _choose(h5py: Any, file: Any, request: Request) -> str:
    """The dataset asked for, or "train", or the only matrix."""
    if request.key is not None:
        return request.key
    names = [str(name) for name in file]
    if "train" in names:
        return "train"
    inside = [name for name in names if isinstance(file.get(name, getlink=True), h5py.HardLink)]
    matrices = [name for name in inside if isinstance(file[name], h5py.Dataset) and len(file[name].shape or ()) == 2]
    if len(matrices) != 1:
        listed = ", ".join(map(repr, sorted(names))) or "none"
        raise ArgumentError(
            f"{request.path} has {len(matrices)} datasets of two dimensions; name one of {listed}, "
            f"as in {request.path.name}:{matrices[0] if matrices else 'train'}"
        )
    return matrices[0]


def _take(h5py: Any, file: Any, key: str, request: Request) -> Array:
    """One dataset's rows, once it is seen that the file can hold them."""
    data = _dataset(h5py, file, key, request)
    count = data.shape[0]
    size = data.dtype.itemsize * int(np.prod([int(n) for n in data.shape], dtype=object))
    stored = data.id.get_storage_size()
    possible = stored * DEFLATE_RATIO if data.chunks else stored
    if not size:
        _fail(request, key, f"is of shape {data.shape}; at least one row and column are needed")
    if size > min(possible, request.unpacked_limit):
        held = min(possible, request.unpacked_limit)
        _fail(request, key, f"needs {size} bytes for its shape {data.shape}, but at most {held} can be there: damaged")
    start, stop = request.span(count)
    rows = np.empty((stop - start, *data.shape[1:]), data.dtype)
    meter = Meter(request.progress, max(rows.nbytes, 1), request.path.name)
    step = max(1, CHUNK // max(1, size // count))
    for begin in range(start, stop, step):
        end = min(stop, begin + step)
        data.read_direct(rows, np.s_[begin:end], np.s_[begin - start : end - start])
        meter.show((end - start) * (size // count))
    return rows.reshape(len(rows), -1) if rows.ndim > 2 and rows.size else rows


def _dataset(h5py: Any, file: Any, key: str, request: Request) -> Any:
    """The dataset of numbers of that name, reached and kept without leaving the file."""
    where = file
    for part in key.strip("/").split("/"):
        link = where.get(part, getlink=True) if isinstance(where, h5py.Group) else None
        if link is None:
            listed = ", ".join(sorted(map(repr, where))) if isinstance(where, h5py.Group) else "no more"
            raise ArgumentError(f"{request.path} has no dataset {key!r}; there is {listed or 'nothing'}")
        if not isinstance(link, h5py.HardLink):
            _fail(request, key, "is a link; only what is in the file itself is read")
        where = where[part]
    if not isinstance(where, h5py.Dataset):
        raise ArgumentError(
            f"{request.path}: {key!r} is a group, not a dataset; there is {', '.join(map(repr, where))}"
        )
    if where.is_virtual or where.external:
        _fail(request, key, "keeps its values in other files; only what is in the file itself is read")
    if where.dtype.kind not in "biuf" or not where.shape:
        _fail(request, key, f"is of type {where.dtype} and shape {where.shape}; rows of numbers are needed")
    return where


def _fail(request: Request, key: str, what: str) -> NoReturn:
    raise FileFormatError(f"{request.path}: its dataset {key!r} {what}")


FORMATS = (
    Format(
        "hdf5",
        "HDF5, as ann-benchmarks has it: train, test, neighbors, distances",
        (".hdf5", ".h5", ".hdf"),
        _read,
        lambda first: first.startswith(_MAGIC),
        keys="dataset",
        gzip=False,
    ),
)
