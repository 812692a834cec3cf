"""Files as they should never be: bytes gone wrong, and headers and numbers that an enemy wrote, checksums and all."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.index import container, files

Random = np.random.Generator
Arrays = dict[str, npt.NDArray[Any]]
Texts = dict[str, str]


def contents(whole: bytes) -> tuple[Texts, Arrays]:
    """What a good file holds."""
    found = container.read(io.BytesIO(whole), "anear-index", files.VERSIONS)
    return found.texts, found.arrays


def written(texts: Texts, arrays: Arrays) -> bytes:
    """A file of these, its checksums in order."""
    file = io.BytesIO()
    container.write(file, arrays, texts)
    return file.getvalue()


def damaged(whole: bytes, rng: Random) -> bytes:
    """The bytes after an accident: a disk's, a network's, a program's."""
    return _ACCIDENTS[rng.integers(len(_ACCIDENTS))](bytearray(whole), rng)


def _somewhere(data: bytearray, rng: Random) -> int:
    """A place, in the header as often as in the rest."""
    header = min(8 + int.from_bytes(data[:8], "little"), len(data))
    return int(rng.integers(header if rng.random() < 0.5 else len(data)))


def _slice(data: bytearray, rng: Random) -> tuple[int, int]:
    at = _somewhere(data, rng)
    return at, min(at + int(rng.integers(1, 2 ** int(rng.integers(1, 12)))), len(data))


def _flip(data: bytearray, rng: Random) -> bytes:
    for _ in range(int(rng.integers(1, 4))):
        data[_somewhere(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _noise(data: bytearray, rng: Random) -> bytes:
    a, b = _slice(data, rng)
    data[a:b] = rng.bytes(b - a)
    return bytes(data)


def _zeros(data: bytearray, rng: Random) -> bytes:
    a, b = _slice(data, rng)
    data[a:b] = bytes(b - a)
    return bytes(data)


def _cut(data: bytearray, rng: Random) -> bytes:
    return bytes(data[: _somewhere(data, rng)])


def _without(data: bytearray, rng: Random) -> bytes:
    a, b = _slice(data, rng)
    return bytes(data[:a] + data[b:])


def _twice(data: bytearray, rng: Random) -> bytes:
    a, b = _slice(data, rng)
    return bytes(data[:b] + data[a:])


def _moved(data: bytearray, rng: Random) -> bytes:
    a, b = _slice(data, rng)
    at = _somewhere(data, rng)
    data[at : at + b - a] = data[a:b]
    return bytes(data)


def _appended(data: bytearray, rng: Random) -> bytes:
    return bytes(data) + rng.bytes(int(rng.integers(1, 100)))


def _length(data: bytearray, rng: Random) -> bytes:
    data[:8] = int(rng.integers(2 ** int(rng.integers(1, 63)))).to_bytes(8, "little")
    return bytes(data)


def _number(data: bytearray, rng: Random) -> bytes:
    """One number of the header is another: sizes, places, shapes, checksums."""
    length = int.from_bytes(data[:8], "little")
    digits = [i for i in range(8, 8 + length) if chr(data[i]).isdigit()]
    data[digits[rng.integers(len(digits))]] = ord("0") + int(rng.integers(10))
    return bytes(data)


def _table(data: bytearray, rng: Random) -> bytes:
    """The header's entries of two arrays change places, or one's is another's."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    a, b = (names[i] for i in rng.integers(len(names), size=2))
    header[a], header[b] = header[b], header[a] if rng.random() < 0.5 else header[b]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data[8 + length :])


_ACCIDENTS: Final[tuple[Callable[[bytearray, Random], bytes], ...]] = (
    _flip, _flip, _noise, _zeros, _cut, _without, _twice, _moved, _appended, _length, _number, _table
)  # fmt: skip


def forged(whole: bytes, rng: Random) -> bytes:
    """The file with some of its numbers or words replaced, its checksums in order."""
    texts, arrays = contents(whole)
    arrays = {name: array.copy() for name, array in arrays.items()}
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.2:
            _reword(texts, rng)
        elif arrays:
            with np.errstate(over="ignore"):
                _FORGERIES[rng.integers(len(_FORGERIES))](arrays, list(arrays)[rng.integers(len(arrays))], rng)
    return written(texts, arrays)


def _numbers(arrays: Arrays, name: str, rng: Random) -> None:
    flat = arrays[name].reshape(-1)
    if not flat.size:
        return
    places = rng.integers(flat.size, size=int(rng.integers(1, 9)))
    if flat.dtype.kind == "f":
        values = np.array([np.nan, np.inf, -np.inf, -1.0, 0.0, 1e-45, 1e30, 1.0])
    else:
        limits = np.iinfo(flat.dtype)
        near = [-2, -1, 0, 1, flat.size, len(arrays["points"]) if "points" in arrays else 7, limits.max - 1]
        values = np.clip(np.array([limits.min, limits.max, *near], np.float64), limits.min, limits.max // 2)
    flat[places] = rng.choice(values, len(places)).astype(flat.dtype)


def _bytes(arrays: Arrays, name: str, rng: Random) -> None:
    array = arrays[name]
    arrays[name] = np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape).copy()


def _rows(arrays: Arrays, name: str, rng: Random) -> None:
    arrays[name] = arrays[name][: rng.integers(len(arrays[name]) + 1)].copy()


def _more_rows(arrays: Arrays, name: str, rng: Random) -> None:
    arrays[name] = np.concatenate([arrays[name], arrays[name][: rng.integers(1, 9)]])


def _columns(arrays: Arrays, name: str, rng: Random) -> None:
    if arrays[name].ndim == 2:
        arrays[name] = arrays[name][:, : rng.integers(arrays[name].shape[1] + 1)].copy()


def _flat(arrays: Arrays, name: str, rng: Random) -> None:
    array = arrays[name]
    arrays[name] = array.reshape(-1) if array.ndim == 2 else array.reshape((-1, 1) if rng.random() < 0.5 else (1, -1))


def _turned(arrays: Arrays, name: str, rng: Random) -> None:
    arrays[name] = np.ascontiguousarray(arrays[name].T)


def _other_type(arrays: Arrays, name: str, rng: Random) -> None:
    raw = np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8)
    other = np.dtype(str(rng.choice(["f8", "f4", "i8", "i4", "u1", "i1", "f2"])))
    arrays[name] = raw[: raw.size // other.itemsize * other.itemsize].view(other)


def _dropped(arrays: Arrays, name: str, rng: Random) -> None:
    del arrays[name]


def _renamed(arrays: Arrays, name: str, rng: Random) -> None:
    array = arrays.pop(name)
    arrays[
        str(rng.choice([*arrays, "method.links", "method.layer.7.links", "method.order", "array.w", name + "x"]))
    ] = array


def _swapped(arrays: Arrays, name: str, rng: Random) -> None:
    other = list(arrays)[rng.integers(len(arrays))]
    arrays[name], arrays[other] = arrays[other], arrays[name]


_FORGERIES: Final[tuple[Callable[[Arrays, str, Random], None], ...]] = (
    _numbers, _numbers, _numbers, _bytes, _rows, _more_rows, _columns, _flat, _turned, _other_type, _dropped, _renamed,
    _swapped,
)  # fmt: skip

# Formulas are compiled, which takes time: a few of each kind of wrong.
_FORMULAS: Final = ("sum(abs(x - y))", "sum(x * y)", "prod(x - y)", "x[9]", "sum(v * x)", "abs(x - y)", "")


def _reword(texts: Texts, rng: Random) -> None:
    key = list(texts)[rng.integers(len(texts))]
    text = texts[key]
    if key == "formula":
        texts[key] = str(rng.choice(_FORMULAS))
        return
    at = int(rng.integers(len(text) + 1))
    texts[key] = str(rng.choice([text[:at], text[:at] + str(rng.integers(10)) + text[at + 1 :], "{}", "[]", "7", ""]))
