"""Frames of pandas, polars and Arrow as points."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from anear.data.arrays import as_rows
from anear.errors import ArgumentError

PANDAS = pytest.importorskip("pandas", reason="frames of pandas")
ARROW = pytest.importorskip("pyarrow", reason="Arrow tables")


def makers() -> list[Any]:
    """Functions that make a frame of each kind out of columns."""
    made = [PANDAS.DataFrame, ARROW.table, ARROW.RecordBatch.from_pydict]
    try:
        import polars
    except ImportError:
        return made
    return [*made, polars.DataFrame]


@pytest.fixture(params=makers(), ids=lambda maker: f"{maker.__module__}.{maker.__qualname__}")
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_numbers(make: Any) -> None:
    rows = as_rows(make({"a": np.float32([1, 2]), "b": np.float32([3, 4])}))
    assert rows.dtype == np.float32
    assert rows.tolist() == [[1, 3], [2, 4]]
    mixed = as_rows(make({"a": [1, 2], "b": [0.5, 4.0], "c": [True, False]}))
    assert mixed.dtype == np.float64
    assert mixed.tolist() == [[1, 0.5, 1], [2, 4, 0]]
    assert as_rows(make({"a": np.uint8([1, 2])})).dtype == np.uint8
    assert as_rows(make({"a": [1, 2]})).dtype == np.float32


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, 2], "city": ["x", "y"]}, "points: column 'city' is of type String, not numbers"),
        ({"a": [1, 2], "b": [1.5, float("inf")]}, "points[1, 1] (column 'b') is inf"),
        ({"a": [], "b": []}, "points"),
        (
            {"a": [0.5], "id": [2**60]},
            "points: column 'id' holds whole numbers up to 1152921504606846976, beyond 2**53",
        ),
    ],
)
def test_refused(make: Any, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        as_rows(make(columns))


def test_missing_values_are_named() -> None:
    for frame in (
        ARROW.table({"a": [1, 2, 3], "b": [1.0, None, 2.0]}),
        PANDAS.DataFrame({"a": [1, 2, 3], "b": PANDAS.array([1, None, 2], "Int64")}),
        PANDAS.DataFrame({"a": [1, 2, 3], "b": PANDAS.array([1.0, None, 2], "Float64")}),
    ):
        with pytest.raises(ArgumentError, match=r"points: row 1, column 'b' is missing"):
            as_rows(frame, allow_nan=True)


def test_nan_in_pandas_is_a_number() -> None:
    frame = PANDAS.DataFrame({"a": [1.0, 2.0], "b": [np.nan, 2.0]})
    with pytest.raises(ArgumentError, match=r"points\[0, 1\] \(column 'b'\) is nan"):
        as_rows(frame)
    assert np.isnan(as_rows(frame, allow_nan=True)[0, 1])


def test_one_matrix_of_pandas_is_not_copied() -> None:
    data = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert np.shares_memory(as_rows(PANDAS.DataFrame(data, copy=False)), data)


def test_repeated_and_numbered_columns() -> None:
    frame = PANDAS.DataFrame(np.arange(6.0).reshape(2, 3), columns=[7, 8, 9])
    assert as_rows(frame).tolist() == [[0, 1, 2], [3, 4, 5]]
    repeated = PANDAS.DataFrame(np.arange(6.0).reshape(2, 3), columns=["a", "a", "b"])
    assert as_rows(repeated).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_column_of_vectors() -> None:
    vectors = [np.float32([1, 2]), np.float32([3, 4])]
    assert as_rows(PANDAS.Series(vectors)).tolist() == [[1, 2], [3, 4]]
    assert as_rows(ARROW.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[1, 2], [3, 4]]
    for frame in (PANDAS.DataFrame({"v": vectors}), ARROW.table({"v": [[1.0, 2.0], [3.0, 4.0]]})):
        assert as_rows(frame).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ArgumentError, match="points is ragged: row 1 has 3 values"):
        as_rows(PANDAS.Series([[1, 2], [3, 4, 5]]))


def test_lazy_frames_are_refused() -> None:
    class Lazy:
        columns = ("a",)

        def collect(self) -> None: ...

    with pytest.raises(ArgumentError, match=r"Lazy, which holds no numbers yet; collect\(\) or compute\(\) it first"):
        as_rows(Lazy())


def test_without_narwhals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "narwhals", None)
    assert as_rows(PANDAS.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})).tolist() == [[1, 3], [2, 4]]
    assert as_rows(ARROW.table({"a": [1.0, 2.0], "b": [3.0, 4.0]})).tolist() == [[1, 3], [2, 4]]
    assert as_rows(PANDAS.DataFrame({"v": [np.float32([1, 2]), np.float32([3, 4])]})).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ArgumentError, match=r"points\[0, 0\] \(column 'b'\) is str 'x', not a number"):
        as_rows(PANDAS.DataFrame({"b": np.array(["x", "y"], object)}))
    with pytest.raises(ArgumentError, match=r"points\[0, 1\] \(column 'b'\) is str 'x', not a number"):
        as_rows(PANDAS.DataFrame({"a": [1, 2], "b": ["x", "y"]}))


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, anear.data.arrays as a; a.as_rows([[1, 2]]);"
        "print(sorted({'pandas', 'pyarrow', 'scipy', 'h5py', 'narwhals', 'ml_dtypes'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
