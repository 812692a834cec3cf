"""The core checks everything that Python hands it once more: no call may crash the process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.core.kernels import Shape, flat, table

from anear import _core

ROWS = np.arange(30, dtype=np.float32).reshape(10, 3)
SEARCH = Shape(3)
EXACT = Shape(3, real="float64")
ONE = np.array([1.0])

BUILD: dict[str, Any] = {
    "rows": ROWS,
    "storage": "float32",
    "search": table(SEARCH),
    "exact": table(EXACT),
    "search_parameters": ONE,
    "exact_parameters": ONE,
    "slack_slots": np.zeros(0, np.int32),
    "slack_scale": 0.0,
    "relative": 0.0,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": np.zeros((0, 3), np.float32)}, "rows is empty"),
        ({"rows": ROWS[0]}, "rows has 1 dimensions, expected 2"),
        ({"rows": ROWS.T}, "rows is ndarray; it must be a C-contiguous array"),
        ({"rows": ROWS.astype(np.float64)}, "rows has items of format 'd'"),
        ({"rows": np.zeros((4, 2), np.float32)}, "rows have 2 columns, the exact table expects 3"),
        ({"rows": ROWS.astype(">f4")}, "rows has items of format '>f'"),
        ({"rows": ROWS.tolist()}, "rows is list"),
        ({"storage": "complex64"}, "storage is 'complex64'; allowed are float64, float32"),
        ({"exact": table(SEARCH)}, "exact table must compute in float64"),
        ({"exact": table(EXACT, ("gather",))}, "exact table lacks 'gather'"),
        ({"search": table(SEARCH, ("prepare_points",))}, "search table lacks"),
        ({"search": table(Shape(4))}, "different numbers of columns"),
        ({"search": table(Shape(3, bilinear=True)), "slack_slots": np.int32([0])}, "slack_slots has 1 entries"),
        ({"search": table(Shape(3, bilinear=True)), "slack_slots": np.int32([0, 6])}, "slack_slots holds 6"),
        ({"search": table(Shape(3, bilinear=True)), "slack_slots": np.int32([-1, 0])}, "slack_slots holds -1"),
        ({"slack_slots": np.zeros(0, np.int64)}, "slack_slots must be an int32 array"),
        ({"offset_slot": 3}, "offset_slot holds 3; allowed are -1 to 2"),
        ({"offset_slot": -2}, "offset_slot holds -2"),
        ({"slack_scale": -1.0}, "must not be negative"),
        ({"relative": float("nan")}, "must not be negative"),
        ({"search_parameters": np.zeros((1, 1))}, "search_parameters has 2 dimensions"),
        ({"exact_parameters": np.zeros(1, np.float32)}, "exact_parameters has items of format 'f'"),
    ],
)
def test_building(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.Flat(**BUILD | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "flatt"}, "method is 'flatt'; there are ball_tree, flat, hnsw, ivf, kd_tree"),
        ({"parameters": {"leaf_size": 3.0}}, "unknown parameter 'leaf_size'"),
    ],
)
def test_building_by_name(changes: dict[str, Any], message: str) -> None:
    index = _core.Index(method="flat", parameters={}, **BUILD)
    assert index.knn(ROWS[:1], "float32", 1)[0] == [[0]]
    with pytest.raises(ValueError, match=message):
        _core.Index(**{"method": "flat", "parameters": {}} | BUILD | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": np.zeros((2, 4), np.float32)}, "queries have 4 columns, the index expects 3"),
        ({"queries": np.zeros((2, 3))}, "queries has items of format 'd'"),
        ({"queries": ROWS[::2]}, "queries is ndarray; it must be a C-contiguous array"),
        ({"query_storage": "float"}, "storage is 'float'"),
        ({"k": 0}, "k is 0"),
        ({"k": -3}, "k is -3"),
        ({"k": 2**40}, "more than any index holds"),
        ({"exclude": np.zeros(3, np.uint32)}, "exclude has 3 entries for 2 queries"),
        ({"exclude": np.zeros(2, np.int64)}, "exclude has items of format .l., expected one of .I."),
        ({"exclude": np.zeros((2, 1), np.uint32)}, "exclude has 2 dimensions"),
        ({"allow": np.zeros(1, np.uint8)}, "allow has 1 bytes, expected one bit a point: 2"),
        ({"allow": np.zeros(10, bool)}, "allow has items of format"),
        ({"distance_type": "float16"}, "distance_type is 'float16'; allowed are float32, float64"),
    ],
)
def test_searching(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"queries": ROWS[:2], "query_storage": "float32", "k": 3}
    with pytest.raises(ValueError, match=message):
        flat(ROWS, SEARCH).knn(**arguments | changes)


def test_a_filter_may_speak_of_points_still_to_come() -> None:
    index = flat(ROWS, SEARCH)
    allow = np.array([0b101, 0, 255], np.uint8)
    found, wanted = (index.knn(ROWS[:2], "float32", 3, allow=a)[0] for a in (allow, allow[:2]))
    assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"radius_rank": np.zeros(3)}, "radius_rank has 3 entries for 2 queries"),
        ({"radius": np.zeros(1)}, "radius has 1 entries for 2 queries"),
        ({"radius": np.zeros(2, np.float32)}, "radius has items of format 'f'"),
    ],
)
def test_range_searching(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "queries": ROWS[:2],
        "query_storage": "float32",
        "radius_rank": np.ones(2),
        "radius": np.ones(2),
    }
    with pytest.raises(ValueError, match=message):
        flat(ROWS, SEARCH).range(**arguments | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": np.uint32([10])}, "ids holds 10, which is no row"),
        ({"ids": np.uint32([2**32 - 1])}, "ids holds 4294967295"),
        ({"query_row": ROWS[:2]}, "query_row has the wrong shape"),
        ({"rows": ROWS[:, :2].copy()}, "rows has the wrong number of columns"),
        ({"table": table(SEARCH, ("gather",))}, "lacks 'gather'"),
    ],
)
def test_gather(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "table": table(SEARCH),
        "query_row": ROWS[:1],
        "query_storage": "float32",
        "rows": ROWS,
        "storage": "float32",
        "ids": np.uint32([0]),
        "parameters": ONE,
    }
    with pytest.raises(ValueError, match=message):
        _core.gather(**arguments | changes)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [(ROWS[0, :2], ROWS[0], "a has the wrong number"), (ROWS[0], ROWS[0, :1], "b has the wrong number")],
)
def test_pair(a: np.ndarray, b: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.pair(table(SEARCH), a, b, ONE)


def test_wrong_types_are_type_errors() -> None:
    with pytest.raises(TypeError):
        _core.load_code("text")
    with pytest.raises(TypeError):
        _core.Flat(**BUILD | {"search": None})
    with pytest.raises(TypeError):
        _core.Flat(**BUILD | {"rows": None})
    with pytest.raises(TypeError):
        flat(ROWS, SEARCH).knn(ROWS, "float32", 1.5)


def test_exclude_outside_the_points_excludes_nothing() -> None:
    ids, _ = flat(ROWS, SEARCH).knn(ROWS[:2], "float32", 1, exclude=np.uint32([2**32 - 1, 2**31]))
    np.testing.assert_array_equal(ids, [[0], [1]])


def test_rows_outlive_their_name() -> None:
    rows = np.arange(300_000, dtype=np.float32).reshape(-1, 3)
    query = rows[5:6].copy()
    index = flat(rows, SEARCH)
    del rows
    np.empty(300_000, np.float32).fill(7)
    assert index.knn(query, "float32", 1)[1] == 0
