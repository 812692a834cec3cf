"""NumPy's own formats: .npy, mapped into memory, and .npz, a zip of them. Pickled objects are never loaded.

The header is read here and not by NumPy, so that it is known before anything is allocated that the values are there.
"""

from __future__ import annotations

import ast
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from anear.data.dataset import Dataset, Request
from anear.data.files import CHUNK, DEFLATE_RATIO, Input, Meter
from anear.data.formats import Format
from anear.data.types.dense import BFLOAT16_BITS, Array, from_bfloat16_bits
from anear.errors import AnearError, ArgumentError, FileFormatError

__all__ = ["FORMATS"]

_MAGIC = b"\x93NUMPY"
_NUMBER = re.compile(r"[<>|=]?[biuf]\d{1,2}")
_LABEL = re.compile(r"[<>|=]?([biuf]\d{1,2}|[US][1-9]\d{0,5})")

# NumPy aligns headers to 64 bytes and needs about 100; it refuses more than this itself.
_LONGEST_HEADER = 10_000


# What zipfile raises for damaged files, besides errors that are general.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, OverflowError, MemoryError, NotImplementedError)


class _Header:
    """The type and shape of an array in npy form.

    :ivar size: the bytes of the values.
    :ivar bits: whether the values are the bits of bfloat16 (which ml_dtypes saves as ``V2``), read as uint16.
    """

    def __init__(
        self, read: Callable[[int], bytes], fail: Callable[[str], NoReturn], types: re.Pattern[str] = _NUMBER
    ) -> None:
        start = read(8)
        if start[:6] != _MAGIC:
            fail("does not begin as npy files do")
        if start[6] not in (1, 2):
            fail(f"is of version {start[6]} of the npy format; 1 and 2 are known for arrays of numbers")
        length = struct.unpack("<H", read(2))[0] if start[6] == 1 else struct.unpack("<I", read(4))[0]
        if length > _LONGEST_HEADER:
            fail(f"has a header of {length} bytes; at most {_LONGEST_HEADER} are sensible")
        text = read(length).decode("latin1").strip()
        try:
            fields = ast.literal_eval(text)
            shape, descr, self.fortran = fields["shape"], fields["descr"], fields["fortran_order"]
            good = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
            good = False
        if not good or type(self.fortran) is not bool:
            fail("has a header that does not describe an array: damaged")
        self.shape: tuple[int, ...] = shape
        self.bits = descr in ([("bfloat16", "<u2")], "|V2", "<V2")
        self.dtype = np.dtype("<u2") if self.bits else self._type(descr, fail, types)
        self.size = self.dtype.itemsize
        for size in shape:
            self.size *= size

    @staticmethod
    def _type(descr: Any, fail: Callable[[str], NoReturn], types: re.Pattern[str]) -> np.dtype[Any]:
        if isinstance(descr, str) and descr.endswith("O"):
            fail("holds pickled Python objects, which are never loaded; save an array of numbers")
        if not isinstance(descr, str) or not types.fullmatch(descr):
            fail(f"holds values of type {str(descr)[:60]!r}, not numbers")
        try:
            return np.dtype(descr)
        except TypeError:
            fail(f"holds values of type {descr!r}, which this machine has not")

    def finish(self, flat: Array) -> Array:
        """The values in their shape."""
        if self.bits:
            flat = from_bfloat16_bits(flat)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


def _as_rows_of(array: Array, request: Request) -> Array:
    """The rows asked for; images and the like are flattened to rows."""
    start, stop = request.span(len(array))
    array = array[start:stop]
    return array.reshape(len(array), -1) if array.ndim > 2 and array.size else array


def _read_npy(request: Request) -> Dataset:
    with Input(request) as file:
        header = _Header(file.header, file.fail)
        if not header.shape or not header.size:
            file.fail(f"holds an array of shape {header.shape}; at least one row is needed")
        count = header.size // header.dtype.itemsize
        flat = file.matrix(header.dtype, (count,), f"values of shape {header.shape}", (0, count))
    return Dataset(_as_rows_of(header.finish(flat), request), source=request.source)


def _read_npz(request: Request) -> Dataset:
    try:
        with zipfile.ZipFile(request.path) as archive:
            return _from_archive(archive, request)
    except AnearError:
        raise
    except (*_ZIP_ERRORS, OSError, RuntimeError, ValueError, LookupError) as error:
        raise FileFormatError(f"{request.path}: {str(error) or 'its zip directory is damaged'}") from None


def _open(archive: zipfile.ZipFile, info: zipfile.ZipInfo, request: Request) -> IO[bytes]:
    """One entry; only packed as NumPy does it, since other methods have no known ratio."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        _fail(request, info, f"is packed by method {info.compress_type}; only deflate is known")
    return archive.open(info)


def _from_archive(archive: zipfile.ZipFile, request: Request) -> Dataset:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if {"indices", "indptr", "data"} <= set(members):
        raise FileFormatError(f"{request.path}: holds a sparse matrix; only dense rows are supported so far")
    chosen = _choose(archive, members, request)
    rows = _as_rows_of(_member(archive, members[chosen], request), request)
    labels = _labels(archive, members["labels"], request) if "labels" in members and chosen != "labels" else None
    if labels is not None and labels.shape != (len(rows),):
        labels = None
    return Dataset(rows, labels, source=request.source)


def _labels(archive: zipfile.ZipFile, info: zipfile.ZipInfo, request: Request) -> Array | None:
    """Labels, of numbers or text; the rows can do without them where they are something else (objects, mostly)."""
    try:
        every = _member(archive, info, request, _LABEL)
    except FileFormatError:
        return None
    start, stop = request.span(len(every))
    return every[start:stop]


def _choose(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], request: Request) -> str:
    """The array asked for, the only one, or the only matrix."""
    listed = ", ".join(map(repr, sorted(members))) or "none"
    if request.key is not None:
        if request.key not in members:
            raise ArgumentError(f"{request.path} has no array {request.key!r}; it has {listed}")
        return request.key
    if len(members) == 1:
        return next(iter(members))
    matrices = [name for name, info in members.items() if _is_matrix(archive, info, request)]
    if len(matrices) != 1:
        raise ArgumentError(
            f"{request.path} has {len(matrices)} arrays of two dimensions; name one of {listed}, "
            f"as in {request.path.name}:{(matrices or sorted(members) or ['points'])[0]}"
        )
    return matrices[0]


def _fail(request: Request, info: zipfile.ZipInfo, what: str) -> NoReturn:
    raise FileFormatError(f"{request.path}: its entry {info.filename!r} {what}")


def _is_matrix(archive: zipfile.ZipFile, info: zipfile.ZipInfo, request: Request) -> bool:
    """Whether an entry is a matrix of numbers; what is wrong with the others is nobody's business yet."""
    try:
        with _open(archive, info, request) as file:
            return len(_header(file, info, request).shape) == 2
    except FileFormatError:
        return False


def _header(file: IO[bytes], info: zipfile.ZipInfo, request: Request, types: re.Pattern[str] = _NUMBER) -> _Header:
    def read(count: int) -> bytes:
        data = file.read(count)
        if len(data) < count:
            _fail(request, info, "ends inside its header")
        return data

    return _Header(read, lambda what: _fail(request, info, what), types)


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, request: Request, types: re.Pattern[str] = _NUMBER
) -> Array:
    """One array, unpacked in pieces into memory that is allocated when its size is seen to be possible."""
    meter = Meter(request.progress, info.file_size, request.path.name)
    with _open(archive, info, request) as file:
        header = _header(file, info, request, types)
        possible = min(info.file_size, info.compress_size * DEFLATE_RATIO, request.unpacked_limit)
        if header.size > possible:
            _fail(
                request, info, f"needs {header.size} bytes for {header.shape} values, but at most {possible} are there"
            )
        if not header.shape or not header.size:
            _fail(request, info, f"is of shape {header.shape}; at least one row is needed")
        try:
            raw = np.empty(header.size, np.uint8)
        except MemoryError:
            _fail(request, info, f"does not fit into memory: {header.size} bytes")
        done = 0
        while done < header.size:
            data = file.read(min(CHUNK, header.size - done))
            if not data:
                _fail(request, info, f"ends {header.size - done} bytes early")
            raw[done : done + len(data)] = np.frombuffer(data, np.uint8)
            done += len(data)
            meter.show(done)
        if file.read(1):
            _fail(request, info, "goes on after its last value")
    return header.finish(raw.view(header.dtype))


def _write_npy(path: Path, rows: Array) -> None:
    bits = rows.view(BFLOAT16_BITS) if rows.dtype.name == "bfloat16" else rows
    with path.open("wb") as file:
        np.save(file, bits, allow_pickle=False)


FORMATS = (
    Format("npy", "a NumPy array", (".npy",), _read_npy, lambda first: first.startswith(_MAGIC), _write_npy),
    Format(
        "npz",
        "several NumPy arrays; labels from the one named 'labels'",
        (".npz",),
        _read_npz,
        lambda first: first.startswith(b"PK\x03\x04"),
        keys="array",
        gzip=False,
    ),
)
