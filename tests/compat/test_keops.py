"""KeOps' symbolic tensors: what goes in, every reduction against NumPy, what comes out."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anear.compat.keops import LazyTensor, Pm, Reduction, Vi, Vj
from anear.errors import ArgumentError

Array = Any
M, N, D = 40, 70, 4
TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 1e-6}, "float64": {"rtol": 1e-12, "atol": 1e-13}}


def clouds(dtype: str = "float64", seed: int = 0) -> tuple[Array, Array]:
    """Points of i (M, D) and of j (N, D), all coordinates positive."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 1.5, (M, D)).astype(dtype), rng.uniform(0.1, 1.5, (N, D)).astype(dtype)


def squared(x: Array, y: Array) -> Array:
    """The squared Euclidean distances (M, N), in float64."""
    return ((x[:, None, :].astype(np.float64) - y[None, :, :].astype(np.float64)) ** 2).sum(-1)


# --- the formulas of KeOps' K-NN example -----------------------------------------------------------------------------

GALLERY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Array, Array], Array]]] = {
    "euclidean": (lambda x, y: ((x - y) ** 2).sum(-1), lambda x, y: ((x - y) ** 2).sum(-1)),
    "manhattan": (lambda x, y: (x - y).abs().sum(-1), lambda x, y: np.abs(x - y).sum(-1)),
    "cosine": (lambda x, y: -(x | y), lambda x, y: -(x * y).sum(-1)),
    "hyperbolic": (
        lambda x, y: ((x - y) ** 2).sum(-1) / (x[0] * y[0]),
        lambda x, y: ((x - y) ** 2).sum(-1) / (x[..., 0] * y[..., 0]),
    ),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("metric", GALLERY)
def test_nearest_neighbours(metric: str, dtype: str) -> None:
    symbolic, dense = GALLERY[metric]
    x, y = clouds(dtype)
    expected = dense(x[:, None, :].astype(np.float64), y[None, :, :].astype(np.float64))
    distances = symbolic(LazyTensor(x[:, None, :]), LazyTensor(y[None, :, :]))
    for dim, matrix in ((1, expected), (0, expected.T)):
        values, ids = distances.Kmin_argKmin(5, dim=dim)
        assert ids.dtype == np.int64
        assert values.dtype == dtype
        np.testing.assert_array_equal(ids, np.argsort(matrix, axis=1)[:, :5])
        np.testing.assert_allclose(values, np.sort(matrix, axis=1)[:, :5], **TOLERANCE[dtype])
        np.testing.assert_array_equal(distances.argKmin(5, dim=dim), ids)
        np.testing.assert_array_equal(distances.Kmin(K=5, axis=dim), values)


@pytest.mark.parametrize("metric", GALLERY)
def test_placeholders(metric: str) -> None:
    symbolic, _ = GALLERY[metric]
    x, y = clouds()
    search = symbolic(Vi(0, D), Vj(1, D)).argKmin(3, dim=1)
    assert isinstance(search, Reduction)
    np.testing.assert_array_equal(search(x, y), symbolic(Vi(x), Vj(y)).argKmin(3, dim=1))
    np.testing.assert_array_equal(search(y, x), symbolic(Vi(y), Vj(x)).argKmin(3, dim=1))
    assert repr(search) == "Reduction(2 arrays to come)"


def test_placeholders_of_every_kind() -> None:
    x, y = clouds()
    weights = np.array([1.0, 2.0, 0.0, 1.0])
    formula = Vi(x).weightedsqdist(LazyTensor((1, D, 1)), Pm(0, D)) * Pm(2, 1)
    found = formula.sum(dim=1)(weights, y, np.array([3.0]))
    expected = 3 * (weights * (x[:, None] - y[None]) ** 2).sum(-1).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected)
    later = Vi(x).sqdist(Vj(y)).sum(dim=1, call=False)
    np.testing.assert_allclose(later(), squared(x, y).sum(1, keepdims=True))


# --- the other reductions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("dim", [0, 1])
def test_reductions_of_scalars(dim: int, dtype: str) -> None:
    x, y = clouds(dtype)
    matrix = squared(x, y) if dim == 1 else squared(x, y).T
    formula = Vi(x).sqdist(Vj(y))

    def check(found: Array, expected: Array) -> None:
        assert found.dtype == (np.int64 if expected.dtype.kind == "i" else dtype)
        np.testing.assert_allclose(found, expected[:, None], **TOLERANCE[dtype])

    check(formula.sum(dim=dim), matrix.sum(axis=1))
    check(formula.min(dim=dim), matrix.min(axis=1))
    check(formula.max(axis=dim), matrix.max(axis=1))
    check(formula.argmin(dim=dim), matrix.argmin(axis=1))
    check(formula.argmax(dim=dim), matrix.argmax(axis=1))
    check(formula.logsumexp(dim=dim), np.log(np.exp(matrix).sum(axis=1)))
    for found, expected in zip(formula.min_argmin(dim=dim), (matrix.min(axis=1), matrix.argmin(axis=1)), strict=True):
        check(found, expected)
    for found, expected in zip(formula.max_argmax(dim=dim), (matrix.max(axis=1), matrix.argmax(axis=1)), strict=True):
        check(found, expected)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("dim", [0, 1])
def test_reductions_of_vectors(dim: int, dtype: str) -> None:
    x, y = clouds(dtype)
    b = np.random.default_rng(1).standard_normal((N, D)).astype(dtype)
    x_i, y_j, b_j = Vi(x), Vj(y), Vj(b)
    X, Y, B = x[:, None, :].astype(np.float64), y[None, :, :].astype(np.float64), b[None].astype(np.float64)
    kernel, values = (-x_i.sqdist(y_j)).exp(), np.exp(-squared(x, y))[:, :, None]
    cases = [
        (kernel * b_j, values * B),
        (kernel * (x_i - y_j), values * (X - Y)),
        (-(x_i * b_j - 2 * y_j) * kernel / (1 + kernel), -(X * B - 2 * Y) * values / (1 + values)),
        ((x_i - 1) / y_j, (X - 1) / Y),  # no scalar of i and j
        ((x_i - y_j) ** 2 + kernel, (X - Y) ** 2 + values),
        (kernel * (x_i - y_j).abs() * b_j * x_i, values * np.abs(X - Y) * B * X),
        ((x_i - y_j).abs() / (1 + kernel) / x_i - y_j, np.abs(X - Y) / (1 + values) / X - Y),
        ((x_i * y_j).clamp(Pm([0.1, 0.2, 0.3, 0.4]), 1)[1:4], np.clip(X * Y, [0.1, 0.2, 0.3, 0.4], 1)[..., 1:4]),
        (Pm([*range(8)]).matvecmult((x_i - y_j).abs()), np.abs(X - Y) @ np.arange(8.0).reshape(2, 4).T),
        (x_i.concat(kernel * b_j)[2:6], np.concatenate([X + 0 * Y, values * B], axis=-1)[..., 2:6]),
    ]
    for formula, dense in cases:
        expected = dense if dim == 1 else dense.swapaxes(0, 1)
        tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else TOLERANCE[dtype]
        np.testing.assert_allclose(formula.sum(dim=dim), expected.sum(axis=1), **tolerance)
    expected = X - Y if dim == 1 else (X - Y).swapaxes(0, 1)
    difference = x_i - y_j
    np.testing.assert_allclose(difference.max(dim=dim), expected.max(axis=1), **TOLERANCE[dtype])
    np.testing.assert_array_equal(difference.argmin(dim=dim), expected.argmin(axis=1))
    values, ids = difference.Kmin_argKmin(2, dim=dim)
    np.testing.assert_allclose(values, np.sort(expected, axis=1)[:, :2], **TOLERANCE[dtype])
    np.testing.assert_array_equal(ids, np.argsort(expected, axis=1)[:, :2])


def test_matrix_products() -> None:
    x, y = clouds()
    kernel, dense = (-Vi(x).sqdist(Vj(y))).exp(), np.exp(-squared(x, y))
    np.testing.assert_allclose(kernel @ y, dense @ y)
    np.testing.assert_allclose(kernel @ y[:, 0], dense @ y[:, 0])
    np.testing.assert_allclose(kernel.T @ x, dense.T @ x)
    np.testing.assert_allclose(kernel.matvec(y[:, 0]), dense @ y[:, 0])
    np.testing.assert_allclose(kernel.rmatvec(x[:, 0]), dense.T @ x[:, 0])
    assert (kernel @ y[:, :1]).shape == (M, 1)
    np.testing.assert_allclose(((-Vi(0, D).sqdist(Vj(y))).exp() @ y)(x), dense @ y)
    np.testing.assert_allclose(((-Vi(0, D).sqdist(Vj(y))).exp() @ y[:, 0])(x), dense @ y[:, 0])


def test_a_tensor_is_a_linear_operator_for_scipy() -> None:
    linalg = pytest.importorskip("scipy.sparse.linalg")
    x, _ = clouds()
    kernel = (-Vi(x).sqdist(Vj(x))).exp()
    found = linalg.eigsh(linalg.aslinearoperator(kernel), k=3, return_eigenvectors=False)
    np.testing.assert_allclose(np.sort(found), np.linalg.eigvalsh(np.exp(-squared(x, x)))[-3:])


def test_log_sum_exp_with_weights() -> None:
    x, y = clouds()
    f, matrix = Vi(x).sqdist(Vj(y)), np.exp(squared(x, y))
    np.testing.assert_allclose(f.logsumexp(dim=1, weight=Vj(y)), np.log(matrix @ y))
    np.testing.assert_allclose(f.logsumexp(dim=1, weight=LazyTensor(2.0)), np.log(2 * matrix.sum(1, keepdims=True)))
    np.testing.assert_allclose(f.logsumexp(dim=0, weight=Vi(x[:, :1]) * Vj(y)), np.log((matrix.T @ x[:, :1]) * y))
    both = Vj(y[:, :1]).concat(Vi(x[:, :1]))
    expected = np.stack([matrix @ y[:, 0], matrix.sum(1) * x[:, 0]], axis=1)
    np.testing.assert_allclose(f.logsumexp(dim=1, weight=both), np.log(expected))
    apart = np.abs(x[:, None, :] - y[None, :, :])
    expected = np.einsum("ij,ijd->id", matrix, apart)
    np.testing.assert_allclose(f.logsumexp(dim=1, weight=(Vi(x) - Vj(y)).abs()), np.log(expected))
    np.testing.assert_allclose(f.sumsoftmaxweight(Vj(y), dim=1), matrix @ y / matrix.sum(1, keepdims=True))
    np.testing.assert_allclose(f.sumsoftmaxweight(Vi(x), dim=1), x)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_log_sum_exp_does_not_overflow(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anear.compat.keops.problem.BLOCK", 64)  # many blocks, each with a new maximum
    x, y = clouds()
    y = y[np.argsort(y[:, 0])]
    matrix = 900 * x[:, :1] * y[:, 0] + shift
    top = matrix.max(axis=1, keepdims=True)
    expected = top + np.log(np.exp(matrix - top).sum(axis=1, keepdims=True))
    found = (900 * Vi(x[:, :1]) * Vj(y[:, :1]) + shift).logsumexp(dim=1)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_log_sum_exp_of_what_is_not_finite() -> None:
    values = np.array([[-np.inf, -np.inf], [-np.inf, -1000.0], [1.0, np.inf], [np.nan, 1.0]])
    found = [LazyTensor(row[None, :, None]).logsumexp(dim=1)[0, 0] for row in values]
    np.testing.assert_array_equal(found, [-np.inf, -1000.0, np.inf, np.nan])


@pytest.mark.parametrize("block", [1, 7, 100, 5000])
def test_blocks_of_any_size(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anear.compat.keops.problem.BLOCK", block)
    x, y = clouds()
    x, y = x[:9], y[:11]
    kernel, dense = (-Vi(x).sqdist(Vj(y))).exp(), np.exp(-squared(x, y))
    np.testing.assert_allclose(kernel.sum(dim=1), dense.sum(1, keepdims=True))
    np.testing.assert_allclose(kernel @ y, dense @ y)
    np.testing.assert_allclose(
        (kernel + (Vi(x) - Vj(y)) ** 2).sum(dim=0)[:, 0], (dense + (x[:, None, 0] - y[:, 0]) ** 2).sum(0)
    )
    np.testing.assert_allclose(kernel.logsumexp(dim=0, weight=Vi(x)), np.log(np.exp(dense).T @ x))


def test_sums_take_bounded_memory() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((3000, 3), np.float32), rng.random((20_000, 3), np.float32)  # a matrix of 240 MB
    kernel = (-Vi(x).sqdist(Vj(y))).exp()
    (kernel * Vj(y)).sum(dim=1)  # compiled
    tracemalloc.start()
    for run in (
        lambda: kernel.sum(dim=1),
        lambda: (kernel * (Vi(x) - Vj(y))).sum(dim=1),
        lambda: kernel.logsumexp(dim=1),
    ):
        tracemalloc.reset_peak()
        run()
        assert tracemalloc.get_traced_memory()[1] < 64e6
    tracemalloc.stop()


# --- what goes in ----------------------------------------------------------------------------------------------------


def test_constructors_mean_the_same() -> None:
    x, y = clouds()
    expected = Vi(x).sqdist(Vj(y)).argKmin(3, dim=1)
    for x_i in (LazyTensor(x[:, None, :]), LazyTensor(x, axis=0), LazyTensor(np.asfortranarray(x)[:, None])):
        for y_j in (LazyTensor(y[None, :, :]), LazyTensor(y, axis=1), LazyTensor(np.repeat(y, 2, axis=0)[None, ::2])):
            np.testing.assert_array_equal(((x_i - y_j) ** 2).sum(dim=2).argKmin(3, dim=1), expected)


def test_parameters() -> None:
    x, _ = clouds()
    for p in (
        Pm(2.0),
        Pm(2),
        LazyTensor(2.0),
        LazyTensor([2.0]),
        Pm(np.float32(2)),
        Pm(np.array([2.0])),
        Pm(np.array(2.0)),
    ):
        assert p.ndim == 1
        np.testing.assert_allclose((p * Vi(x)).sum(dim=1), 2 * x)
    for p in (Pm([1, 2, 3, 4]), Pm(np.arange(1.0, 5)), LazyTensor(np.arange(1.0, 5).reshape(1, 1, 4))):
        np.testing.assert_allclose((p * Vi(x)).sum(dim=1), [1, 2, 3, 4] * x)


def test_variables_of_many_kinds() -> None:
    x, y = clouds()
    s, t = x[:, 1:2], y[:, 2:3]
    formula = Vi(x[:, :3]).sqdist(Vj(y[:, 1:])) * Vi(s) / Vj(t) + (Vi(x[:, 1:3]) | Vj(y[:, :2]))
    dense = squared(x[:, :3], y[:, 1:]) * s / t[:, 0] + x[:, 1:3] @ y[:, :2].T
    np.testing.assert_array_equal(formula.argKmin(4, dim=1), np.argsort(dense)[:, :4])
    np.testing.assert_array_equal(formula.argKmin(4, dim=0), np.argsort(dense.T)[:, :4])


def test_one_dimension() -> None:
    x, y = clouds()
    formula = ((LazyTensor(x[:, :1, None]) - LazyTensor(y[None, :, :1])) ** 2).sum(-1)
    np.testing.assert_array_equal(formula.argKmin(3, dim=1), np.argsort((x[:, :1] - y[:, 0]) ** 2)[:, :3])


def test_dimensions_that_never_meet() -> None:
    x, y = clouds()
    formula = Vi(x).sqnorm2() * Vj(y[:, :3]).norm2()
    np.testing.assert_allclose(
        formula.sum(dim=1), (x**2).sum(1, keepdims=True) * np.linalg.norm(y[:, :3], axis=1).sum()
    )
    assert (formula.argKmin(1, dim=1) == np.linalg.norm(y[:, :3], axis=1).argmin()).all()


def test_variables_of_one_side() -> None:
    x, y = clouds()
    np.testing.assert_allclose(Vj(y).sum(dim=1), y.sum(0, keepdims=True))
    np.testing.assert_allclose(Vj(y).sum(dim=0), y)
    np.testing.assert_array_equal(Vj(y).sqnorm2().argKmin(3, dim=1), np.argsort((y**2).sum(1))[None, :3])
    np.testing.assert_array_equal(Vi(x).sqnorm2().argKmin(2, dim=1), [[0, -1]] * M)


def test_one_array_on_both_sides() -> None:
    x, _ = clouds()
    assert (Vi(x).sqdist(Vj(x)).argKmin(2, dim=1)[:, 0] == np.arange(M)).all()
    np.testing.assert_allclose((Vi(x) - Vi(x)).sum(dim=1), 0)


def test_arrays_are_read_when_a_reduction_runs() -> None:
    x, y = clouds()
    formula = Vi(x).sqdist(Vj(y))
    y[:] = x[0]
    assert formula.min(dim=1)[0, 0] == 0


def test_the_wider_type_counts() -> None:
    x, y = clouds()
    formula = Vi(x.astype(np.float32)) - Vj(y)
    assert formula.dtype == "float64"
    assert formula.sum(dim=1).dtype == np.float64
    assert (Vi(x.astype(np.float32)) * Pm(np.float64(0.1))).sum(dim=1).dtype == np.float32


# --- what is special -------------------------------------------------------------------------------------------------


def test_more_than_there_are() -> None:
    x, y = clouds()
    values, ids = Vi(x).sqdist(Vj(y[:3])).Kmin_argKmin(5, dim=1)
    assert (ids[:, 3:] == -1).all()
    assert np.isposinf(values[:, 3:]).all()
    assert np.isfinite(values[:, :3]).all()


def test_nan_is_passed_over_by_extremes_and_kept_by_sums() -> None:
    x, y = clouds()
    y[2, 0] = np.nan
    formula = Vi(x).sqdist(Vj(y))
    matrix = squared(x, y)
    np.testing.assert_array_equal(formula.argmin(dim=1)[:, 0], np.nanargmin(matrix, axis=1))
    np.testing.assert_allclose(formula.max(dim=1)[:, 0], np.nanmax(matrix, axis=1))
    assert (formula.argKmin(N, dim=1)[:, -1] == -1).all()
    assert np.isnan(formula.sum(dim=1)).all()
    values, ids = formula.min_argmin(dim=0)
    assert ids[2, 0] == -1
    assert np.isposinf(values[2, 0])


def test_domains_are_not_checked() -> None:
    x, y = clouds()
    found = (Vi(x) - 1).log().sqdist(Vj(y)).argKmin(1, dim=0)  # logarithms of negative numbers are NaN
    allowed = (x > 1).all(axis=1)
    assert set(found.ravel()) <= {-1, *np.flatnonzero(allowed)}


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "two axes": (lambda: LazyTensor(np.zeros((3, 2))), r"x has shape \(3, 2\): say by axis=0"),
    "axis": (lambda: LazyTensor(np.zeros((3, 2)), axis=3), "axis is 3"),
    "three axes and axis": (lambda: LazyTensor(np.zeros((3, 1, 2)), axis=0), "axis is 0, but x has three dimensions"),
    "no axis of 1": (lambda: LazyTensor(np.zeros((3, 4, 2))), r"x has shape \(3, 4, 2\); allowed: \(M, 1, D\)"),
    "batch": (lambda: LazyTensor(np.zeros((2, 3, 1, 2))), "batch dimensions"),
    "one axis": (lambda: Vi(np.zeros(3)), r"x is of shape \(3,\), the same for all i and j; what is indexed by i"),
    "number": (lambda: Vj(2.0), "x is a number"),
    "list": (lambda: Vj([2.0]), "x is a list of numbers"),
    "list of text": (lambda: Pm(["a"]), "x is a list, but not of numbers"),
    "matrix as parameter": (lambda: Pm(np.zeros((2, 2))), "x has shape"),
    "empty": (lambda: Vi(np.zeros((0, 2))), r"x is empty: shape \(0, 2\)"),
    "empty parameter": (lambda: Pm([]), r"x has shape \(0,\)"),
    "whole numbers": (lambda: Vi(np.zeros((2, 2), int)), "x is of type int64; allowed: float32 and float64"),
    "masked": (lambda: Vi(np.ma.masked_less(np.eye(2), 1)), "x has masked values"),
    "text": (lambda: LazyTensor("x"), "x is of type builtins.str"),
    "nothing": (lambda: LazyTensor(None), "x is of type builtins.NoneType"),
    "short tuple": (lambda: LazyTensor((0, 1)), "x is a tuple of 2"),
    "tuple": (lambda: LazyTensor((0, 0, 1)), r"x is \(0, 0, 1\); a placeholder is"),
    "position": (lambda: Vi(0.5, 3), r"x\[0\] is 0.5; a whole number"),
    "dim": (lambda: Vi(np.zeros((2, 2))).sqnorm2().sum(dim=3), "dim is 3; a reduction goes over i"),
    "no dim": (lambda: Vi(np.zeros((2, 2))).sqnorm2().argKmin(3), "dim is None"),
    "K": (lambda: Vi(np.zeros((2, 2))).sqnorm2().argKmin(0, dim=1), "K is 0; at least 1"),
    "K a fraction": (lambda: Vi(np.zeros((2, 2))).sqnorm2().argKmin(1.5, dim=1), "K is 1.5; a whole number"),
    "parameters only": (lambda: Pm([1.0, 2.0]).sum(dim=1), "at least one variable indexed by i or j"),
    "ranges": (lambda: Vi(np.zeros((2, 2))).sum(dim=1, ranges=(1,)), "block-sparse"),
    "option": (lambda: Vi(np.zeros((2, 2))).sum(dim=1, bakend="CPU"), "bakend: no option of a reduction"),
    "vectors": (
        lambda: Vi(np.zeros((2, 2))).logsumexp(dim=1),
        "logsumexp needs a scalar formula, not one of dimension 2",
    ),
    "product of vectors": (lambda: Vi(np.zeros((2, 2))) @ np.zeros(2), "@ needs a scalar formula"),
    "product with 3-D": (lambda: Vi(np.zeros((2, 1))) @ np.zeros((1, 2, 2)), "the right side of @ has shape"),
    "product of lengths": (lambda: Vi(np.zeros((2, 2))).sqdist(Vj(np.ones((3, 2)))) @ np.zeros(4), "have 3 and 4 rows"),
    "too few arrays": (lambda: Vi(0, 2).sqdist(Vj(1, 2)).argmin(dim=1)(np.zeros((2, 2))), "1 arrays were given; 2 are"),
    "other columns": (
        lambda: Vi(0, 2).sqnorm2().sum(dim=1)(np.zeros((2, 3))),
        r"argument 0 has shape \(2, 3\); \(rows, 2\)",
    ),
    "other rows": (
        lambda: Vi(0, 2).sqdist(Vi(np.zeros((4, 2)))).sum(dim=1)(np.zeros((2, 2))),
        "argument 0: the i-variables have 4 and 2 rows",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str) -> None:
    make, message = MISTAKES[name]
    with pytest.raises(ArgumentError, match=message):
        make()


def test_options_on_how_to_compute_are_accepted() -> None:
    x, y = clouds()
    found = Vi(x).sqdist(Vj(y)).sum(dim=1, backend="CPU", sum_scheme="block_sum", ranges=None)
    np.testing.assert_allclose(found, squared(x, y).sum(1, keepdims=True))


def test_the_import_is_light() -> None:
    heavy = ("torch", "scipy", "llvmlite", "pandas")
    code = f"import sys, anear.compat.keops; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
