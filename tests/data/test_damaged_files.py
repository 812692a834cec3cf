"""Damaged and hostile files: an error that says what and where, before memory is taken, or a valid result."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anear.data import Dataset, read
from anear.errors import ArgumentError, FileFormatError

from .test_formats import DATA, idx, npz, put, vecs

BYTES = np.arange(24, dtype=np.uint8).reshape(8, 3)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    """An npy file with this header."""
    raw = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + data


def arrow_bytes(table: Any, kind: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    sink = pa.BufferOutputStream()
    if kind == "parquet":
        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.fvecs", b"", "has 0 bytes"),
        ("a.fvecs", b"\1\0", "has 2 bytes"),
        ("a.fvecs", struct.pack("<i", -3), "says that its dimension is -3 (at byte 0)"),
        ("a.fvecs", struct.pack("<i", 2**30) + bytes(100), "dimension is 1073741824, which needs more bytes"),
        ("a.fvecs", vecs(DATA)[:-1], "no multiple of the 24"),
        ("a.fvecs", vecs(DATA[:3]) + struct.pack("<i", 4) + bytes(20), "row 3 says that its dimension is 4, row 0 5"),
        ("a.fvecs.gz", vecs(DATA)[:-1], "ends inside row 19"),
        ("a.fvecs.gz", vecs(DATA[:3]) + struct.pack("<i", 4) + bytes(20), "row 3 says that its dimension is 4"),
        ("a.fbin", struct.pack("<I", 3), "ends after 4 bytes, inside its header of 8"),
        ("a.fbin", struct.pack("<II", 2**32 - 1, 2**32 - 1), "but the file holds 0 after its header: truncated"),
        ("a.fbin", struct.pack("<II", 0, 5), "0 rows of 5 values"),
        ("a.fbin", struct.pack("<II", 2, 2) + bytes(17), "need 16 bytes, but the file holds 17"),
        ("a.fbin.gz", struct.pack("<II", 2, 2) + bytes(17), "goes on after the last value"),
        ("a.fbin.gz", struct.pack("<II", 2, 2) + bytes(15), "ends inside 2 rows of 2 values: 1 bytes are missing"),
        ("a.fbin.gz", struct.pack("<II", 2**31, 2**31), "can unpack to at most"),
        ("a.idx", b"\0\0\7\1" + bytes(9), "begins with the bytes 00 00 07 01, not like an IDX file"),
        ("a.idx", b"\0\0\10\0", "not like an IDX file"),
        ("a.idx", idx(BYTES, 8)[:9], "inside its header"),
        ("a.idx", idx(BYTES, 8)[:-1], "need 24 bytes, but the file holds 23"),
        ("a.idx", b"\0\0\10\3" + b"\xff" * 12 + bytes(50), "truncated or damaged"),
        ("a.idx", b"\0\0\10\2" + bytes(8), "an array of shape (0, 0)"),
        ("a.idx.gz", idx(BYTES, 8) + b"x", "goes on after the last value"),
        ("a.npy", b"\x93NUMPX" + bytes(50), "does not begin as npy files do"),
        ("a.npy", npy(DATA)[:60], "inside its header"),
        ("a.npy", npy(DATA)[:-1], "values of shape (20, 5) need 400 bytes, but the file holds 399"),
        ("a.npy", npy(np.float32(3)), "shape ()"),
        ("a.npy", npy(np.zeros((0, 4))), "shape (0, 4); at least one row"),
        ("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "has a header of 4294967295 bytes"),
        ("a.npy", b"\x93NUMPY\x03\x00\x00\x00\x00\x00", "is of version 3"),
        ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3)}"), "damaged"),
        ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (True, 3)}"), "damaged"),
        ("a.npy", header("{'descr': '<f4', 'fortran_order': 2, 'shape': (1, 3)}"), "damaged"),
        ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (10**99, 3)}"), "damaged"),
        ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (9" + "9" * 99 + ", 3)}"), "truncated"),
        ("a.npy", header("{'descr': '|O', 'fortran_order': False, 'shape': (1, 3)}"), "never loaded"),
        ("a.npy", header("{'descr': '<U3', 'fortran_order': False, 'shape': (1, 3)}"), "'<U3', not numbers"),
        ("a.npy", header("{'descr': '<f9', 'fortran_order': False, 'shape': (1, 3)}"), "'<f9'"),
        ("a.npy", header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 3)}"), "not numbers"),
        ("a.npy", header("__import__('os').abort()"), "damaged"),
        ("a.npy", header("[" * 9000), "damaged"),
        ("a.npz", b"PK\x03\x04" + bytes(40), "zip"),
        ("a.npz", npz(a=DATA)[:-30], "zip"),
        ("a.hdf5", b"\x89HDF\r\n\x1a\n" + bytes(99), "a."),
        ("a.parquet", b"PAR1" + bytes(99), "a."),
        ("a.arrow", b"ARROW1\0\0" + bytes(99), "a."),
        ("a.arrow", b"\xff\xff\xff\xff\xff\xff\xff\x7f", "a.arrow"),
        ("a.csv", b"\0\1\2\3\xff\xfe", "has a header but no rows"),
    ],
)
def test_what_is_said(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = put(tmp_path, name, content)
    with pytest.raises((FileFormatError, ArgumentError), match=re.escape(message)) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("the pickle was loaded",))

    array = np.array([[Bomb()]])
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    assert b"the pickle was loaded" in buffer.getvalue()
    points = io.BytesIO()
    np.savez(points, points=DATA, labels=np.array([Bomb()] * 20))
    assert read(put(tmp_path, "b.npz", points.getvalue()), "points").labels is None
    for name, content in [("a.npy", buffer.getvalue()), ("a.npz", npz_of("a.npy", buffer.getvalue()))]:
        with pytest.raises(FileFormatError, match="pickled Python objects, which are never loaded"):
            read(put(tmp_path, name, content))


def npz_of(name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def test_archives_that_lie(tmp_path: Path) -> None:
    promise = header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3)}", bytes(100))
    with pytest.raises(
        FileFormatError, match=r"needs 24000000000000 bytes for \(1000000000000, 3\) values, but at most"
    ):
        read(put(tmp_path, "a.npz", npz_of("a.npy", promise)))
    with pytest.raises(FileFormatError, match="goes on after its last value"):
        read(put(tmp_path, "a.npz", npz_of("a.npy", npy(DATA) + b"more")))
    with pytest.raises(FileFormatError, match="does not begin as npy files do"):
        read(put(tmp_path, "a.npz", npz_of("a.npy", b"text that is no array")))
    with pytest.raises(FileFormatError, match="ends inside its header"):
        read(put(tmp_path, "a.npz", npz_of("a.npy", b"\x93NUM")))
    with pytest.raises(FileFormatError, match="is packed by method 12; only deflate is known"):
        read(put(tmp_path, "a.npz", npz_of("a.npy", npy(DATA), zipfile.ZIP_BZIP2)))
    with pytest.raises(FileFormatError, match="at least one row"):
        read(put(tmp_path, "a.npz", npz_of("a.npy", npy(np.zeros((3, 0))))))


def test_bombs_stop_at_the_limit(tmp_path: Path) -> None:
    """A megabyte of zeros packs into a kilobyte; the limit holds whatever the header says."""
    size = 1 << 20
    packed = put(tmp_path, "a.u8bin.gz", struct.pack("<II", size, 1) + bytes(size))
    assert len(read(packed)) == size
    with pytest.raises(FileFormatError, match=r"more than 1000, the limit for packed files \(unpacked_limit\)"):
        read(packed, unpacked_limit=1000)
    text = put(tmp_path, "a.txt.gz", b"1 2\n" * size)
    with pytest.raises(FileFormatError, match="unpacks to more than 1000 bytes, the limit"):
        read(text, unpacked_limit=1000)
    with pytest.raises(FileFormatError, match="needs 1048576 bytes"):
        read(put(tmp_path, "a.npz", npz_of("a.npy", npy(np.zeros((size, 1), np.uint8)))), unpacked_limit=1000)


def test_lies_cost_no_memory(tmp_path: Path) -> None:
    lies = {
        "a.fbin": struct.pack("<II", 2**31, 2**10) + bytes(1000),
        "b.fbin.gz": struct.pack("<II", 2**20, 2**10) + bytes(1000),
        "a.idx": b"\0\0\10\2" + b"\x7f\xff\xff\xff\0\0\xff\xff" + bytes(1000),
        "a.npy": header("{'descr': '<f8', 'fortran_order': False, 'shape': (9000000000, 9)}", bytes(1000)),
    }
    tracemalloc.start()
    for name, content in lies.items():
        with pytest.raises(FileFormatError):
            read(put(tmp_path, name, content))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_gzip_that_is_damaged(tmp_path: Path) -> None:
    whole = gzip.compress(idx(BYTES, 8))
    for content in (whole[:-9], whole[:-4] + b"\0\0\0\0", whole[:20], whole[:12] + b"\xff" + whole[13:]):
        path = tmp_path / "a.idx.gz"
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=re.escape(str(path))):
            read(path)


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anear.data import files, text

    monkeypatch.setattr(files, "CHUNK", 100)
    monkeypatch.setattr(text, "_LONGEST_LINE", 1000)
    with pytest.raises(FileFormatError, match="line 1 is longer than 1000 bytes"):
        read(put(tmp_path, "a.txt", b"1 " * 1000))


def hdf5() -> bytes:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["train"] = DATA
        file.create_dataset("test", data=BYTES, chunks=(4, 3), compression="gzip")
    return buffer.getvalue()


def samples() -> dict[str, bytes]:
    """A small valid file of every format."""
    import pyarrow as pa

    table = pa.table({"a": DATA[:, 0], "b": DATA[:, 1]})
    vectors = pa.table({"v": pa.array(DATA.tolist(), pa.list_(pa.float32()))})
    return {
        "a.fvecs": vecs(DATA[:4]),
        "a.bvecs": vecs(BYTES),
        "a.ivecs.gz": vecs(BYTES.astype("<i4")),
        "a.fbin": struct.pack("<II", 20, 5) + DATA.tobytes(),
        "a.idx": idx(BYTES, 8),
        "a.idx.gz": idx(BYTES, 8),
        "a.npy": npy(DATA),
        "b.npy.gz": npy(DATA.T),
        "a.npz": npz(points=DATA, labels=np.arange(20)),
        "b.npz": npz_of("a.npy", npy(DATA)),
        "a.csv": b"a,b,c\n1,2,3\n4.5,6,7\n",
        "b.csv": b'"a","b"\n"1",2\n3,4\n',
        "a.tsv.gz": b"1\t2\n3\t4\n",
        "a.txt": b"label:1 1 2 3\nlabel:2 4 5 6\n7,8:9\n",
        "b.txt": b"the 1 2 3\nof 4 5 6\n",
        "a.vec": b"2 3\nthe 1 2 3\nof 4 5 6\n",
        "a.parquet": arrow_bytes(table, "parquet"),
        "a.arrow": arrow_bytes(table, "file"),
        "b.arrow": arrow_bytes(vectors, "file"),
        "a.hdf5": hdf5(),
        "unknown": b"1 2 3\n4 5 6\n",
    }


@pytest.mark.filterwarnings("ignore::UserWarning")  # zipfile warns of names that occur twice
@pytest.mark.parametrize("name", samples())
def test_mutated_files(tmp_path: Path, name: str) -> None:
    """Flip, cut, repeat and insert bytes anywhere, mostly near the beginning and the end, where the headers are."""
    content = samples()[name]
    random = np.random.default_rng(sum(name.encode()))
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(int(random.integers(1, 4))):
            mutate(damaged, random)
        path = put(tmp_path, name, bytes(damaged))
        if name.endswith(".gz") and random.random() < 0.3:
            raw = bytearray(path.read_bytes())
            mutate(raw, random)
            path.write_bytes(bytes(raw))
        with contextlib.suppress(FileFormatError, ArgumentError):
            valid(read(path))


def mutate(data: bytearray, random: np.random.Generator) -> None:
    """One change of one kind at one place."""
    size = max(1, len(data))
    near = int(random.integers(0, min(size, 130)))
    place = [near, size - 1 - near, int(random.integers(0, size))][int(random.integers(0, 3))]
    match int(random.integers(0, 5)):
        case 0:
            data[place : place + 1] = bytes([int(random.integers(0, 256))])
        case 1:
            del data[place:]
        case 2:
            del data[place : place + int(random.integers(1, 9))]
        case 3:
            data[place:place] = data[: int(random.integers(1, 9))]
        case _:
            data[place : place + 4] = random.choice([b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\xff\xff\xff\x7f", bytes(4)])


def valid(found: Dataset) -> None:
    """What is read is a matrix of numbers whose every value can be looked at."""
    assert found.rows.ndim in (1, 2)
    assert found.rows.size
    assert found.rows.dtype.kind in "biufV"
    assert found.rows.copy().nbytes < 1 << 20
    if found.labels is not None:
        assert len(found.labels) == len(found.rows)
    if found.names is not None:
        assert len(found.names) == len(found.rows)
