"""Reading as much of an ELF object as tests ask for."""

from __future__ import annotations

import struct

SYMBOL_TABLE = 2


def undefined_symbols(data: bytes) -> set[str]:
    """The names of the symbols that a 64-bit little-endian object expects from elsewhere."""
    assert data[:6] == b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF file"
    offset = struct.unpack_from("<Q", data, 40)[0]
    size, count = struct.unpack_from("<HH", data, 58)
    # name, type, flags, address, offset, size, link, info, alignment, entry size
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * size) for i in range(count)]
    found = set()
    for header in headers:
        if header[1] != SYMBOL_TABLE:
            continue
        names = headers[header[6]][4]
        for at in range(header[4], header[4] + header[5], 24):
            name, _, _, section = struct.unpack_from("<IBBH", data, at)
            if section == 0 and name:
                end = data.index(b"\0", names + name)
                found.add(data[names + name : end].decode())
    return found
