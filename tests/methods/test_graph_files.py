"""Graphs in files: nothing is built when they are opened, and no number that a file may hold leads a walk astray."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.index.mutations import Arrays, contents, written
from tests.index.support import same

import anear
from anear import FileFormatError
from anear.index import container, files
from anear.index.methods import GRAPHS

RNG = np.random.default_rng(31)
POINTS = (RNG.random((900, 6)) + 0.01).astype(np.float32)
QUERIES = (RNG.random((20, 6)) + 0.01).astype(np.float32)


def links_of(index: anear.Index) -> Any:
    """The lowest links, where the core has them."""
    return index._built.core.parts["links"]


@pytest.mark.parametrize("method", GRAPHS)
@pytest.mark.parametrize("distance", ["euclidean", "cosine", "kldivgen", "sum(abs(x - y)) / point_field('s')"])
@pytest.mark.parametrize("storage", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("codes", [0, 4, 8])
def test_saved_pickled_and_copied(method: str, distance: str, storage: str, codes: int, tmp_path: Path) -> None:
    if codes and storage == "float64":
        pytest.skip("codes are for points that are searched in float32")
    points = (POINTS * 100 + 1).astype(storage)
    data = {"s": POINTS[:, 0] + 1} if "field" in distance else None
    index = anear.Index(points, distance, method=method, point_data=data, options={"codes": codes})
    expected = index.search(QUERIES, 10), index.search(QUERIES, 3, ef=5, allow=np.arange(0, 900, 3))
    index.save(tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    for other in (
        anear.load(tmp_path / "a"),
        anear.load(tmp_path / "a", mmap=True),
        pickle.loads(pickle.dumps(index)),
        copy.copy(index),
    ):
        assert other.distances_computed.building == 0
        assert other.nbytes == index.nbytes
        assert same(other.search(QUERIES, 10), expected[0])
        assert same(other.search(QUERIES, 3, ef=5, allow=np.arange(0, 900, 3)), expected[1])
        assert files.dumps(other) == whole


@pytest.mark.parametrize("method", GRAPHS)
def test_the_graph_stays_on_disk(method: str, tmp_path: Path) -> None:
    anear.Index(POINTS, method=method).save(tmp_path / "a")
    loaded = anear.load(tmp_path / "a", mmap=True)
    places = {name: array.__array_interface__["data"][0] for name, array in contents_on_disk(tmp_path / "a").items()}
    assert all(places[name] % 64 == 0 for name in ("points", "method.links"))
    assert isinstance(loaded._rows, np.memmap)
    assert isinstance(loaded._unchecked, tuple)
    assert not links_of(loaded).flags.writeable
    assert not links_of(loaded).flags.owndata


def contents_on_disk(path: Path) -> Arrays:
    """The file's arrays, mapped."""
    with path.open("rb") as file:
        return container.read(file, "anear-index", ("2",), mmap=True).arrays


@pytest.mark.parametrize("method", GRAPHS)
def test_files_without_a_graph_are_built_again(method: str, tmp_path: Path) -> None:
    index = anear.Index(POINTS, method=method)
    texts, arrays = contents(files.dumps(index))
    (tmp_path / "a").write_bytes(written(texts, {"points": arrays["points"]}))
    loaded = anear.load(tmp_path / "a")
    assert loaded.distances_computed.building > 0
    np.testing.assert_array_equal(links_of(loaded), links_of(index))


def test_rows_prepared_otherwise_are_prepared_again(tmp_path: Path) -> None:
    index = anear.Index(POINTS, "kldivgen", method="hnsw")
    texts, arrays = contents(files.dumps(index))
    assert "method.rows" in arrays
    texts["prepared"] = "of another version"
    arrays["method.rows"] = arrays["method.rows"][:, ::-1].copy()
    (tmp_path / "a").write_bytes(written(texts, arrays))
    for mmap in (False, True):
        loaded = anear.load(tmp_path / "a", mmap=mmap)
        assert same(loaded.search(QUERIES, 10), index.search(QUERIES, 10))
        assert files.dumps(loaded) == files.dumps(index)


@pytest.mark.parametrize("codes", [4, 8])
def test_forged_codes(codes: int, tmp_path: Path) -> None:
    texts, arrays = contents(files.dumps(anear.Index(POINTS, "kldivgen", method="hnsw", options={"codes": codes})))
    wrong: dict[str, Any] = {
        "method.codes": arrays["method.codes"][:, 1:].copy(),
        "method.code_scalars": arrays["method.code_scalars"][1:],
        "method.code_low": np.full_like(arrays["method.code_low"], np.nan),
        "method.code_step": np.full_like(arrays["method.code_step"], np.inf),
        "method.code_common": np.full_like(arrays["method.code_common"], np.inf),
    }
    if codes == 4:
        wrong["method.code_levels"] = arrays["method.code_levels"][1:]
    for name, array in wrong.items():
        typed = np.zeros_like(array, np.int32)
        for value, message in ((array, "codes"), (typed, "another type"), (None, "missing|codes")):
            others = {other: kept for other, kept in arrays.items() if other != name}
            (tmp_path / "a").write_bytes(written(texts, others if value is None else {**others, name: value}))
            if value is None and name == "method.codes":
                assert files.dumps(anear.load(tmp_path / "a")) == written(texts, arrays)  # made again
                continue
            with pytest.raises(FileFormatError, match=message):
                anear.load(tmp_path / "a")


def ones(arrays: Arrays, name: str, value: float, place: int = 0) -> None:
    """Another number at one place."""
    arrays[name] = arrays[name].copy()
    arrays[name].reshape(-1)[place] = value


FORGERIES: dict[str, tuple[Callable[[Arrays], Any], str]] = {
    "link beyond": (lambda a: ones(a, "method.links", 900), "links that lead nowhere"),
    "link far beyond": (lambda a: ones(a, "method.links", 2**31 - 1, 777), "links that lead nowhere"),
    "link below": (lambda a: ones(a, "method.links", -2, 28_799), "links that lead nowhere"),
    "link after the last": (lambda a: ones(a, "method.links", -1), "links that lead nowhere"),
    "fewer links": (lambda a: a.update({"method.links": a["method.links"][:899]}), "has the shape 899 x 32 for 900"),
    "links as a vector": (lambda a: a.update({"method.links": a["method.links"].reshape(-1)}), "for 900 nodes"),
    "no columns": (lambda a: a.update({"method.links": a["method.links"][:, :0].copy()}), "has no columns"),
    "links as doubles": (lambda a: a.update({"method.links": a["method.links"].astype(float)}), "another type"),
    "no links": (lambda a: a.pop("method.links"), "'links' is missing"),
    "no top": (lambda a: a.pop("method.top"), "'top' is missing"),
    "top beyond": (lambda a: ones(a, "method.top", 900), "'top' holds a number outside of 0 to"),
    "top below": (lambda a: ones(a, "method.top", -1), "'top' holds a number outside of 0 to"),
    "two tops": (lambda a: a.update({"method.top": np.zeros(2, np.int32)}), "'top' has 2 numbers for 1 nodes"),
    "no entries": (lambda a: a.pop("method.entries"), "'entries' is missing"),
    "entry beyond": (lambda a: a.update({"method.entries": np.array([3, 900], np.int32)}), "'entries' holds a number"),
    "no width": (lambda a: ones(a, "method.width", 0), "'width' is 0"),
    "huge width": (lambda a: ones(a, "method.width", 2**62), "'width' is"),
    "layer's link": (lambda a: ones(a, "method.layer.0.links", 56), "'layer.0.links' holds links that lead nowhere"),
    "layer's point": (lambda a: ones(a, "method.layer.0.points", 900), "'layer.0.points' holds a number outside"),
    "layer's below": (lambda a: ones(a, "method.layer.0.below", -7), "'layer.0.below' holds a number outside"),
    "upper layer's below": (lambda a: ones(a, "method.layer.1.below", 56), "'layer.1.below' holds a number outside"),
    "fewer points": (lambda a: a.update({"method.layer.0.points": np.zeros(3, np.int32)}), "has 3 numbers for 56"),
    "no layer's below": (lambda a: a.pop("method.layer.0.below"), "'layer.0.below' is missing"),
    "a layer above": (lambda a: a.update({"method.layer.2.links": a["method.links"]}), "has 900 nodes above"),
    "maxima": (lambda a: a.update({"method.maxima": np.zeros(77)}), "there are 77 maxima instead of"),
    "maxima of bytes": (lambda a: a.update({"method.maxima": np.zeros(77, np.uint8)}), "another type"),
    "no rows": (lambda a: a.pop("method.rows"), "the prepared rows take 0 bytes instead of"),
    "short rows": (lambda a: a.update({"method.rows": a["method.rows"][:, 1:].copy()}), "the prepared rows take"),
    "rows of numbers": (lambda a: a.update({"method.rows": a["method.rows"].view(np.int32)}), "another type"),
    "a type there is none of": (lambda a: a.update({"method.more": np.zeros(3, np.float16)}), "items of format 'e'"),
}
UNSEEN = {"link beyond", "link far beyond", "link below", "link after the last"}
"""What opening by memory map does not look at."""


@pytest.fixture(scope="module")
def whole() -> bytes:
    """The bytes of a graph's file."""
    return files.dumps(anear.Index(POINTS, "kldivgen", method="hnsw", options={"m": 16}))


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_graphs(name: str, whole: bytes, tmp_path: Path) -> None:
    texts, arrays = contents(whole)
    change, message = FORGERIES[name]
    change(arrays)
    (tmp_path / "a").write_bytes(written(texts, arrays))
    for mmap in (False, True):
        if mmap and name in UNSEEN:
            found = anear.load(tmp_path / "a", mmap=True).search(QUERIES, 10)
            assert np.all((found.ids >= 0) & (found.ids < 900))
            continue
        with pytest.raises(FileFormatError) as raised:
            anear.load(tmp_path / "a", mmap=mmap)
        assert message in str(raised.value)


def test_walks_over_noise_stay_inside(whole: bytes, tmp_path: Path) -> None:
    texts, arrays = contents(whole)
    flat = anear.Index(POINTS, "kldivgen")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        arrays["method.links"] = np.frombuffer(rng.bytes(900 * 32 * 4), np.int32).reshape(900, 32)
        if seed % 2:
            arrays["method.links"] = arrays["method.links"] % 900
        (tmp_path / f"{seed}").write_bytes(written(texts, arrays))
        found = anear.load(tmp_path / f"{seed}", mmap=True).search(QUERIES, 5, ef=900)
        if seed % 2 == 0:
            with pytest.raises(FileFormatError, match="lead nowhere"):
                anear.load(tmp_path / f"{seed}")
            continue
        true = flat.search(QUERIES, 900)
        for ids, distances, every, all_of_them in zip(*found, *true, strict=True):
            np.testing.assert_array_equal(distances, all_of_them[np.argsort(every)[ids]])


def test_damage_that_a_map_leaves_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "AT_ONCE", 0)
    monkeypatch.setattr(container, "BLOCK", 4096)
    path = tmp_path / "a"
    index = anear.Index(POINTS, method="hnsw")
    index.save(path)
    anear.load(path, mmap=True).verify()
    data = bytearray(path.read_bytes())
    at = data.rindex(links_of(index)[-1].tobytes())
    data[at] ^= 1
    path.unlink()
    path.write_bytes(data)
    loaded = anear.load(path, mmap=True)
    assert loaded.search(QUERIES, 5).ids.shape == (20, 5)
    with pytest.raises(
        FileFormatError, match=r"checksum of 'method.links' does not fit in 1 of 29 blocks, first in .* 28"
    ):
        loaded.verify()
    with pytest.raises(FileFormatError, match=r"'method.links' does not fit in 1 of 29 blocks"):
        anear.load(path)


def test_long_arrays_alone_are_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "a"
    points = RNG.random((3000, 100)).astype(np.float32)
    anear.Index(points, method="hnsw", options={"ef_construction": 20}).save(path)
    assert {left.name for left in anear.load(path, mmap=True)._unchecked} == {"points"}
    assert anear.load(path)._unchecked == ()


@pytest.mark.parametrize("codes", [0, 4, 8])
def test_arrays_that_lie_askew(codes: int, tmp_path: Path) -> None:
    index = anear.Index(POINTS, "kldivgen", method="hnsw", options={"codes": codes})
    whole = files.dumps(index)
    length = int.from_bytes(whole[:8], "little")
    for more in (1, 2, 4, 33):
        header = whole[8 : 8 + length] + b" " * more
        (tmp_path / f"{more}").write_bytes(len(header).to_bytes(8, "little") + header + whole[8 + length :])
        for mmap in (False, True):
            assert same(anear.load(tmp_path / f"{more}", mmap=mmap).search(QUERIES), index.search(QUERIES))


@pytest.mark.parametrize("link", [900, -2, 2**31 - 1])
def test_a_damaged_graph_takes_no_points(link: int, tmp_path: Path) -> None:
    texts, arrays = contents(files.dumps(anear.Index(POINTS, method="hnsw")))
    ones(arrays, "method.links", link, 3)
    (tmp_path / "a").write_bytes(written(texts, arrays))
    for change in (lambda index: index.add(POINTS[:3]), lambda index: index.remove([0, 5])):
        loaded = anear.load(tmp_path / "a", mmap=True)
        with pytest.raises(anear.ArgumentError, match="the index was damaged, and its points cannot change"):
            change(loaded)
        assert loaded.search(POINTS[:4], 1).ids.ravel().tolist() == [0, 1, 2, 3]
        assert len(loaded) == 900


@pytest.mark.parametrize("codes", [0, 4, 8])
@pytest.mark.parametrize("distance", ["euclidean", "kldivgen"])
def test_a_mapped_graph_takes_points(distance: str, codes: int, tmp_path: Path) -> None:
    index = anear.Index(POINTS, distance, method="hnsw", options={"codes": codes})
    index.save(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()
    loaded = anear.load(tmp_path / "a", mmap=True)
    for each in (index, loaded):
        each.add(QUERIES)
        each.remove(np.arange(0, 900, 7))
        each.add(QUERIES * 2)
    assert same(loaded.search(QUERIES, 5), index.search(QUERIES, 5))
    assert files.dumps(loaded) == files.dumps(index)
    assert (tmp_path / "a").read_bytes() == before
    loaded.save(tmp_path / "a")
    for mmap in (False, True):
        again = anear.load(tmp_path / "a", mmap=mmap)
        assert same(again.search(QUERIES, 5), index.search(QUERIES, 5))
        assert files.dumps(again) == files.dumps(index)
        assert again.check().ok
