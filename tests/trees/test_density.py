"""Kernel densities against the naive twin: values, integrals, weights, tolerances, logarithms that never underflow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.reference.trees import METRICS, density, kernel_integral, matrix

import anear
from anear.errors import ArgumentError
from anear.trees.density import KERNELS, log_norm

TREES = (anear.KDTree, anear.BallTree, anear.KDTree32)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 7])
def test_a_kernels_integral_is_1(kernel: str, dimension: int) -> None:
    assert math.exp(-log_norm(kernel, dimension, 1.0)) == pytest.approx(kernel_integral(kernel, dimension), rel=1e-6)
    assert log_norm(kernel, dimension, 2.0) == pytest.approx(log_norm(kernel, dimension, 1.0) - dimension * math.log(2))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("h", [0.05, 0.7])
def test_density(kernel: str, tree: Any, weighted: bool, h: float) -> None:
    rng = np.random.default_rng(0)
    points, queries = (rng.random((n, 3)).astype(np.float32).astype(np.float64) for n in (400, 25))
    weights = rng.random(400) if weighted else None
    expected = density(matrix(queries, points, METRICS["l1"]), h, kernel, weights) * math.exp(log_norm(kernel, 3, h))
    found = tree(points, metric="l1", sample_weight=weights).kernel_density(queries, h, kernel)
    rtol = 1e-5 if tree is anear.KDTree32 else 1e-7
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)
    assert found.dtype == (np.float32 if tree is anear.KDTree32 else np.float64)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_function_gives_the_same_density(kernel: str) -> None:
    rng = np.random.default_rng(1)
    points, queries = rng.random((60, 2)), rng.random((5, 2))
    one = anear.BallTree(points, metric=METRICS["l1"]).kernel_density(queries, 0.3, kernel)
    np.testing.assert_allclose(one, anear.BallTree(points, metric="l1").kernel_density(queries, 0.3, kernel), rtol=1e-9)


@pytest.mark.parametrize(("kernel", "power"), [("gaussian", 2), ("exponential", 1)])
def test_logarithms_do_not_underflow(kernel: str, power: int) -> None:
    """The far query's density is below the smallest float."""
    points = np.array([[0.0], [1.0]])
    tree = anear.KDTree(points)
    far = tree.kernel_density([[3000.0]], 1.0, kernel, return_log=True)
    expected = (
        -(2999.0**power) / power + log_norm(kernel, 1, 1.0) + math.log1p(math.exp(-(3000**power - 2999**power) / power))
    )
    np.testing.assert_allclose(far, expected, rtol=1e-12)
    assert tree.kernel_density([[3000.0]], 1.0, kernel).tolist() == [0.0]


@pytest.mark.parametrize("kernel", ["tophat", "linear", "epanechnikov", "cosine"])
def test_nothing_near_has_density_0(kernel: str) -> None:
    tree = anear.BallTree(np.array([[0.0]]))
    assert tree.kernel_density([[1.0], [5.0]], 1.0, kernel).tolist() == [0.0, 0.0]
    assert tree.kernel_density([[5.0]], 1.0, kernel, return_log=True).tolist() == [-math.inf]


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
@pytest.mark.parametrize(("atol", "rtol"), [(0, 1e-8), (0, 1e-2), (1e-3, 0), (0, 0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_tolerances_hold(kernel: str, atol: float, rtol: float, weighted: bool) -> None:
    """Points few of which are near: the tree leaves out the others."""
    rng = np.random.default_rng(2)
    points, queries = rng.random((3000, 2)), rng.random((20, 2))
    weights = rng.random(3000) if weighted else None
    exact = density(matrix(queries, points, METRICS["l2"]), 0.01, kernel, weights) * math.exp(log_norm(kernel, 2, 0.01))
    found = anear.KDTree(points, sample_weight=weights).kernel_density(queries, 0.01, kernel, atol=atol, rtol=rtol)
    assert (np.abs(found - exact) <= atol + (rtol + 1e-11) * exact).all()


@pytest.mark.parametrize("kernel", [kernel for kernel in KERNELS if kernel != "tophat"])
@pytest.mark.parametrize(("atol", "rtol"), [(0, 1e-2), (0, 1e-8), (0.1, 0), (0, 0)])
@pytest.mark.parametrize("tree", [anear.KDTree, anear.BallTree])
@pytest.mark.parametrize("weighted", [False, True])
def test_whole_cells_are_taken_within_the_tolerance(
    kernel: str, atol: float, rtol: float, tree: Any, weighted: bool
) -> None:
    """Crowds, some far from all queries, and weights of all sizes."""
    rng = np.random.default_rng(3)
    points = rng.normal(size=(5, 2))[rng.integers(0, 5, 6000)] + 0.05 * rng.standard_normal((6000, 2))
    queries = np.concatenate([points[:10], rng.normal(size=(10, 2))])
    weights = 10.0 ** rng.uniform(-6, 0, 6000) if weighted else None
    h = 0.02 if kernel == "exponential" else 0.05
    exact = density(matrix(queries, points, METRICS["l2"]), h, kernel, weights) * math.exp(log_norm(kernel, 2, h))
    built = tree(points, sample_weight=weights)
    found = built.kernel_density(queries, h, kernel, atol=atol, rtol=rtol)
    assert (np.abs(found - exact) <= atol + (rtol + 1e-11) * exact + 1e-11).all()
    if rtol or atol:
        assert built.get_n_calls() < 20 * 6000


def test_mistakes() -> None:
    tree = anear.KDTree(np.zeros((3, 2)))
    with pytest.raises(ArgumentError, match="kernel = 'box' not recognized; allowed: gaussian, tophat"):
        tree.kernel_density(np.zeros((1, 2)), 1.0, kernel="box")
    for h in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ArgumentError, match="h is"):
            tree.kernel_density(np.zeros((1, 2)), h)
