"""Every file format: what is written by others (or by hand, byte for byte) is read as what it was."""

from __future__ import annotations

import gzip
import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anear.data import Dataset, read
from anear.data.formats import all_formats, formats_for
from anear.data.types.dense import storage_name, to_float
from anear.errors import ArgumentError, Cancelled, FileFormatError

H5PY = pytest.importorskip("h5py", reason="writes HDF5 files")
ARROW = pytest.importorskip("pyarrow", reason="writes Parquet and Arrow files")
FEATHER = pytest.importorskip("pyarrow.feather", reason="writes feather files")
PARQUET = pytest.importorskip("pyarrow.parquet", reason="writes Parquet files")

DATA = np.random.default_rng(7).normal(size=(20, 5)).astype(np.float32)
BYTES = np.arange(60, dtype=np.uint8).reshape(20, 3)


def idx(array: np.ndarray, kind: int) -> bytes:
    """An array as IDX."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def vecs(array: np.ndarray) -> bytes:
    """An array as fvecs and its kin."""
    return b"".join(struct.pack("<i", array.shape[1]) + row.tobytes() for row in array)


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def put(folder: Path, name: str, content: bytes | str) -> Path:
    """A file with this content; packed if its name ends in .gz."""
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def same(found: Dataset, rows: np.ndarray) -> None:
    assert found.rows.shape == rows.shape
    assert np.array_equal(found.rows, rows)


def test_formats_are_found_by_being_there() -> None:
    names = [entry.name for entry in all_formats()]
    assert names == sorted(set(names))
    assert {"npy", "npz", "fvecs", "bvecs", "ivecs", "fbin", "u8bin", "i8bin", "ibin", "idx", "hdf5"} <= set(names)
    assert {"parquet", "arrow", "csv", "tsv", "nmslib", "glove"} <= set(names)
    for entry in all_formats():
        assert entry.about
        assert all(suffix[0] in ".-" for suffix in entry.suffixes)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.fvecs", vecs(DATA), DATA),
        ("a.bvecs", vecs(BYTES), BYTES),
        ("a.ivecs", vecs(BYTES.astype("<i4")), BYTES),
        ("a.fbin", struct.pack("<II", 20, 5) + DATA.tobytes(), DATA),
        ("a.u8bin", struct.pack("<II", 20, 3) + BYTES.tobytes(), BYTES),
        ("a.i8bin", struct.pack("<II", 20, 3) + BYTES.tobytes(), BYTES),
        ("a.ibin", struct.pack("<II", 20, 3) + BYTES.astype("<i4").tobytes(), BYTES),
        ("train.idx2", idx(BYTES, 8), BYTES),
        ("a-images-idx3-ubyte", idx(BYTES.reshape(10, 2, 3), 8), BYTES.reshape(10, 6)),
        ("a.idx", idx(DATA, 13), DATA),
        ("a.idx", idx(DATA.astype("f8"), 14), DATA),
        ("a.idx", idx(BYTES.astype("i2"), 11), BYTES),
        ("labels-idx1-ubyte", idx(BYTES[:, 0], 8), BYTES[:, 0]),
    ],
)
def test_fixed_layouts(tmp_path: Path, name: str, content: bytes, rows: np.ndarray, suffix: str) -> None:
    path = put(tmp_path, name + suffix, content)
    same(read(path), rows)
    same(read(path, rows=slice(3, 8)), rows[3:8])
    same(read(path, rows=slice(-4, None)), rows[-4:])
    same(read(path, limit=2), rows[:2])
    same(read(path, limit=10**9), rows)


def test_gold_standards_with_distances_behind(tmp_path: Path) -> None:
    path = put(tmp_path, "gt.ibin", struct.pack("<II", 20, 3) + BYTES.astype("<i4").tobytes() * 2)
    same(read(path), BYTES)


@pytest.mark.parametrize("name", ["fvecs", "fbin", "bvecs", "u8bin", "ivecs", "ibin", "i8bin", "npy"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    rows = DATA if name in ("fvecs", "fbin", "npy") else BYTES.astype({"i": "i4", "u": "u1", "b": "u1"}[name[0]])
    if name == "i8bin":
        rows = BYTES.astype("i1")
    (write,) = (entry.write for entry in all_formats() if entry.name == name)
    assert write is not None
    path = tmp_path / f"out.{name}"
    write(path, rows)
    same(read(path), rows)
    if name != "npy":
        with pytest.raises(ArgumentError, match="cannot be written"):
            write(path, np.zeros((0, 3)))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_npy(tmp_path: Path, suffix: str) -> None:
    for array in (DATA, DATA.T, np.asfortranarray(DATA), DATA.astype(">f8"), BYTES > 3, DATA.astype("f2")):
        buffer = io.BytesIO()
        np.save(buffer, array)
        same(read(put(tmp_path, "a.npy" + suffix, buffer.getvalue())), array)
    buffer = io.BytesIO()
    np.save(buffer, DATA.reshape(2, 10, 5))
    same(read(put(tmp_path, "a.npy" + suffix, buffer.getvalue()), limit=1), DATA.reshape(2, 50)[:1])


def test_npy_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DATA)
    rows = read(tmp_path / "a.npy", rows=slice(2, 9)).rows
    same(Dataset(rows), DATA[2:9])
    assert not rows.flags.writeable
    assert not rows.flags.owndata


def test_npy_of_bfloat16(tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="has bfloat16")
    array = DATA.astype(ml_dtypes.bfloat16)
    np.save(tmp_path / "a.npy", array)
    rows = read(tmp_path / "a.npy").rows
    assert storage_name(rows) == "bfloat16"
    assert np.array_equal(to_float(rows), array.astype(np.float32))


def test_npz(tmp_path: Path) -> None:
    path = put(tmp_path, "b.npz", npz(points=DATA, queries=BYTES, labels=BYTES[:, 0], other=BYTES[:7, 0]))
    same(read(f"{path}:queries"), BYTES)
    found = read(path, "points", rows=slice(4, 6))
    same(found, DATA[4:6])
    assert found.labels is not None
    assert found.labels.tolist() == BYTES[4:6, 0].tolist()
    assert found.source == f"{path}:points"
    same(read(f"{path}:other"), BYTES[:7, 0])
    assert read(f"{path}:other").labels is None
    with pytest.raises(ArgumentError, match="has 2 arrays of two dimensions; name one of 'labels', 'other', 'points'"):
        read(path)
    with pytest.raises(ArgumentError, match=r"has no array 'nothing'; it has 'labels'"):
        read(f"{path}:nothing")
    same(read(put(tmp_path, "c.npz", npz(a=DATA, b=BYTES[:, 0]))), DATA)
    np.savez_compressed(tmp_path / "d.npz", x=BYTES[:, 0])
    same(read(tmp_path / "d.npz"), BYTES[:, 0])
    found = read(put(tmp_path, "f.npz", npz(a=DATA, labels=np.array(list("ab") * 10)[:20])), rows=slice(1, 3))
    assert found.labels is not None
    assert found.labels.tolist() == ["b", "a"]
    assert read(put(tmp_path, "g.npz", npz(a=DATA, labels=BYTES[:3, 0]))).labels is None
    sparse = put(tmp_path, "e.npz", npz(data=DATA, indices=BYTES, indptr=BYTES, shape=BYTES))
    with pytest.raises(FileFormatError, match="sparse"):
        read(sparse)


def test_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "bench.hdf5"
    with H5PY.File(path, "w") as file:
        file["train"] = DATA
        file.create_dataset("test", data=BYTES, chunks=(4, 3), compression="gzip")
        file["neighbors"] = BYTES.astype("i4")
        file["labels"] = BYTES[:, 0]
        file["deep/er"] = BYTES
        file["text"] = ["a", "b"]
        file["link"] = H5PY.SoftLink("/train")
        file["outside"] = H5PY.ExternalLink("other.hdf5", "/train")
        file.create_dataset("raw", (20, 3), "u1", external=[("raw.bin", 0, 60)])
        file["cube"] = BYTES.reshape(5, 4, 3)
        file["empty"] = np.zeros((0, 3))
        file["scalar"] = 3.0
    same(read(path), DATA)
    assert read(path).labels is not None
    same(read(f"{path}:test", rows=slice(5, 9)), BYTES[5:9])
    same(read(path, "deep/er"), BYTES)
    same(read(path, "cube"), BYTES.reshape(5, 12))
    for key, error, message in [
        ("deep", ArgumentError, "is a group"),
        ("nothing", ArgumentError, "has no dataset 'nothing'"),
        ("train/x", ArgumentError, "has no dataset 'train/x'"),
        ("text", FileFormatError, "rows of numbers are needed"),
        ("link", FileFormatError, "is a link"),
        ("outside", FileFormatError, "is a link"),
        ("raw", FileFormatError, "in other files"),
        ("empty", FileFormatError, "at least one row"),
        ("scalar", FileFormatError, "rows of numbers are needed"),
    ]:
        with pytest.raises(error, match=re.escape(message)):
            read(path, key)
    with H5PY.File(tmp_path / "one.h5", "w") as file:
        file["vectors"] = DATA
        file["ids"] = BYTES[:, 0]
    same(read(tmp_path / "one.h5"), DATA)


def write_parquet(path: Path, table: Any) -> None:
    PARQUET.write_table(table, path, row_group_size=7)


def write_arrow(path: Path, table: Any) -> None:
    with ARROW.OSFile(str(path), "wb") as sink, ARROW.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, 7)


def write_stream(path: Path, table: Any) -> None:
    with ARROW.OSFile(str(path), "wb") as sink, ARROW.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, 7)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.parquet", write_parquet),
        ("a.arrow", write_arrow),
        ("a.arrows", write_stream),
        ("a.feather", lambda path, table: FEATHER.write_feather(table, path)),
    ],
)
def test_tables(tmp_path: Path, name: str, write: Any) -> None:
    path = tmp_path / name
    numbers = {f"c{i}": DATA[:, i] for i in range(5)}
    write(path, ARROW.table(numbers))
    same(read(path), DATA)
    same(read(path, rows=slice(5, 9)), DATA[5:9])
    assert read(path).rows.dtype == np.float32

    words = [f"w{i}" for i in range(20)]
    write(path, ARROW.table({"word": words, "class": BYTES[:, 0], **numbers}))
    found = read(path, label="class", name="word")
    same(found, DATA)
    assert found.names == words
    assert found.labels is not None
    assert found.labels.tolist() == BYTES[:, 0].tolist()
    with pytest.raises(ArgumentError, match="column 'word' is of type string, not numbers; if it holds the labels"):
        read(path)
    with pytest.raises(ArgumentError, match="has no column label='klass'; it has 'word', 'class'"):
        read(path, label="klass")

    for kind in (ARROW.list_(ARROW.float32()), ARROW.list_(ARROW.float32(), 5), ARROW.large_list(ARROW.float32())):
        write(path, ARROW.table({"text": words, "vector": ARROW.array(DATA.tolist(), kind)}))
        same(read(path), DATA)
        same(read(f"{path}:vector", rows=slice(8, 16)), DATA[8:16])
    with pytest.raises(ArgumentError, match="column 'text' is of type string, not vectors"):
        read(f"{path}:text")
    write(path, ARROW.table({"vector": [[1.0, 2.0]] * 9 + [[1.0]]}))
    with pytest.raises(FileFormatError, match="row 9, column 'vector' has 1 values; 2 are needed"):
        read(path)
    write(path, ARROW.table({"vector": [[1.0, 2.0], [1.0, None]]}))
    with pytest.raises(FileFormatError, match="missing"):
        read(path)
    write(path, ARROW.table({"a": [1.0] * 10, "b": [1.0] * 8 + [None, 1.0]}))
    with pytest.raises(FileFormatError, match="row 8, column 'b' is missing"):
        read(path)
    write(path, ARROW.table({"a": [True, False], "b": [1, 2]}))
    assert read(path).rows.tolist() == [[1, 1], [0, 2]]
    write(path, ARROW.table({"a": ARROW.array([], ARROW.float32())}))
    with pytest.raises(FileFormatError, match="holds no rows"):
        read(path)


@pytest.mark.parametrize(
    ("content", "rows", "dtype"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]], "float32"),
        ("a,b\n1,2\n3,4", [[1, 2], [3, 4]], "float32"),
        ("\n a;b \r\n1;2\r\n\r\n3;4\r\n", [[1, 2], [3, 4]], "float32"),
        ("\ufeff0.1\t-2e3\n3\t+4.\n", [[0.1, -2000], [3, 4]], "float64"),
        ("0,1,2\n5,6,7\n", [[5, 6, 7]], "float32"),
        (",a,b\n0,1,2\n1,3,4\n", [[1, 2], [3, 4]], "float32"),
        ("1\n2\n3\n", [[1], [2], [3]], "float32"),
        ("16777217|1\n", [[16777217, 1]], "float64"),
        ('"a","b"\n"1",2\n3,"4"\n', [[1, 2], [3, 4]], "float32"),
        ('\ufeff\n\r\n"a","b"\n\n"1",2\n3,"4"\n', [[1, 2], [3, 4]], "float32"),
        ("1, 2\n3 ,4\n", [[1, 2], [3, 4]], "float32"),
        (",a,b\nr1,1,2\nr2,3,4\n", [[1, 2], [3, 4]], "float32"),
    ],
)
def test_csv(tmp_path: Path, content: str, rows: list[list[float]], dtype: str) -> None:
    for name in ("a.csv", "a.csv.gz"):
        found = read(put(tmp_path, name, content))
        assert found.rows.tolist() == rows
        assert found.rows.dtype == dtype


def test_csv_with_labels_and_names(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "kind,a,b,id\nx,1,2,n1\ny,3,4,n2\n")
    found = read(path, label="kind", name="id")
    assert found.rows.tolist() == [[1, 2], [3, 4]]
    assert found.labels is not None
    assert found.labels.tolist() == ["x", "y"]
    assert found.names == ["n1", "n2"]
    found = read(put(tmp_path, "b.csv", "a,b,c\n0.5,1,7\n0.25,2,8\n"), label=-1)
    assert found.rows.tolist() == [[0.5, 1], [0.25, 2]]
    assert found.labels is not None
    assert found.labels.tolist() == [7, 8]
    found = read(put(tmp_path, "c.csv", "x,1,2\ny,3,4\n"), label=0, limit=1)
    assert found.rows.tolist() == [[1, 2]]
    with pytest.raises(ArgumentError, match="column 'kind' holds 'x', not numbers; if it is the labels"):
        read(path, name="id")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2\n3\n", "line 2 has 1 columns; 2 are needed"),
        ("1,2\n3,4\r5,6\n", "line 2 has a carriage return before its end"),
        ("1,2\n3,4,5\n", "line 2 has 3 columns"),
        ("1,2\n\n3,\n", "line 3 has an empty column"),
        ("1,2\n3,x\n", "line 2 has 'x' at column 3, which is not a number"),
        ("1,2\n3,4 5\n", "line 2 has 3 values"),
        ("1,2\n3,0x10\n", "'0x10' at column 3"),
        ("a,b\n", "has a header but no rows"),
        ("\n", "holds no rows"),
        ('"a","b"\n"1",2\n3,"x"\n', "in column 'b'"),
    ],
)
def test_csv_that_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=re.escape(message)):
        read(put(tmp_path, "a.csv", content))


@pytest.mark.parametrize(
    ("content", "rows", "labels"),
    [
        ("1 2\n3 4\n", [[1, 2], [3, 4]], None),
        ("  1\t 2e0 \r\n\n3,4", [[1, 2], [3, 4]], None),
        ("1:2:3\n", [[1, 2, 3]], None),
        ("label:7 1 2\nlabel:-1 3 4\n", [[1, 2], [3, 4]], [7, -1]),
        ("label:7 1 2\n3 4\n", [[1, 2], [3, 4]], [7, -1]),
        ("3 4\nlabel:+7\t1 2\n", [[3, 4], [1, 2]], [-1, 7]),
        ("label:-1 3\n", [[3]], None),
    ],
)
def test_nmslib_text(tmp_path: Path, content: str, rows: list[list[float]], labels: list[int] | None) -> None:
    for name in ("a.txt", "a.txt.gz"):
        found = read(put(tmp_path, name, content))
        assert found.rows.tolist() == rows
        assert found.rows.dtype == np.float32
        assert (None if found.labels is None else found.labels.tolist()) == labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 2\n3\n", "line 2 has 1 values; 2 are needed"),
        ("1 2\nlabel:3 4\n", "line 2 has 1 values"),
        ("1 2\n\n3 x4\n", "line 3 has 'x4' at column 3, which is not a number"),
        ("1 2\nlabel:x 3 4\n", "line 2 has 'x' at column 7"),
        ("1 2\nlabel: 3 4 5\n", "line 2 has no whole number directly after 'label:'"),
        ("label:3.5 1\n", "line 1 has the label 3.5; a whole number is needed"),
        ("label:3\n", "line 1 has a label but no values"),
        ("1 2\n3 4\0 5\n", "line 2 has 3 values"),
    ],
)
def test_nmslib_text_that_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=re.escape(message)):
        read(put(tmp_path, "a.txt", content), format="nmslib")


def test_word_vectors(tmp_path: Path) -> None:
    found = read(put(tmp_path, "g.txt", "the 1 2.5\n, 3 4\nnew york 5 6\n\u00e4 -7 8\n"))
    assert found.names == ["the", ",", "new york", "\u00e4"]
    assert found.rows.tolist() == [[1, 2.5], [3, 4], [5, 6], [-7, 8]]
    assert read(tmp_path / "g.txt", rows=slice(1, 2)).names == [","]
    found = read(put(tmp_path, "w.vec", "2 3\nfirst 1 2 3\n12 4 5 6\n"))
    assert found.names == ["first", "12"]
    with pytest.raises(FileFormatError, match="first line speaks of 3 words, but 2 are there"):
        read(put(tmp_path, "w.vec", "3 3\nfirst 1 2 3\n12 4 5 6\n"))
    with pytest.raises(FileFormatError, match="line 2 has 2 entries; a word and 2 numbers are needed"):
        read(put(tmp_path, "g.txt", "the 1 2\nof 3\n"))
    with pytest.raises(FileFormatError, match="line 2 has 'x' at column 6"):
        read(put(tmp_path, "g.txt", "the 1 2\nof 3 x\n"))


@pytest.mark.parametrize("arrow", [True, False])
def test_large_text_in_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrow: bool) -> None:
    """Text longer than a block, through both parsers."""
    from anear.data import files, text

    monkeypatch.setattr(files, "CHUNK", 1000)
    monkeypatch.setattr(text, "_WORTH_ARROW", 0 if arrow else 1 << 40)
    rows = (np.random.default_rng(3).normal(size=(300, 4)) * 10.0 ** np.arange(-20, 20, 10)).astype(np.float32)
    lines = [f"label:{i} " + " ".join(map(repr, row)) for i, row in enumerate(rows.tolist())]
    path = put(tmp_path, "a.txt", "\n".join(lines))
    found = read(path)
    same(found, rows)
    assert found.labels is not None
    assert found.labels.tolist() == list(range(300))
    same(read(path, rows=slice(100, 200)), rows[100:200])
    lines[250] = lines[250].replace(" ", " x", 1)
    with pytest.raises(FileFormatError, match="line 251 has 'x"):
        read(put(tmp_path, "b.txt", "\n".join(lines)))
    assert len(read(tmp_path / "b.txt", limit=100)) == 100


def test_the_name_or_the_beginning_tells_the_format(tmp_path: Path) -> None:
    assert [entry.name for entry in formats_for(Path("X.FVECS.GZ"))] == ["fvecs"]
    np.save(tmp_path / "a.npy", DATA)
    same(read((tmp_path / "a.npy").rename(tmp_path / "array")), DATA)
    same(read(put(tmp_path, "mnist", gzip.compress(idx(BYTES, 8)))), BYTES)
    same(read(put(tmp_path, "zip", npz(a=DATA))), DATA)
    assert read(put(tmp_path, "table", "a,b\n1,2\n")).rows.tolist() == [[1, 2]]
    assert read(put(tmp_path, "numbers", "1 2\n3 4\n")).rows.tolist() == [[1, 2], [3, 4]]
    same(read(put(tmp_path, "some.data", vecs(DATA)), format="fvecs"), DATA)
    with pytest.raises(FileFormatError, match="neither its name nor its beginning tells the format; give format="):
        read(put(tmp_path, "noise", b"\x01\x02\x03\x04" * 9))
    with pytest.raises(FileFormatError, match="is empty"):
        read(put(tmp_path, "nothing", b""))
    with pytest.raises(FileFormatError, match="begins like none of the formats its name allows"):
        read(put(tmp_path, "dna.txt", "label:-1 ACGT\n"))
    with pytest.raises(ArgumentError, match="format is 'xls'; allowed are arrow, bvecs"):
        read(tmp_path / "zip", format="xls")


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"path '/nowhere/a\.npy' is no file"):
        read("/nowhere/a.npy")
    with pytest.raises(ArgumentError, match="is a folder"):
        read(tmp_path)
    path = put(tmp_path, "a.fvecs", vecs(DATA))
    with pytest.raises(ArgumentError, match="holds one thing only; there is no 'train'"):
        read(f"{path}:train")
    with pytest.raises(ArgumentError, match="names 'x' already"):
        read(f"{path}:x", "y")
    with pytest.raises(ArgumentError, match="rows has step 2"):
        read(path, rows=slice(0, 9, 2))
    with pytest.raises(ArgumentError, match="either rows or limit"):
        read(path, rows=3, limit=3)
    for wrong in ({"limit": 0}, {"rows": 0}, {"rows": slice(5, 3)}, {"rows": slice(0, 0)}, {"rows": slice("a", 3)}):
        with pytest.raises(ArgumentError, match=r"at least 1|no row at all|whole number"):
            read(path, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="has no columns for label= and name= to choose from"):
        read(path, label=0)
    with pytest.raises(FileFormatError, match="gunzip it first"):
        read(put(tmp_path, "b.npz.gz", npz(a=DATA)))
    odd = put(tmp_path, "odd:name.fvecs", vecs(DATA))
    same(read(odd), DATA)


def test_progress_and_cancelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anear.data import files

    monkeypatch.setattr(files, "CHUNK", 64)
    path = put(tmp_path, "a.fvecs", vecs(DATA))
    seen: list[tuple[int, int]] = []
    read(path, progress=lambda done, total: seen.append((done, total)))
    assert seen
    assert all(0 < done <= total == path.stat().st_size for done, total in seen)
    archive = tmp_path / "a.npz"
    np.savez(archive, DATA)
    for file in (path, archive):
        with pytest.raises(Cancelled, match=file.name):
            read(file, progress=lambda done, total: False)


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name, package in [("a.parquet", "pyarrow"), ("a.hdf5", "h5py")]:
        path = put(tmp_path, name, b"PAR1 or whatever")
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ArgumentError, match=rf"needs {package}, which is not installed: pip install anear\[data\]"):
            read(path)


def test_dataset_shows_what_it_is() -> None:
    shown = Dataset(DATA, labels=BYTES[:, 0], source="a.npz:x")
    assert repr(shown) == "Dataset(20 x 5 float32, labels, from 'a.npz:x')"
    assert len(shown) == 20
