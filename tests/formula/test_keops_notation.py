"""Formulas written as KeOps writes them mean what they mean there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from anear.errors import FormulaError
from anear.formula import formula, query_field, x, y
from anear.formula.expression import Expr

A = np.array([0.25, -1.5, 3.0])
B = np.array([1.0, 2.5, 0.5])
W = np.array([0.5, 2.0, 1.0])
M = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]])

DISTANCES: list[tuple[str, Callable[[], Expr], float]] = [
    ("((x - y) ** 2).sum(-1)", lambda: ((x - y) ** 2).sum(-1), np.sum((A - B) ** 2)),
    ("((x - y) ** 2).sum(dim=2)", lambda: ((x - y) ** 2).sum(dim=2), np.sum((A - B) ** 2)),
    ("(x - y).abs().sum(-1)", lambda: (x - y).abs().sum(-1), np.sum(np.abs(A - B))),
    ("(x | y)", lambda: x | y, A @ B),
    ("x.sqdist(y)", lambda: x.sqdist(y), np.sum((A - B) ** 2)),
    ("(x - y).sqnorm2()", lambda: (x - y).sqnorm2(), np.sum((A - B) ** 2)),
    ("(x - y).norm2()", lambda: (x - y).norm2(), np.linalg.norm(A - B)),
    ("(x - y).norm(-1)", lambda: (x - y).norm(-1), np.linalg.norm(A - B)),
    ("(x - y).norm(2)", lambda: (x - y).norm(2), np.linalg.norm(A - B)),
    (
        "(x.normalize() | y.normalize()).acos()",
        lambda: (x.normalize() | y.normalize()).acos(),
        np.arccos(A @ B / np.linalg.norm(A) / np.linalg.norm(B)),
    ),
    ("(x - y).weightedsqnorm(w)", lambda: (x - y).weightedsqnorm(W), np.sum(W * (A - B) ** 2)),
    ("(x - y).weightedsqnorm(2)", lambda: (x - y).weightedsqnorm(2), 2 * np.sum((A - B) ** 2)),
    ("(x - y).weightedsqnorm(m)", lambda: (x - y).weightedsqnorm(M), (A - B) @ M @ (A - B)),
    ("x.weightedsqdist(y, w)", lambda: x.weightedsqdist(y, W), np.sum(W * (A - B) ** 2)),
    ("matvecmult(m, x).sum()", lambda: formula(M).matvecmult(x).sum(), np.sum(M @ A)),
    ("x.vecmatmult(m) | y", lambda: x.vecmatmult(M) | y, A @ M @ B),
    ("(x - y).ifelse(x, y).sum()", lambda: (x - y).ifelse(x, y).sum(), np.sum(np.where(A - B >= 0, A, B))),
    ("x.mod(0.75).sum()", lambda: x.mod(0.75).sum(), np.sum(np.mod(A, 0.75))),
    ("y.xlogx().sum()", lambda: y.xlogx().sum(), np.sum(B * np.log(B))),
    ("x.sinxdivx().sum()", lambda: x.sinxdivx().sum(), np.sum(np.sin(A) / A)),
    ("x.sinc().sum()", lambda: x.sinc().sum(), np.sum(np.sinc(A))),
    ("(x - y).step().sum()", lambda: (x - y).step().sum(), np.sum(A - B >= 0)),
    ("(x - y).relu().sum()", lambda: (x - y).relu().sum(), np.sum(np.maximum(A - B, 0))),
    ("x.clamp(-1, 0.5).sum()", lambda: x.clamp(-1, 0.5).sum(), np.sum(np.clip(A, -1, 0.5))),
    ("x.clampint(-1, 1).sum()", lambda: x.clampint(-1, 1).sum(), np.sum(np.clip(A, -1, 1))),
    ("x.elem(1) * x[..., 2]", lambda: x.elem(1) * x[..., 2], A[1] * A[2]),
    ("x.extract(1, 2).sum()", lambda: x.extract(1, 2).sum(), np.sum(A[1:3])),
    ("y.sqrt().sum()", lambda: y.sqrt().sum(), np.sum(np.sqrt(B))),
    ("y.rsqrt().sum()", lambda: y.rsqrt().sum(), np.sum(1 / np.sqrt(B))),
    ("y.power(3).sum()", lambda: y.power(3).sum(), np.sum(B**3)),
    ("y.pow(3).sum()", lambda: y.pow(3).sum(), np.sum(B**3)),
    ("y.square().sum()", lambda: y.square().sum(), np.sum(B**2)),
    ("y.inv().sum()", lambda: y.inv().sum(), np.sum(1 / B)),
    ("x.atan2(y).sum()", lambda: x.atan2(y).sum(), np.sum(np.arctan2(A, B))),
    ("(x / 4).asin().sum()", lambda: (x / 4).asin().sum(), np.sum(np.arcsin(A / 4))),
    ("x.atan().sum() + x.sign().sum()", lambda: x.atan().sum() + x.sign().sum(), np.sum(np.arctan(A) + np.sign(A))),
    ("x.round(0).sum()", lambda: x.round(0).sum(), np.sum([0.0, -2.0, 3.0])),
    ("(x < y).sum() + x.eq(y).sum()", lambda: (x < y).sum() + x.eq(y).sum(), 2.0),
    (
        "((x - y) ** 2).sum(-1) / (x[0] * y[0])",
        lambda: ((x - y) ** 2).sum(-1) / (x[0] * y[0]),
        np.sum((A - B) ** 2) / (A[0] * B[0]),
    ),
]


@pytest.mark.parametrize(("text", "build", "want"), DISTANCES, ids=[text for text, _, _ in DISTANCES])
def test_value(text: str, build: Callable[[], Expr], want: float) -> None:
    expr = build()
    np.testing.assert_allclose(expr.numpy(A, B)[0, 0], want, rtol=1e-14)
    if "..." not in text:
        assert formula(text, w=W, m=M) is expr


def test_sinxdivx_is_one_at_zero() -> None:
    assert x.sinxdivx().numpy([0.0], [0.0])[0, 0, 0] == 1.0


def test_a_flattened_matrix_is_unflattened() -> None:
    v = query_field("v", 3)
    flat = np.arange(6.0)
    assert formula(flat).matvecmult(v) is flat.reshape(2, 3) @ v
    assert v.vecmatmult(flat) is v @ flat.reshape(3, 2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: x.sum(1), "axis must be -1"),
        (lambda: x.max(axis=0), "axis must be -1"),
        (lambda: x.clampint(0.5, 1), "two integers"),
        (lambda: x.matvecmult(y), "captured matrix"),
        (lambda: formula(np.arange(7.0)).matvecmult(query_field("v", 3)), "captured matrix"),
        (lambda: x.weightedsqnorm(np.eye(2)).numpy(A, B), "needs a vector of 2 coordinates, but x has 3"),
        (lambda: x.extract(0.5, 1), "integer"),
    ],
)
def test_refusals(build: Callable[[], Expr], message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        build()
