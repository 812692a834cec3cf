"""Files cut short, changed or made by an enemy: an error that says so, or the very same answers."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.index import mutations
from tests.index.support import same

import anear
from anear import AnearError, FileFormatError, x, y
from anear.index import container, files
from anear.index.methods import GRAPHS, METHODS

RNG = np.random.default_rng(13)
POINTS = RNG.random((12, 3)).astype(np.float32)
QUERIES = RNG.random((4, 3)).astype(np.float32)
INDEX = anear.Index(POINTS, (np.array([1.0, 2.0, 3.0]) * abs(x - y)).sum())
EXPECTED = INDEX.search(QUERIES, 5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a good file."""
    path = tmp_path_factory.mktemp("good") / "a"
    INDEX.save(path)
    return path.read_bytes()


def opened(data: bytes, path: Path) -> None:
    """Loading gives FileFormatError, or an index that answers as the good one."""
    path.write_bytes(data)
    try:
        loaded = anear.load(path)
    except FileFormatError:
        return
    found = loaded.search(QUERIES, 5)
    assert np.array_equal(found.ids, EXPECTED.ids)
    assert np.array_equal(found.distances, EXPECTED.distances)


def test_cut_short_anywhere(whole: bytes, tmp_path: Path) -> None:
    for length in range(0, len(whole), 7):
        (tmp_path / "a").write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match="cut short"):
            anear.load(tmp_path / "a")
    (tmp_path / "a").write_bytes(whole + b"\0")
    with pytest.raises(FileFormatError, match="too long"):
        anear.load(tmp_path / "a")


def test_any_byte_changed(whole: bytes, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << rng.integers(8)
        opened(bytes(changed), tmp_path / "a")
    for _ in range(200):
        changed = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(2, 20)):
            changed[at] = rng.integers(256)
        opened(bytes(changed), tmp_path / "a")


def test_pieces_moved_about(whole: bytes, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        a, b = sorted(rng.integers(0, len(whole), 2))
        opened(whole[:a] + whole[b:], tmp_path / "a")
        opened(whole[:b] + whole[a:], tmp_path / "a")
        opened(whole[:a] + bytes(b - a) + whole[b:], tmp_path / "a")


def test_other_files_are_no_indexes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for data in (b"", b"\x93NUMPY", b"PK\3\4" * 30, b"{}" * 40, bytes(1000), b"\xff" * 64, b"sum(abs(x - y))\n" * 9):
        path.write_bytes(data)
        with pytest.raises(FileFormatError):
            anear.load(path)
    np.save(path.with_suffix(".npy"), POINTS)
    with pytest.raises(FileFormatError, match=r"it is a NumPy array .*, not an anear index"):
        anear.load(path.with_suffix(".npy"))
    np.savez(path.with_suffix(".npz"), POINTS)
    with pytest.raises(FileFormatError, match="it is a ZIP archive"):
        anear.load(path.with_suffix(".npz"))
    path.write_bytes(pickle.dumps(INDEX))
    with pytest.raises(FileFormatError, match="it is a pickle, not an anear index"):
        anear.load(path)
    for begin, what in ((b"IxF2", "FAISS"), (b"IHNf", "FAISS"), (b"IwFl", "FAISS"), (bytes(16), "hnswlib")):
        path.write_bytes(begin + RNG.bytes(200))
        with pytest.raises(FileFormatError, match=f"it is .*{what}, not an anear index"):
            anear.load(path)
    save_file({"weight": POINTS}, path, metadata={"format": "pt"})
    with pytest.raises(FileFormatError, match=r"it is not an anear index .its format is 'pt'"):
        anear.load(path)


def forged(whole: bytes, change: Callable[[dict[str, Any]], Any], data: bytes | None = None) -> bytes:
    """The file with another header, its checksums in order: what an enemy would write."""
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    change(header)
    texts = header["__metadata__"]
    texts.pop("header_crc32")
    table = {name: entry for name, entry in header.items() if name != "__metadata__"}
    texts["header_crc32"] = str(zlib.crc32(json.dumps([texts, table], sort_keys=True).encode()))
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + (whole[8 + length :] if data is None else data)


def text(**texts: Any) -> Callable[[dict[str, Any]], Any]:
    """A change of the metadata."""
    return lambda header: header["__metadata__"].update(texts)


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "version": (text(version="4"), "version '4'; this anear reads '1' and '2' and '3'; a newer anear wrote it"),
    "odd version": (text(version="two"), "version 'two'; this anear reads '1' and '2' and '3'"),
    "block": (text(block="0"), "size of a block"),
    "block text": (text(block="-16"), "size of a block"),
    "long block": (text(block="9" * 9999), "size of a block"),
    "no block": (lambda h: h["__metadata__"].pop("block"), "size of a block"),
    "format": (text(format="other"), "not an anear index"),
    "storage": (text(storage="float128"), "float128"),
    "other storage": (text(storage="float64"), "float64"),
    "dimension": (text(dimension="4"), "columns"),
    "zero dimension": (text(dimension="0"), ""),
    "negative dimension": (text(dimension="-3"), ""),
    "long dimension": (text(dimension="9" * 5000), "does not make sense"),
    "no dimension": (text(dimension="three"), "does not make sense"),
    "formula": (text(formula="sum(abs(x - "), "does not make sense"),
    "vector formula": (text(formula="abs(x - y)"), "does not make sense"),
    "code": (text(formula="__import__('os').abort()"), "does not make sense"),
    "deep formula": (text(formula="(" * 5000 + "x" + ")" * 5000), "does not make sense"),
    "long formula": (text(formula="+".join(["sum(x)"] * 9999)), "does not make sense"),
    "unknown array": (text(formula="sum(v * abs(x - y))"), "does not make sense"),
    "field": (text(formula="sum(abs(x - y)) * point_field('s')"), "columns"),
    "huge field": (text(formula="sum(point_field('s', 99999999999))"), "columns"),
    "outside": (text(formula="x[7] - y[0]"), "does not make sense"),
    "method": (text(method="hnsv"), "hnsv"),
    "distance": (text(distance="[1, 2, 3]"), "does not make sense"),
    "distance json": (text(distance="[" * 100_000), "does not make sense"),
    "checks": (text(checks='["yes", 0]'), "does not make sense"),
    "no checks": (text(checks="[]"), "does not make sense"),
    "no sums": (text(crc32="{}"), "checksum"),
    "sums json": (text(crc32="[" * 100_000), "checksums"),
    "numbers": (lambda h: h["__metadata__"].update(formula=3), "texts"),
    "no formula": (lambda h: h["__metadata__"].pop("formula"), "lacks formula"),
    "no points": (lambda h: h.pop("points"), ""),
    "no metadata": (lambda h: h.update(__metadata__={"header_crc32": ""}), "not an anear index"),
    "dtype": (lambda h: h["points"].update(dtype="F128"), "does not make sense"),
    "dtype list": (lambda h: h["points"].update(dtype=["F32"]), "does not make sense"),
    "other dtype": (lambda h: h["points"].update(dtype="U8", shape=[12, 12]), "uint8"),
    "shape": (lambda h: h["points"].update(shape=[12, 4]), "does not make sense"),
    "flat": (lambda h: h["points"].update(shape=[36]), "shape (36,)"),
    "deep": (lambda h: h["points"].update(shape=[1] * 80 + [36]), ""),
    "negative": (lambda h: h["points"].update(shape=[-12, -3]), "does not make sense"),
    "huge": (lambda h: h["points"].update(shape=[2**61, 2**61]), "does not make sense"),
    "truth": (lambda h: h["points"].update(shape=[True, 36]), "does not make sense"),
    "offsets": (lambda h: h["points"].update(data_offsets=[0, 10**18]), "does not make sense"),
    "overlap": (lambda h: h["points"].update(data_offsets=[8, 152]), "gap or overlap"),
    "entry": (lambda h: h.update(points=3), "does not make sense"),
    "nothing": (lambda h: h["points"].update(shape=[0, 3], data_offsets=[24, 24]), ""),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_headers(name: str, whole: bytes, tmp_path: Path) -> None:
    change, message = FORGERIES[name]
    path = tmp_path / "a"
    path.write_bytes(forged(whole, change))
    for mmap in (False, True):
        with pytest.raises(FileFormatError) as raised:
            anear.load(path, mmap=mmap)
        assert message in str(raised.value)
        assert len(str(raised.value)) < 3000


def test_the_forger_himself_is_right(whole: bytes, tmp_path: Path) -> None:
    opened(forged(whole, lambda header: None), tmp_path / "a")
    assert anear.load(tmp_path / "a").dimension == 3


def test_headers_that_are_no_json_objects(tmp_path: Path) -> None:
    for content in (
        b"[]",
        b"3",
        b'{"a": ' * 50_000,
        b"\xff\xfe",
        b'{"__metadata__": [1]}',
        b'{"__metadata__": {"a": 1}}',
    ):
        (tmp_path / "a").write_bytes(len(content).to_bytes(8, "little") + content)
        with pytest.raises(FileFormatError):
            anear.load(tmp_path / "a")
    (tmp_path / "a").write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(FileFormatError, match="cut short"):
        anear.load(tmp_path / "a")


def test_a_named_distance_that_has_changed_since(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(forged(whole, text(distance='["euclidean", {}]')))
    assert "abs" in anear.load(path).distance  # the formula is what counts
    path.write_bytes(forged(whole, text(distance='["no_longer_there", {}]')))
    found = anear.load(path).search(QUERIES, 5)
    assert np.array_equal(found.ids, EXPECTED.ids)


def test_a_file_that_vanishes(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(whole)
    loaded = anear.load(path, mmap=True)
    shutil.move(path, tmp_path / "b")
    assert np.array_equal(loaded.search(QUERIES, 5).ids, EXPECTED.ids)


# Every method's files, by accident and by an enemy: a sample, or with ANEAR_TESTS=full 10,000 of each method's.

EACH = 5000 if os.environ.get("ANEAR_TESTS") == "full" else 60
MANY = (RNG.random((300, 4)) + 0.01).astype(np.float32)
ASKED = (RNG.random((3, 4)) + 0.01).astype(np.float32)
DISTANCES = {
    "ball_tree": "seuclidean",
    "kd_tree": "sum(w * abs(x - y))",
    "flat": "sum(w * abs(x - y)) / point_field('s')",
}


def index_of(method: str) -> anear.Index:
    """A small index that has all that the method's files hold."""
    method, _, more = method.partition(" ")
    distance: Any = DISTANCES.get(method, "kldivgen")
    if "w *" in distance:
        distance = anear.formula(distance, w=np.array([1.0, 2.0, 0.5, 1.5]))
    data = {"s": MANY[:, 0]} if method == "flat" else None
    params: dict[str, Any] = {"V": MANY.var(0)} if method == "ball_tree" else {}
    if more.startswith("codes"):
        params["options"] = {"codes": int(more.split("=")[1])}
    if method == "ivf" and more == "lived":
        params["options"] = {"codes": 8}
    if more == "lived":
        params["ids"] = [f"point {i}" for i in range(300)]
    index = anear.Index(MANY, distance, method=method, point_data=data, **params)
    if more == "lived":
        index.remove(["point 7", "point 11", "point 299"])
        index.add(MANY[:2] + 1, ["late", "later"], point_data=None if data is None else {"s": MANY[:2, 0]})
    return index


_MORE = [f"{method} {more}" for method in GRAPHS for more in ("codes=8", "lived")]
EXAMPLES = [*METHODS, "flat lived", "ivf lived", "hnsw codes=4", *_MORE]


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> tuple[bytes, anear.Neighbors]:
    """A file of each method, and what its index answers."""
    index = index_of(request.param)
    return files.dumps(index), index.search(ASKED, 5)


def loaded(data: bytes, path: Path, mmap: bool) -> anear.Index | None:
    """The index, None where there is an error that says so."""
    path.unlink(missing_ok=True)  # a mapped file must not change under its index
    path.write_bytes(data)
    try:
        with np.errstate(all="ignore"):
            return anear.load(path, mmap=mmap, num_threads=1)
    except FileFormatError as error:
        assert len(str(error)) < 3000  # noqa: PT017
        return None


def test_accidents(example: tuple[bytes, anear.Neighbors], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "AT_ONCE", 0)
    whole, expected = example
    for seed in range(EACH):
        data = mutations.damaged(whole, np.random.default_rng(seed))
        index = loaded(data, tmp_path / "a", mmap=seed % 2 == 1)
        if index is None:
            continue
        try:
            found = index.search(ASKED, 5)
            index.verify()
        except AnearError:
            assert seed % 2 == 1
            continue
        assert same(found, expected)


def test_enemies(example: tuple[bytes, anear.Neighbors], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "AT_ONCE", 0)
    for seed in range(EACH):
        index = loaded(mutations.forged(example[0], np.random.default_rng(seed)), tmp_path / "a", mmap=seed % 2 == 1)
        if index is None:
            continue
        try:
            with np.errstate(all="ignore"):
                found = index.search(ASKED, 5)
        except AnearError:
            continue
        assert np.isin(found.ids, [*index.ids, "" if found.ids.dtype.kind == "U" else -1]).all()
        assert np.all(found.distances[:, 1:] >= found.distances[:, :-1])
