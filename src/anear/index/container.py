"""A safetensors container: 8 bytes of length, a JSON header, raw arrays. Any reader of that format opens it.

Written and read here rather than by the safetensors package, for three reasons: arrays go to the file and come from it
without a copy in between, they can stay on disk (``mmap``), and every way in which a file can be wrong gets a message.
Checksums in the metadata cover the header and each array.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Mapping
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.types.dense import bits, from_bfloat16_bits, is_bfloat16
from anear.errors import FileFormatError

__all__ = ["read", "write"]

Arrays = Mapping[str, npt.NDArray[Any]]

_TYPES: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I8": "|i1", "U8": "|u1"}
_TAGS: Final = {np.dtype(code): tag for tag, code in _TYPES.items()}
_LONGEST_HEADER: Final = 64 << 20
_PIECE: Final = 16 << 20  # written or summed in one go: Ctrl-C has its turn between pieces
_HEADER_SUM: Final = "header_crc32"
_ARRAY_SUMS: Final = "crc32"


def write(file: IO[bytes], arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Write C-contiguous vectors and matrices, and texts, to ``file``."""
    table: dict[str, Any] = {}
    at = 0
    # Larger items first keeps each array aligned to its own.
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        tag = "BF16" if is_bfloat16(array.dtype) else _TAGS[array.dtype]
        table[name] = {"dtype": tag, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    texts = {**metadata, _ARRAY_SUMS: json.dumps({name: _sum(arrays[name]) for name in table})}
    texts[_HEADER_SUM] = _header_sum(texts, table)
    header = json.dumps({"__metadata__": texts, **table}).encode()
    header += b" " * (-len(header) % 8)
    file.write(len(header).to_bytes(8, "little"))
    file.write(header)
    for name in table:
        for piece in _pieces(arrays[name]):
            file.write(piece)


def read(file: IO[bytes], kind: str, version: str, mmap: bool = False) -> tuple[dict[str, str], dict[str, Any]]:
    """Texts and arrays of a file that :func:`write` wrote.

    Parameters
    ----------
    file : open for reading; for ``mmap`` a file of the file system.
    kind, version : what the metadata must say under ``format`` and ``version``.
    mmap : leave the arrays on disk.

    Raises
    ------
    FileFormatError : where anything in the file does not fit; the message does not name the file.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    texts, table, start = _header(file, size)
    if texts.get("format") != kind:
        raise FileFormatError(f"it is not an anear index (its format is {texts.get('format')!r}, not {kind!r})")
    if texts.get("version") != version:
        raise FileFormatError(f"it is of version {texts.get('version')!r}; this anear reads version {version!r}")
    if texts.pop(_HEADER_SUM, None) != _header_sum(texts, table):
        raise FileFormatError("it is damaged: the checksum of the header does not fit")
    sums = _parsed(texts.pop(_ARRAY_SUMS, "").encode(), "the list of checksums")
    places = {name: _place(name, entry) for name, entry in table.items()}
    _check_places(places, size - start)
    arrays: dict[str, Any] = {}
    for name, (tag, shape, begin, _) in places.items():
        array = _array(file, _TYPES[tag], shape, start + begin, mmap)
        if sums.get(name) != _sum(array):
            raise FileFormatError(f"it is damaged: the checksum of {name!r} does not fit")
        arrays[name] = from_bfloat16_bits(array) if tag == "BF16" else array
    return texts, arrays


def _header(file: IO[bytes], size: int) -> tuple[dict[str, str], dict[str, Any], int]:
    """Metadata, the table of arrays, and where the arrays begin."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise FileFormatError(f"it is cut short, or no anear index: {size} bytes cannot hold a header of {length}")
    if length > _LONGEST_HEADER:
        raise FileFormatError(f"its header is {length} bytes long; allowed: {_LONGEST_HEADER}")
    header = _parsed(file.read(length), "the header")
    texts = header.pop("__metadata__", {})
    if not (isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values())):
        raise FileFormatError("the header's metadata are not texts")
    return texts, header, 8 + length


def _parsed(text: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{what} cannot be read: {type(error).__name__} {error}") from None
    if not isinstance(found, dict):
        raise FileFormatError(f"{what} is {type(found).__name__}, not an object")
    return found


def _place(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, begin and end of an array, if they make sense together."""
    try:
        tag, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        whole = all(type(number) is int and 0 <= number < 2**62 for number in (*shape, begin, end))
        if (
            whole
            and len(shape) <= 2
            and tag in _TYPES
            and begin + math.prod(shape) * np.dtype(_TYPES[tag]).itemsize == end
        ):
            return tag, shape, begin, end
    except (KeyError, TypeError, ValueError):
        pass
    raise FileFormatError(f"the header's entry of {name!r} does not make sense: {str(entry)[:200]}")


def _check_places(places: Mapping[str, tuple[str, tuple[int, ...], int, int]], size: int) -> None:
    """The arrays must fill the rest of the file without gap or overlap, as the format demands."""
    at = 0
    for begin, end in sorted((begin, end) for _, _, begin, end in places.values()):
        if begin != at:
            raise FileFormatError(f"the header's arrays leave a gap or overlap at byte {min(begin, at)} of the data")
        at = end
    if at != size:
        what = "cut short" if at > size else "too long"
        raise FileFormatError(f"it is {what}: the header announces {at} bytes of data, the file holds {size}")


def _array(file: IO[bytes], dtype: str, shape: tuple[int, ...], offset: int, mmap: bool) -> npt.NDArray[Any]:
    count = math.prod(shape)
    if mmap and count:
        return np.memmap(file, dtype, "r", offset, shape)
    array = np.empty(count, dtype)
    file.seek(offset)
    for piece in _pieces(array):
        if file.readinto(piece) != len(piece):  # type: ignore[attr-defined]
            raise FileFormatError("it is cut short")
    return array.reshape(shape)


def _pieces(array: npt.NDArray[Any]) -> list[memoryview]:
    """The bytes of a C-contiguous array, some megabytes at a time."""
    flat = memoryview(bits(array).reshape(-1).data).cast("B")
    return [flat[start : start + _PIECE] for start in range(0, len(flat), _PIECE)]


def _sum(array: npt.NDArray[Any]) -> int:
    found = 0
    for piece in _pieces(array):
        found = zlib.crc32(piece, found)
    return found


def _header_sum(texts: Mapping[str, str], table: Mapping[str, Any]) -> str:
    """A checksum of what the header says, however its JSON is laid out."""
    return str(zlib.crc32(json.dumps([dict(texts), dict(table)], sort_keys=True).encode()))
