"""IDX, the format of MNIST and its kin: images become rows, labels stay one number each (yann.lecun.com/exdb/mnist).

Two zero bytes, a type, the number of dimensions, each dimension as a big-endian uint32, then the values, big-endian.
"""

from __future__ import annotations

import math

from anear.data.dataset import Dataset, Request
from anear.data.files import Input
from anear.data.formats import Format

__all__ = ["FORMATS"]

_TYPES = {0x08: "|u1", 0x09: "|i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def _read(request: Request) -> Dataset:
    with Input(request) as file:
        start = file.header(4)
        if not _sniff(start):
            file.fail(f"begins with the bytes {start.hex(' ')}, not like an IDX file", 0)
        sizes = file.header(4 * start[3])
        shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
        if 0 in shape:
            file.fail(f"its header speaks of an array of shape {shape}", 4)
        flat = (shape[0],) if len(shape) == 1 else (shape[0], math.prod(shape[1:]))
        rows = file.matrix(_TYPES[start[2]], flat, f"{shape} values", request.span(flat[0]))
    return Dataset(rows, source=request.source)


def _sniff(first: bytes) -> bool:
    return len(first) >= 4 and first[:2] == b"\0\0" and first[2] in _TYPES and 1 <= first[3] <= 8


FORMATS = (
    Format(
        "idx",
        "IDX, the format of MNIST: images or their labels",
        (".idx", ".idx1", ".idx2", ".idx3", ".idx4", "-ubyte", ".ubyte"),
        _read,
        _sniff,
    ),
)
