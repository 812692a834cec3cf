"""anear.data.arrays: what comes in, what it becomes, and what the errors say."""

from __future__ import annotations

import array
import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anear.data.arrays import as_field, as_filter, as_ids, as_rows
from anear.data.types import dense
from anear.data.types.dense import BFLOAT16_BITS, STORAGE_TYPES, storage_name, to_float
from anear.errors import ArgumentError

ML_DTYPES = pytest.importorskip("ml_dtypes", reason="bfloat16 arrays of NumPy come from ml_dtypes")
BFLOAT16 = np.dtype(ML_DTYPES.bfloat16)


def refused(message: str, *args: Any, **options: Any) -> None:
    """as_rows refuses, and the message holds the given words."""
    with pytest.raises(ArgumentError, match=re.escape(message)):
        as_rows(*args, **options)


def matrix(dtype: Any, rows: int = 4, columns: int = 3) -> np.ndarray:
    return np.arange(rows * columns).reshape(rows, columns).astype(dtype)


@pytest.mark.parametrize("name", STORAGE_TYPES)
def test_storage_types_pass_without_a_copy(name: str) -> None:
    data = matrix(BFLOAT16 if name == "bfloat16" else name)
    rows = as_rows(data)
    assert rows is data
    assert storage_name(rows) == name


@pytest.mark.parametrize("name", STORAGE_TYPES)
def test_layouts_become_c_contiguous(name: str) -> None:
    data = matrix(BFLOAT16 if name == "bfloat16" else name, 6, 8)
    for view in (data[::2], data[:, ::2], data[::-1], data.T, np.asfortranarray(data), data[1:, 3:5]):
        rows = as_rows(view)
        assert rows.flags.c_contiguous
        assert rows.flags.aligned
        assert storage_name(rows) == name
        assert np.array_equal(to_float(rows), to_float(np.ascontiguousarray(view)))


def test_read_only_and_mapped_memory_is_not_copied(tmp_path: Any) -> None:
    data = matrix("float32")
    data.flags.writeable = False
    assert np.shares_memory(as_rows(data), data)
    np.save(tmp_path / "a.npy", data)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert np.shares_memory(as_rows(mapped), mapped)


def test_unaligned_memory_is_copied() -> None:
    packed = np.frombuffer(b"\0" + matrix("float64").tobytes(), np.uint8)
    unaligned = packed[1:].view(np.float64).reshape(4, 3)
    assert not unaligned.flags.aligned
    assert as_rows(unaligned).flags.aligned
    assert np.array_equal(as_rows(unaligned), matrix("float64"))


@pytest.mark.parametrize("name", [">f8", ">f4", ">f2", ">i4", ">u2"])
def test_foreign_byte_order(name: str) -> None:
    rows = as_rows(matrix(name))
    assert rows.dtype.isnative
    assert np.array_equal(rows, matrix("float64"))


def test_bool_is_uint8() -> None:
    data = np.array([[True, False], [False, True]])
    rows = as_rows(data)
    assert rows.dtype == np.uint8
    assert rows.tolist() == [[1, 0], [0, 1]]
    assert np.shares_memory(rows, data)
    assert as_rows(np.zeros((5, 4), bool).T).shape == (4, 5)


@pytest.mark.parametrize(
    ("dtype", "top", "expected"),
    [
        ("int16", -(2**15), "float32"),
        ("uint16", 2**16 - 1, "float32"),
        ("int32", 2**24, "float32"),
        ("int32", -(2**24), "float32"),
        ("int32", 2**24 + 1, "float64"),
        ("uint32", 2**32 - 1, "float64"),
        ("int64", -(2**53), "float64"),
        ("uint64", 2**53, "float64"),
    ],
)
def test_whole_numbers_keep_their_value(dtype: str, top: int, expected: str) -> None:
    data = np.array([[1, top]], dtype)
    rows = as_rows(data)
    assert rows.dtype == expected
    assert int(rows[0, 1]) == top


@pytest.mark.parametrize(("dtype", "value"), [("int64", 2**53 + 1), ("int64", -(2**63)), ("uint64", 2**64 - 1)])
def test_whole_numbers_that_would_be_rounded_are_refused(dtype: str, value: int) -> None:
    refused(f"points holds the whole number {value}, beyond 2**53", np.array([[0, value]], dtype))


def test_lists() -> None:
    assert as_rows([[1, 2], [3, 4]]).dtype == np.float32
    assert as_rows([[0.1, 2], [3, 4]])[0, 0] == 0.1
    assert as_rows(((1, 2), (3, 4))).tolist() == [[1, 2], [3, 4]]
    assert as_rows([np.float32([1, 2]), np.float32([3, 4])]).dtype == np.float32
    assert as_rows([[True, False]]).dtype == np.uint8
    assert as_rows([[2**70, 1]]).tolist() == [[float(2**70), 1.0]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2], [3]], "points is ragged: row 1 has 1 values, row 0 has 2"),
        ([[1, 2], 3], "points[1] is int 3, not a row of numbers"),
        ([[1, 2], [3, "a"]], "points[1, 1] is str 'a', not a number"),
        ([[1, 2], [3, "4"]], "points[1, 1] is str '4', not a number"),
        ([[1, None], [3, 4]], "points[0, 1] is missing"),
        ([[1, 2], [3, [4]]], "points[1, 1] is list [4], not a number"),
        ([[1, 2], "ab"], "points[1] is str 'ab', not a row of numbers"),
        ([[10**400, 2]], "beyond the range of float64"),
        ([], "points has one dimension (0 values)"),
        ([[]], "points is empty: shape (1, 0)"),
        ([[1j, 2]], "complex"),
        ([1.0, 2.0], "points.reshape(1, -1)"),
        ([[[1, 2]]], "points has 3 dimensions (1, 1, 2)"),
        ("train.npy", "anear.read reads files"),
        (b"abc", "a 2-D array of numbers is needed"),
        (3.5, "points is float 3.5"),
        (None, "points is NoneType None"),
        ({"a": [1]}, "points is dict"),
        (iter([1]), "a 2-D array of numbers is needed"),
        (np.float64(3), "points is a single number"),
        (np.zeros((0, 3)), "points is empty: shape (0, 3)"),
        (np.zeros((3, 0), np.int32), "points is empty: shape (3, 0)"),
        (np.array([["a", "b"]]), "points is of type <U1"),
        (np.array([["2020-01-01"]], "datetime64[D]"), "points is of type datetime64[D]"),
        (np.zeros((2, 2), np.longdouble), "convert it to float64"),
        (np.zeros((2, 2), "V2"), "BFLOAT16_BITS"),
        (np.zeros((2, 2), [("a", "f4"), ("b", "f4")]), "allowed are bool, whole numbers and float64"),
        (np.array([[1.5, object()]], object), "points[0, 1] is object"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 3), "points[1, 0] is masked"),
    ],
)
def test_what_is_refused_and_why(value: Any, message: str) -> None:
    if isinstance(value, np.ndarray) and value.dtype == np.longdouble and value.dtype.itemsize == 8:
        pytest.skip("long double is float64 on this machine")
    refused(message, value)


def test_too_many_rows_are_refused_before_any_work() -> None:
    refused(f"at most {2**32 - 2**20} are allowed", np.broadcast_to(np.float32(0), (2**32 - 1, 2)))
    refused("at most", np.broadcast_to(np.int64(0), (2**32 - 1, 2)))


def test_dimension_and_name() -> None:
    assert as_rows(matrix("float32"), "queries", dimension=3).shape == (4, 3)
    refused("queries has 3 columns; 4 are needed", matrix("float32"), "queries", dimension=4)


def test_one_row() -> None:
    for value in ([1.5, 2.0], np.array([1.5, 2.0]), np.array([1.5, 9, 2.0, 9])[::2], (1.5, 2.0)):
        rows, single = as_rows(value, one_row=True)
        assert single
        assert rows.tolist() == [[1.5, 2.0]]
    rows, single = as_rows([[1.5, 2.0]], one_row=True)
    assert not single
    assert rows.shape == (1, 2)
    with pytest.raises(ArgumentError, match=r"q\[1\] is nan"):
        as_rows([1.0, np.nan], "q", one_row=True)


@pytest.mark.parametrize("name", ["float64", "float32", "float16", "bfloat16", "bits"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_non_finite_values_are_named(name: str, bad: float) -> None:
    data = matrix("float32", 50, 7)
    data[31, 5] = bad
    data[40, 1] = bad
    data = data.astype(BFLOAT16 if name in ("bfloat16", "bits") else name)
    if name == "bits":
        data = data.view(BFLOAT16_BITS)
    refused(f"points[31, 5] is {bad!r}", data)
    assert as_rows(data, allow_nan=True) is data


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["float64", "float32", "float16", "bfloat16"])
def test_huge_finite_values_are_accepted(name: str) -> None:
    dtype = BFLOAT16 if name == "bfloat16" else np.dtype(name)
    largest = float(ML_DTYPES.finfo(dtype).max)
    data = np.full((3, 100), largest).astype(dtype)
    data[1] = -data[1]
    assert as_rows(data) is data


def test_non_finite_values_are_found_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_CHUNK", 8)
    for dtype in ("float64", "float16"):
        for place in range(30):
            data = np.ones(30, dtype)
            data[place] = np.nan
            assert dense.find_non_finite(data.reshape(10, 3)) == divmod(place, 3)
        assert dense.find_non_finite(np.full((10, 3), np.finfo(dtype).max, dtype)) is None


@given(hnp.arrays(st.sampled_from(["f8", "f4", "f2"]), st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_finite_check_agrees_with_numpy(data: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(data))
    assert dense.find_non_finite(data) == (tuple(bad[0]) if len(bad) else None)


@given(hnp.arrays("f4", (3, 4), elements=st.floats(width=32, allow_nan=False)))
def test_bfloat16_in_both_guises(data: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        named = data.astype(BFLOAT16)
    marked = named.view(BFLOAT16_BITS)
    assert storage_name(named) == storage_name(marked) == "bfloat16"
    assert np.array_equal(to_float(named), named.astype(np.float32))
    assert np.array_equal(to_float(marked), to_float(named))
    assert np.array_equal(dense.bits(named), dense.bits(marked))
    assert dense.bits(named).dtype == np.uint16


def test_bfloat16_without_ml_dtypes(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    data = dense.from_bfloat16_bits(np.array([[0x3F80, 0x4000]], np.uint16))
    assert data.dtype == BFLOAT16_BITS
    assert to_float(data).tolist() == [[1.0, 2.0]]
    np.save(tmp_path / "b.npy", data)
    assert storage_name(as_rows(np.load(tmp_path / "b.npy"))) == "bfloat16"
    with pytest.raises(ArgumentError, match="native uint16"):
        dense.from_bfloat16_bits(np.zeros(3, np.float32))


class Tensor:
    """What is no array but offers one through DLPack, from the device it is told to be on."""

    def __init__(self, data: np.ndarray, device: tuple[int, int] = (1, 0)) -> None:
        self.data, self.device = data, device

    def __dlpack__(self, **options: Any) -> Any:
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device


def test_dlpack() -> None:
    data = matrix("float32")
    assert np.shares_memory(as_rows(Tensor(data)), data)
    refused("Tensor) is in the memory of CUDA device 1; copy it to the CPU", Tensor(data, (2, 1)))
    refused("DLPack device type 99 device 0", Tensor(data, (99, 0)))


def test_objects_with_array() -> None:
    class Wrapped:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return matrix("float32")

    class Broken:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise RuntimeError("it is lazy")

    assert as_rows(Wrapped()).shape == (4, 3)
    refused("does not turn into a NumPy array: it is lazy", Broken())
    assert as_rows(array.array("f", [1, 2, 3]), one_row=True)[0].tolist() == [[1, 2, 3]]
    assert as_rows(memoryview(matrix("float64"))).shape == (4, 3)


def test_torch_bfloat16_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch is too large to install for this: a stand-in with the few calls that are made of it."""

    class FakeTensor:
        def __init__(self, data: np.ndarray, dtype: str, grad: bool) -> None:
            self.data, self.dtype, self.grad = data, dtype, grad

        def detach(self) -> FakeTensor:
            return FakeTensor(self.data, self.dtype, False)

        def view(self, dtype: str) -> FakeTensor:
            return FakeTensor(self.data, dtype, self.grad)

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            if self.grad or self.dtype == "torch.bfloat16":
                raise TypeError("Got unsupported ScalarType BFloat16")
            return self.data

    fake = SimpleNamespace(Tensor=FakeTensor, bfloat16="torch.bfloat16", int16="torch.int16")
    monkeypatch.setitem(sys.modules, "torch", fake)
    raw = np.array([[0x3F80, 0x4000]], np.int16)
    rows = as_rows(FakeTensor(raw, "torch.bfloat16", grad=True))
    assert storage_name(rows) == "bfloat16"
    assert to_float(rows).tolist() == [[1.0, 2.0]]
    assert np.shares_memory(rows, raw)


def test_sparse_is_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse", reason="scipy makes the sparse matrix")
    refused("points is a sparse matrix (csr_matrix); only dense rows are supported so far", sparse.csr_matrix((3, 3)))


def test_as_field() -> None:
    assert as_field([1, 2, 3], 3, "s").tolist() == [1, 2, 3]
    assert as_field(np.array([[1.0], [2.0]]), 2, "s").shape == (2,)
    assert as_field([[1, 2], [3, 4]], 2, "s", 2).dtype == np.float32
    assert as_field([1.0, 2.0], 2, "s", 1).shape == (2, 1)
    assert as_field(2.5, 1, "s").tolist() == [2.5]
    assert as_field([1.0, 2.0], 1, "s", 2).shape == (1, 2)
    assert as_field(np.array([1, 2], np.uint8), 2, "s").dtype == np.float32
    for value, n, length, message in [
        ([1, 2], 3, None, "s has shape (2,); (3,) is needed"),
        ([[1, 2]], 1, 3, "s has shape (1, 2); (1, 3) is needed"),
        ([1.0, np.nan], 2, None, "s[1] is nan"),
        ([[1.0, np.inf]], 1, 2, "s[0, 1] is inf"),
        (["a"], 1, None, "s[0] is str 'a', not a number"),
    ]:
        with pytest.raises(ArgumentError, match=re.escape(message)):
            as_field(value, n, "s", length)


def test_as_ids() -> None:
    assert as_ids([2, 0, 2], 3).tolist() == [2, 0, 2]
    assert as_ids(range(1, 9, 3), 9).tolist() == [1, 4, 7]
    assert as_ids([], 3).dtype == np.int64
    assert as_ids(np.array([1], np.uint8), 3).dtype == np.int64
    assert as_ids([-1, 2], 3, allow_none=True).tolist() == [-1, 2]
    for value, message in [
        ([0, 3], "ids[1] is 3; row numbers from 0 to 2 are allowed"),
        ([0, -1], "ids[1] is -1"),
        (np.array([2**64 - 1], np.uint64), "ids[0] is 18446744073709551615"),
        ([0.5], "ids is of type float64; whole numbers are needed"),
        ([[1]], "ids has shape (1, 1)"),
    ]:
        with pytest.raises(ArgumentError, match=re.escape(message)):
            as_ids(value, 3)
    with pytest.raises(ArgumentError, match="ids has 1 row numbers; 2 are needed"):
        as_ids([1], 3, length=2)


@given(st.integers(1, 40), st.data())
def test_filters_are_bits(n: int, data: st.DataObject) -> None:
    ids = st.lists(st.integers(0, n - 1))
    allow, deny = data.draw(st.none() | ids), data.draw(st.none() | ids)
    bits = as_filter(n, allow=allow, deny=deny)
    if bits is None:
        assert allow is None
        assert deny is None
        return
    expected = [(allow is None or i in allow) and (deny is None or i not in deny) for i in range(n)]
    assert bits.dtype == np.uint8
    assert bits.size == (n + 7) // 8
    assert np.unpackbits(bits, bitorder="little").tolist() == expected + [False] * (-n % 8)
    masks = [None if ids is None else np.isin(np.arange(n), ids) for ids in (allow, deny)]
    assert np.array_equal(bits, as_filter(n, allow=masks[0], deny=masks[1]))


def test_wrong_filters() -> None:
    with pytest.raises(ArgumentError, match=r"allow is a mask of shape \(3,\); \(4,\) is needed"):
        as_filter(4, allow=[True, False, True])
    with pytest.raises(ArgumentError, match=r"deny\[0\] is 4; row numbers from 0 to 3"):
        as_filter(4, deny={4})


@pytest.mark.parametrize("value", [3.5, "abc", object(), {"a": 1}, b"12"])
def test_messages_ask_for_what_is_needed(value: object) -> None:
    """Row numbers are no 2-D array, and are not read from files."""
    with pytest.raises(
        ArgumentError, match=r"^deny is .*; row numbers or a mask of 4 booleans are needed: an array"
    ) as no:
        as_filter(4, deny=value)
    assert "anear.read" not in str(no.value)
    with pytest.raises(ArgumentError, match=r"^exclude is .*; row numbers are needed: an array or a list$"):
        as_ids(value, 4, "exclude")
