"""A safetensors container: 8 bytes of length, a JSON header, raw arrays. Any reader of that format opens it.

Written and read here rather than by the safetensors package, for three reasons: arrays go to the file and come from it
without a copy in between, they can stay on disk (``mmap``), and every way in which a file can be wrong gets a message.

    __metadata__      texts; of the container's own: header_crc32 of all the header says, block, crc32 of each array's
                      blocks of so many bytes (version 1: of each array as a whole)
    <array>           of safetensors' types; begins at a multiple of 64 bytes, for which
    padding.<n>       fills the gaps: safetensors allows none
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import aligned
from anear.data.types.dense import bits, from_bfloat16_bits, is_bfloat16
from anear.errors import FileFormatError

__all__ = ["AT_ONCE", "BLOCK", "Content", "Unchecked", "checksums", "read", "write"]

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Place = tuple[str, tuple[int, ...], int, int]

_TYPES: Final = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "U32": "<u4",
    "I8": "|i1",
    "U8": "|u1",
}
_TAGS: Final = {np.dtype(code): tag for tag, code in _TYPES.items()}
_ALIGNED: Final = 64  # a cache line: rows that kernels read where they lie
_ALIGNED_1: Final = 8  # in version 1
_PADDING: Final = "padding."
_LONGEST_HEADER: Final = 64 << 20
BLOCK: Final = 16 << 20  # bytes with a checksum of their own
_PIECE: Final = 1 << 20  # read, written or summed in one go: it stays in the cache, and Ctrl-C has its turn between two
AT_ONCE: Final = 1 << 20  # arrays on disk of so many bytes are checked when they are opened
_OTHERS: Final = {
    b"\x93NUMPY": "a NumPy array (numpy.load reads it, and Index takes what it reads)",
    b"PK\3\4": "a ZIP archive, such as NumPy's .npz and PyTorch's files",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x1f\x8b": "compressed by gzip",
    b"\x80\4\x95": "a pickle",
    b"\x80\5\x95": "a pickle",
    b"Ix": "an index of FAISS",
    b"Iw": "an index of FAISS",
    b"IH": "an index of FAISS",
    bytes(8): "perhaps an index of hnswlib",
}
_HEADER_SUM: Final = "header_crc32"
_ARRAY_SUMS: Final = "crc32"
_BLOCK_SIZE: Final = "block"


@dataclass(frozen=True, slots=True)
class Unchecked:
    """An array left on disk, and what the checksums of its blocks must be."""

    name: str
    array: Array
    sums: Any
    block: int

    def check(self) -> None:
        """Read all of it; :class:`FileFormatError` where a block is damaged."""
        _compare(self.name, checksums(self.array, self.block), self.sums)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds."""

    version: str
    texts: dict[str, str]
    arrays: dict[str, Array]
    unchecked: tuple[Unchecked, ...]


def write(file: IO[bytes], arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Write C-contiguous vectors and matrices, in their order, and texts, to ``file``."""
    table: dict[str, Any] = {}
    gaps: dict[str, int] = {}
    at = 0
    for name, array in arrays.items():
        if gap := -at % _ALIGNED:
            filler = f"{_PADDING}{len(gaps)}"
            table[filler] = {"dtype": "U8", "shape": [gap], "data_offsets": [at, at + gap]}
            gaps[filler] = gap
            at += gap
        tag = "BF16" if is_bfloat16(array.dtype) else _TAGS[array.dtype]
        table[name] = {"dtype": tag, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    sums = {name: checksums(array, BLOCK) for name, array in arrays.items()}
    texts = {**metadata, _BLOCK_SIZE: str(BLOCK), _ARRAY_SUMS: json.dumps(sums)}
    texts[_HEADER_SUM] = _header_sum(texts, table)
    header = json.dumps({"__metadata__": texts, **table}).encode()
    header += b" " * (-(8 + len(header)) % _ALIGNED)
    file.write(len(header).to_bytes(8, "little"))
    file.write(header)
    for name in table:
        if name in gaps:
            file.write(bytes(gaps[name]))
            continue
        for piece in _pieces(_bytes(arrays[name]), _PIECE):
            file.write(piece)


def read(file: IO[bytes], kind: str, versions: tuple[str, ...], mmap: bool = False) -> Content:
    """Texts and arrays of a file that :func:`write`, or an older one, wrote.

    Parameters
    ----------
    file : open for reading; for ``mmap`` a file of the file system.
    kind, versions : what the metadata must say under ``format`` and may say under ``version``, the newest last.
    mmap : leave the arrays on disk, the long ones unchecked.

    Raises
    ------
    FileFormatError : where anything in the file does not fit; the message does not name the file.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    texts, table, start = _header(file, size)
    version = _checked_version(texts, kind, versions)
    if texts.pop(_HEADER_SUM, None) != _header_sum(texts, table):
        raise FileFormatError("it is damaged: the checksum of the header does not fit")
    sums = _parsed(texts.pop(_ARRAY_SUMS, "").encode(), "the list of checksums")
    block = _block_size(texts.pop(_BLOCK_SIZE, None)) if version != "1" else 0
    places = {name: _place(name, entry) for name, entry in table.items()}
    _check_places(places, size - start)
    arrays: dict[str, Array] = {}
    unchecked: list[Unchecked] = []
    for name, (tag, shape, begin, end) in places.items():
        if block and name.startswith(_PADDING):
            continue
        each = block or max(end - begin, 1)
        expected = sums.get(name) if block else [sums.get(name)]
        # Kernels rely on where rows begin; what lies elsewhere, as no file of ours does, is copied to where it should.
        if mmap and end > begin and (start + begin) % (_ALIGNED if block else _ALIGNED_1) == 0:
            array: Array = np.memmap(file, _TYPES[tag], "r", start + begin, shape)
            unchecked.append(Unchecked(name, array, expected, each))
            if not block or end - begin <= AT_ONCE:
                unchecked.pop().check()
        else:
            array, found = _loaded(file, _TYPES[tag], shape, start + begin, each)
            _compare(name, found, expected)
        arrays[name] = from_bfloat16_bits(array) if tag == "BF16" else array
    return Content(version, texts, arrays, tuple(unchecked))


def _checked_version(texts: Mapping[str, str], kind: str, versions: tuple[str, ...]) -> str:
    if texts.get("format") != kind:
        raise FileFormatError(f"it is not an anear index (its format is {texts.get('format')!r}, not {kind!r})")
    version = texts.get("version", "")
    if version not in versions:
        newer = version.isdigit() and len(version) < 9 and int(version) > int(versions[-1])
        advice = "; a newer anear wrote it: update to open it" if newer else ""
        raise FileFormatError(
            f"it is of version {version[:20]!r}; this anear reads {' and '.join(map(repr, versions))}{advice}"
        )
    return version


def _block_size(text: str | None) -> int:
    if text is None or not text.isdecimal() or len(text) > 18 or int(text) == 0:
        raise FileFormatError(f"the header's size of a block does not make sense: {str(text)[:200]}")
    return int(text)


def _header(file: IO[bytes], size: int) -> tuple[dict[str, str], dict[str, Any], int]:
    """Metadata, the table of arrays, and where the arrays begin."""
    begin = file.read(8)
    length = int.from_bytes(begin, "little")
    if length > _LONGEST_HEADER or length == 0:
        for mark, what in _OTHERS.items():
            if begin.startswith(mark):
                raise FileFormatError(f"it is {what}, not an anear index")
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


def _place(name: str, entry: Any) -> Place:
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
    raise FileFormatError(f"the header's entry of {name[:200]!r} does not make sense: {str(entry)[:200]}")


def _check_places(places: Mapping[str, Place], size: int) -> None:
    """The arrays must fill the rest of the file without gap or overlap, as the format demands."""
    at = 0
    for begin, end in sorted((begin, end) for _, _, begin, end in places.values()):
        if begin != at:
            raise FileFormatError(f"the header's arrays leave a gap or overlap at byte {min(begin, at)} of the data")
        at = end
    if at != size:
        what = "cut short" if at > size else "too long"
        raise FileFormatError(f"it is {what}: the header announces {at} bytes of data, the file holds {size}")


def _loaded(file: IO[bytes], dtype: str, shape: tuple[int, ...], offset: int, block: int) -> tuple[Array, list[int]]:
    """An array in memory, and the checksums of its blocks, each piece summed while it lies in the cache."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    flat = aligned(size, _ALIGNED)
    file.seek(offset)
    sums = []
    for whole in _pieces(_bytes(flat), block):
        found = 0
        for piece in _pieces(whole, _PIECE):
            if file.readinto(piece) != len(piece):  # type: ignore[attr-defined]
                raise FileFormatError("it is cut short")
            found = zlib.crc32(piece, found)
        sums.append(found)
    return flat.view(dtype).reshape(shape), sums


def _bytes(array: Array) -> memoryview:
    """The memory of a C-contiguous array."""
    return memoryview(bits(array).reshape(-1).data).cast("B") if array.nbytes else memoryview(b"")


def _pieces(flat: memoryview, size: int) -> Iterator[memoryview]:
    """So many bytes at a time."""
    return (flat[start : start + size] for start in range(0, len(flat), size))


def checksums(array: Array, block: int) -> list[int]:
    """The CRC-32 of every ``block`` bytes of a C-contiguous array."""
    sums = []
    for whole in _pieces(_bytes(array), block):
        found = 0
        for piece in _pieces(whole, _PIECE):
            found = zlib.crc32(piece, found)
        sums.append(found)
    return sums


def _compare(name: str, found: list[int], expected: Any) -> None:
    if found == expected:
        return
    where = ""
    if len(found) > 1 and isinstance(expected, list) and len(expected) == len(found):
        bad = [i for i, (mine, its) in enumerate(zip(found, expected, strict=True)) if mine != its]
        where = f" in {len(bad)} of {len(found)} blocks, first in block {bad[0]}"
    raise FileFormatError(f"it is damaged: the checksum of {name[:200]!r} does not fit{where}")


def _header_sum(texts: Mapping[str, str], table: Mapping[str, Any]) -> str:
    """A checksum of what the header says, however its JSON is laid out."""
    return str(zlib.crc32(json.dumps([dict(texts), dict(table)], sort_keys=True).encode()))
