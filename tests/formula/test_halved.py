"""The bound of products of bfloat16, against these products emulated one operation at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anear.formula import formula
from anear.formula.bilinear import bilinear_plan
from anear.formula.expression import Expr, walk
from anear.formula.halved import Middle, halved_plans
from anear.formula.interpret import evaluate
from anear.formula.plan import Plan, entry_leaves, reconstruct

Floats = npt.NDArray[np.float64]
D = 20
U = 2.0**-24


def still(_: Expr) -> Middle:
    """Of vectors that stay where they are."""
    return np.zeros(D), 1.0


def plans_of(text: str, Y: Floats, moved: bool = True) -> list[Plan]:
    plan = bilinear_plan(formula(text))
    assert plan is not None
    assert plan.relative is not None

    def mean(vector: Expr) -> Middle:
        if not moved:
            return still(vector)
        of_query = any(node.op == "x" for node in walk(vector))
        values = evaluate(vector, Y, Y[:1])[:, 0] if of_query else evaluate(vector, Y[:1], Y)[0]
        return values.mean(axis=0), float(np.mean(np.sum(values**2, axis=1)))

    halved = list(halved_plans(plan, D, (plan.relative[0] + plan.relative[1] * D) * U, mean))
    assert len(halved) == 2
    assert all(plan.halved for plan in halved)
    return halved


def flushed(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.where(np.abs(values) < np.float32(2.0**-126), np.float32(0), values)


def shortened(values: Floats) -> npt.NDArray[np.float32]:
    """Float32, then bfloat16; what would become infinite is cut off."""
    single = values.astype(np.float32)
    near = single.astype(ml_dtypes.bfloat16).astype(np.float32)
    cut = (single.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return flushed(np.where(np.isinf(near), cut, near))


def product(G: Floats, H: Floats) -> Floats:
    """Of all rows with all rows, as the instruction computes it."""
    g, h = shortened(G), shortened(H)
    total = np.zeros((len(g), len(h)), np.float32)
    for i in range(g.shape[1]):  # a product of two such numbers fits a float32, but for its exponent
        exact = g[:, None, i].astype(np.float64) * h[None, :, i].astype(np.float64) + total.astype(np.float64)
        total = flushed(exact.astype(np.float32))
    return total.astype(np.float64)


def check(text: str, X: Floats, Y: Floats, moved: bool = True) -> None:
    """What bfloat16 makes of all products together is within the bounds of what they are."""
    with np.errstate(all="ignore"):
        for plan in plans_of(text, Y, moved):
            check_plan(plan, X, Y)


def check_plan(plan: Plan, X: Floats, Y: Floats) -> None:
    leaves = entry_leaves(plan)
    vectors = {leaf: evaluate(entry, X, Y) for leaf, entry in leaves.items() if leaf.is_vector}
    pairs = [node.args for node in walk(plan.pair) if node.op == "mul" and node.is_vector]
    queries = np.concatenate([vectors[g if g.value[0] == "query" else h][:, 0] for g, h in pairs], axis=1)
    points = np.concatenate([vectors[h if g.value[0] == "query" else g][0] for g, h in pairs], axis=1)
    true = (queries.astype(np.longdouble)[:, None] * points.astype(np.longdouble)[None]).sum(-1)
    error = np.abs(product(queries, points) - true)
    bound = bound_of(plan, X, Y)
    sure = np.isfinite(bound) & (bound < 1e37)
    assert (error <= bound)[sure].all()


def bound_of(plan: Plan, X: Floats, Y: Floats) -> Floats:
    """For each query and each point."""
    alone = np.zeros(len(X))
    for slot, maximum in zip(plan.slack, plan.maxima, strict=True):
        alone += evaluate(plan.query[slot], X, Y)[:, 0] * evaluate(maximum, X, Y)[0].max()
    value = evaluate(reconstruct(replace(plan, offset=None)), X, Y)
    assert plan.relative is not None
    factor = (plan.relative[0] + plan.relative[1] * D) * U
    bound: Floats = factor * (alone[:, None] + plan.relative_to_rank * np.abs(value))
    return bound


DATA: dict[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "positive": lambda rng, shape: rng.random(shape),
    "positive, of all sizes": lambda rng, shape: rng.random(shape) * 10.0 ** rng.integers(-30, 15, shape),
    "positive, below the normal": lambda rng, shape: rng.random(shape) * 1e-38,
    "far": lambda rng, shape: 1e4 + rng.normal(size=shape),
    "tiny": lambda rng, shape: rng.normal(size=shape) * 1e-38,
    "below the normal": lambda rng, shape: rng.normal(size=shape) * 1e-41,
    "huge": lambda rng, shape: rng.normal(size=shape) * 1e17,
    "of all sizes": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-30, 15, shape),
    "one large": lambda rng, shape: np.where(np.arange(shape[1]) == 3, 1e6, 1.0) * rng.normal(size=shape),
    "whole numbers": lambda rng, shape: rng.integers(-128, 129, shape).astype(np.float64),
}


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("text", ["sum((x - y)**2)", "-dot(x, y)", "dot(x, y)", "sum(x * y**2) - sum(x**2 * y)"])
def test_the_bound_holds(text: str, data: str, moved: bool) -> None:
    rng = np.random.default_rng(3)
    rows = [DATA[data](rng, shape).astype(np.float32).astype(np.float64) for shape in ((6, D), (300, D))]
    check(text, *rows, moved)


@pytest.mark.parametrize("text", ["sum(y * log(y / x))", "sum(y / x - log(y / x) - 1)"])
def test_the_bound_holds_of_computed_numbers(text: str) -> None:
    rng = np.random.default_rng(4)
    check(text, rng.dirichlet(np.full(D, 0.3), 6) + 1e-6, rng.dirichlet(np.full(D, 0.3), 300) + 1e-6)


@given(
    arrays(np.float32, (2, D), elements=st.floats(-(2.0**40), 2.0**40, width=32)),
    arrays(np.float32, (3, D), elements=st.floats(-(2.0**40), 2.0**40, width=32)),
)
def test_the_bound_holds_of_any_numbers(X: npt.NDArray[np.float32], Y: npt.NDArray[np.float32]) -> None:
    check("sum((x - y)**2)", X.astype(np.float64), Y.astype(np.float64))
    check("dot(x, y) + sum(y)", np.abs(X).astype(np.float64), np.abs(Y).astype(np.float64))


@pytest.mark.parametrize(
    "text", ["sum((x - y)**2)", "-dot(x, y)", "sum(y * log(y / x))", "sum(x * y**2) - sum(x**2 * y)"]
)
def test_what_is_moved_has_the_same_value(text: str) -> None:
    rng = np.random.default_rng(6)
    X, Y = 0.5 + rng.random((6, D)), 0.5 + rng.random((50, D))
    plan = plans_of(text, Y)[0]
    assert any(node.op == "constant" for entry in (*plan.query, *plan.point) for node in walk(entry))
    np.testing.assert_allclose(evaluate(reconstruct(plan), X, Y), evaluate(formula(text), X, Y), rtol=1e-9, atol=1e-12)


def test_the_bound_is_near_what_happens() -> None:
    """Not so wide that it would be of no use: some hundred times what is lost at random."""
    rng = np.random.default_rng(5)
    X, Y = rng.random((6, D)), rng.random((300, D))
    assert (bound_of(plans_of("-dot(x, y)", Y)[0], X, Y) < 0.02).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_bound_holds_of_queries_that_may_round_to_infinity(sign: int) -> None:
    """They are cut off instead, which loses more than rounding does."""
    X, Y = np.zeros((6, D)), np.zeros((9, D))
    X[:, 3] = sign * np.linspace(3.39e38, 3.4e38, 6).astype(np.float32)
    Y[:, 3] = np.arange(9) / 2.0**10
    check("dot(x, y)", X, Y)


def test_of_one_sign_a_few_large_numbers_do_no_harm() -> None:
    rng = np.random.default_rng(5)
    X, Y = rng.dirichlet(np.full(D, 0.3), (6,)) + 1e-6, rng.dirichlet(np.full(D, 0.3), 300) + 1e-6
    by_norms, by_sign = (bound_of(p, X, Y) for p in plans_of("sum(y / x)", Y))
    value = (Y / X[:, None]).sum(-1)
    assert (by_sign < 0.01 * value + 1e-3 * by_norms).all()
    assert (by_sign.min(axis=1) < 0.1 * by_norms.min(axis=1)).all()


@pytest.mark.parametrize("negative", ["query", "point"])
def test_nothing_is_claimed_of_numbers_of_either_sign(negative: str) -> None:
    rng = np.random.default_rng(5)
    X, Y = rng.random((6, D)), rng.random((300, D))
    (X if negative == "query" else Y)[3, 4] *= -1
    bound = bound_of(plans_of("dot(x, y)", Y)[1], X, Y)
    unsure = np.arange(6) == 3 if negative == "query" else np.full(6, True)
    assert np.isinf(bound[unsure]).all()
    assert np.isfinite(bound[~unsure]).all()


@pytest.mark.parametrize("text", ["sum(abs(x - y))", "max((x - y)**2)", "sum(log(1 + x * y))"])
def test_other_formulas_are_left_alone(text: str) -> None:
    plan = bilinear_plan(formula(text))
    assert plan is None or not list(halved_plans(plan, D, 1e-5, still))


@pytest.mark.parametrize("dimension", [3, 7, 1 << 17])
def test_short_and_endless_vectors_are_left_alone(dimension: int) -> None:
    plan = bilinear_plan(formula("sum((x - y)**2)"))
    assert plan is not None
    assert not list(halved_plans(plan, dimension, 1e-5, lambda _: (np.zeros(dimension), 1.0)))
