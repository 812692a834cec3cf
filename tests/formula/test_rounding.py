"""The proved bounds hold: arithmetic, emulated by NumPy one operation at a time, against extended precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formula.examples import DIMENSION, EXAMPLES, example_fields
from tests.formula.strategies import formulas, rows

from anear.formula import Expr
from anear.formula.absolute import absolute_plan
from anear.formula.bilinear import bilinear_plan
from anear.formula.bounds_error import float64_error
from anear.formula.expression import walk
from anear.formula.hoist import Plan, rank_plan
from anear.formula.interpret import OPERATIONS
from anear.formula.majorant import entry_error
from anear.formula.outer import split
from anear.formula.parse import parse
from anear.formula.plan import entry_leaves
from anear.formula.simplify import simplify

Array = npt.NDArray[np.floating]
U = 2.0**-24


def computed(expr: Expr, leaves: dict[Expr, Array], kind: type[np.floating]) -> Array:
    """``expr`` in the arithmetic of ``kind``; sums are added up one coordinate after the other, the worst order."""
    values: dict[Expr, Array] = {}
    for node in walk(expr):
        if node in leaves:
            values[node] = leaves[node].astype(kind)
        elif node.op == "number":
            values[node] = np.full((1, 1, 1), node.value, kind)
        elif node.op == "constant":
            values[node] = (
                node.value.values.astype(kind) if node.is_matrix else node.value.values[None, None].astype(kind)
            )
        elif node.op == "matvec":
            products = values[node.args[0]] * values[node.args[1]][..., None, :]
            values[node] = np.cumsum(products, axis=-1, dtype=kind)[..., -1]
        elif node.op == "sum":
            values[node] = np.cumsum(values[node.args[0]], axis=-1, dtype=kind)[..., -1:]
        elif node.op in ("index", "slice"):
            key = slice(*node.value) if node.op == "slice" else slice(node.value, (node.value + 1) or None)
            values[node] = values[node.args[0]][..., key]
        else:
            values[node] = OPERATIONS[node.op](*(values[a] for a in node.args)).astype(kind)
    return values[expr]


def raw(expr: Expr, X: Array, Y: Array, data: tuple[dict[str, Array], dict[str, Array]]) -> dict[Expr, Array]:
    """The data's leaves."""
    leaves: dict[Expr, Array] = {}
    for node in walk(expr):
        if node.op in ("x", "y"):
            leaves[node] = X[:, None, :] if node.op == "x" else Y[None, :, :]
        elif node.op == "point_field":
            leaves[node] = data[0][node.value[0]].reshape(1, len(Y), -1)
        elif node.op == "query_field":
            leaves[node] = data[1][node.value[0]].reshape(len(X), 1, -1)
    return leaves


def check(plan: Plan, X: Array, Y: Array, data: tuple[dict[str, Array], dict[str, Array]], scale: float = 1.0) -> None:
    """Compare float32 with long double arithmetic; the data are rounded to float32 first."""
    X, Y = X.astype(np.float32).astype(np.float64), Y.astype(np.float32).astype(np.float64)
    data = tuple({k: v.astype(np.float32).astype(np.float64) for k, v in d.items()} for d in data)  # type: ignore[assignment]
    with np.errstate(all="ignore"):
        exact: dict[Expr, Array] = {}
        rounded: dict[Expr, Array] = {}
        for leaf, entry in entry_leaves(plan).items():
            exact[leaf] = computed(entry, raw(entry, X, Y, data), np.longdouble)
            rounded[leaf] = computed(entry, raw(entry, X, Y, data), np.float64).astype(np.float32)
        true = computed(plan.pair, exact, np.longdouble)[..., 0]
        found = computed(plan.pair, rounded, np.float32)[..., 0].astype(np.longdouble)
        queries = [computed(q, raw(q, X, Y, data), np.float64) for q in plan.query]
        slack = np.zeros((len(X), len(Y)))
        for slot, m in zip(plan.slack, plan.maxima, strict=True):
            # the maximum over all points is at least each point's own: the bound is checked at its tightest
            slack = slack + queries[slot][..., 0] * computed(m, raw(m, X, Y, data), np.float64)[..., 0]
    assert plan.relative is not None
    a, b = plan.relative
    bound = U * (a + b * X.shape[1]) * (slack + (np.abs(true) if plan.relative_to_rank else 0.0))
    true, found, bound = np.broadcast_arrays(true, found, bound)
    fine = np.isfinite(true) & np.isfinite(found)
    assert fine.mean() > 0.5
    bad = fine & ~(np.abs(found - true) <= bound)
    assert not bad.any(), (found[bad], true[bad], bound[bad])
    # a bound a thousand times larger than what it bounds would prove little
    typical = np.abs(true[fine]).max()
    assert np.median(bound[fine]) <= scale * 2e-4 * max(typical, 1e-3) or not np.isfinite(bound[fine]).all()


def check_float64(
    plan: Plan, rank: Expr, X: Array, Y: Array, data: tuple[dict[str, Array], dict[str, Array]] = ({}, {})
) -> None:
    """What a plan computes in float64, and what the rank does as it is written, are as near as is proved."""
    plan = plan.computed_in("float64")
    assert plan.relative is not None
    with np.errstate(all="ignore"):
        raw_leaves = {node: leaf for e in (rank, *plan.query, *plan.point) for node, leaf in raw(e, X, Y, data).items()}
        leaves = {
            leaf: computed(entry, {n: raw_leaves[n] for n in walk(entry) if n in raw_leaves}, np.float64)
            for leaf, entry in entry_leaves(plan).items()
        }
        exact = {leaf: computed(e, raw_leaves, np.longdouble) for leaf, e in entry_leaves(plan).items()}
        true, found = (
            computed(plan.pair, of, kind)[..., 0] for of, kind in ((exact, np.longdouble), (leaves, np.float64))
        )
        offset: Array = np.zeros((1, 1))
        if plan.offset is not None:
            offset = computed(plan.query[plan.offset], raw_leaves, np.float64)[..., 0]
        written = computed(rank, raw_leaves, np.float64)[..., 0]
        slack = np.zeros((len(X), len(Y)))
        for slot, m in zip(plan.slack, plan.maxima, strict=True):
            q, p = (computed(e, raw_leaves, np.float64)[..., 0] for e in (plan.query[slot], m))
            slack = slack + q * p
    a, b = plan.relative
    with np.errstate(invalid="ignore"):  # nothing is claimed where the slack is infinite
        bound = 2.0**-53 * (a + b * X.shape[1]) * (slack + (np.abs(true) if plan.relative_to_rank else 0.0))
    bound = bound + np.finfo(np.float64).tiny  # underflow, for which searches leave so much room
    true, found, bound, written = np.broadcast_arrays(true, found, bound, written)
    # overflow is not covered: where the bound is no number everything is let through
    fine = np.isfinite(true) & np.isfinite(found) & np.isfinite(written) & np.isfinite(bound)
    # the offset is rounded once more where it is added
    added = 2.0**-53 * (4 + X.shape[1]) * np.abs(offset)
    with np.errstate(invalid="ignore"):
        whole = found + offset.astype(np.longdouble)
        assert (np.abs(found - true) <= bound)[fine].all()
        assert (np.abs(whole - written) <= bound + added)[fine].all()


def near(random: np.random.Generator, D: int) -> tuple[Array, Array]:
    X = random.uniform(0.1, 1.0, (6, D))
    return X, X[random.integers(0, 6, 9)] * (1.0 + 1e-6 * random.standard_normal((9, D)))


def far(random: np.random.Generator, D: int) -> tuple[Array, Array]:
    return 1000.0 + random.uniform(0.0, 1.0, (6, D)), 1000.0 + random.uniform(0.0, 1.0, (9, D))


def mixed(random: np.random.Generator, D: int) -> tuple[Array, Array]:
    return np.exp(random.uniform(-8, 3, (6, D))), np.exp(random.uniform(-8, 3, (9, D)))


def simplex(random: np.random.Generator, D: int) -> tuple[Array, Array]:
    return random.dirichlet(np.full(D, 0.3), 6) + 1e-7, random.dirichlet(np.full(D, 0.3), 9) + 1e-7


DATA: dict[str, Callable[[np.random.Generator, int], tuple[Array, Array]]] = {
    "near": near,
    "far": far,
    "mixed": mixed,
    "simplex": simplex,
}


def plans(name: str) -> list[Plan]:
    rank, _ = split(EXAMPLES[name][1])
    return [plan for plan in (rank_plan(rank), bilinear_plan(rank)) if plan is not None and plan.relative is not None]


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("kind", DATA)
def test_named_formulas(name: str, kind: str) -> None:
    if EXAMPLES[name][0] in ("ball", "angles") and kind != "simplex":
        pytest.skip("outside of the formula's domain")
    if name in ("exponential_bregman", "logistic_bregman") and kind == "far":
        pytest.skip("overflows")
    for seed in range(3):
        X, Y = DATA[kind](np.random.default_rng(seed), DIMENSION)
        for plan in plans(name):
            check(plan, X, Y, example_fields(0, len(X), len(Y)), scale=1e9)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("kind", DATA)
def test_named_formulas_in_float64(name: str, kind: str) -> None:
    if EXAMPLES[name][0] in ("ball", "angles") and kind != "simplex":
        pytest.skip("outside of the formula's domain")
    rank, _ = split(EXAMPLES[name][1])
    for seed in range(3):
        X, Y = DATA[kind](np.random.default_rng(seed), DIMENSION)
        for plan in (rank_plan(rank), bilinear_plan(rank), absolute_plan(rank)):
            if plan is not None:
                check_float64(plan, rank, X, Y, example_fields(0, len(X), len(Y)))


def null(random: np.random.Generator, D: int) -> tuple[Array, Array]:
    """Rows that the matrices below make 0 of."""
    return tuple(np.repeat(random.normal(size=(n, 1)), D, axis=1) for n in (6, 9))  # type: ignore[return-value]


CENTRE = "[[0.75,-0.25,-0.25,-0.25],[-0.25,0.75,-0.25,-0.25],[-0.25,-0.25,0.75,-0.25],[-0.25,-0.25,-0.25,0.75]]"
CANCELLING = (
    "sum(abs(C @ (x - y)))",
    "sum((C @ (x - y))**2)",
    "sum((C @ (x - y)) * (x - y))",
    "sum(abs(x - mean(x) - (y - mean(y))))",
    "abs(sum(x) - sum(y))",
    "max(abs(cumsum(x - y)))",
    "sum(x**2) + sum(y**2) - 2 * sum(x * y)",
    "sum(abs(x - y) + exp(y - x) - (y - x))",
    "sum(1 - exp(-(C @ (x - y))**2))",
    "sum(log(1 + abs(C @ (x - y))))",
    "sum(1 - cos(C @ (x - y)))",
    "sum((exp(x) - exp(y)) * (x - y))",
    "sum(where(abs(C @ (x - y)) < 1e-16, (x - y)**2, abs(x - y)))",
    "sum(abs(x**3 - x - (y**3 - y))**1.5)",
    "sum(abs(xlogy(abs(x), abs(x) / abs(y)) - (abs(x) - abs(y))))",
)


@pytest.mark.parametrize("text", CANCELLING)
@pytest.mark.parametrize("kind", [*DATA, "null"])
def test_what_cancels_in_float64(text: str, kind: str) -> None:
    rank = simplify(parse(text.replace("C", CENTRE)))
    for seed in range(3):
        X, Y = {**DATA, "null": null}[kind](np.random.default_rng(seed), DIMENSION)
        for plan in (rank_plan(rank), bilinear_plan(rank), absolute_plan(rank)):
            if plan is not None and (plan is rank_plan(rank) or plan.in_float64 is not None):
                check_float64(plan, rank, X, Y)


def test_entries_whose_parts_cancel_are_bounded_by_what_they_would_be_without() -> None:
    y = parse("y")
    assert entry_error(parse("sum(y)")) == (parse("sum(abs(y))"), (0.0, 1.0))
    assert entry_error(parse("y[1:3] - y[0:2]")) == (parse("abs(y[1:3] - y[0:2])"), (1.0, 0.0))  # of exact numbers
    found = entry_error(parse("y[1:3] - y[0:2]"), moved=True)
    assert found == (parse("abs(y[1:3]) + abs(y[0:2])"), (2.0, 0.0))
    assert entry_error(parse("sum(y) - 0.7 * sum(y * y)")) == (parse("sum(abs(y)) + 0.7 * sum(y * y)"), (3.0, 1.0))
    assert entry_error(parse("log(y)")) == (parse("abs(log(y))"), (9.0, 0.0))
    assert entry_error(y) == (parse("abs(y)"), (0.0, 0.0))
    assert entry_error(parse("floor(2 * y + 0.5)")) is None


def test_a_choice_between_computed_numbers_is_unsure_where_they_are_as_near_as_they_may_be_off() -> None:
    error = float64_error(parse("where(sum(y) < 1, 3, 1)"))
    assert error is not None
    rows = np.array([[0.5, 0.25, 0.2], [0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.5, 0.5, 0.5]])
    assert error.numpy(np.zeros((1, 3)), rows)[0].tolist() == [0.0, np.inf, np.inf, 0.0]


def test_a_careful_plan_says_nan_where_digits_are_lost() -> None:
    rank = simplify(parse("sum(abs(x**3 - y**3)**1.5)"))
    plan = rank_plan(rank)
    assert plan.careful
    X = np.array([[1.0, 1.0]])
    Y = np.array([[2.0, 3.0], [1.0 + 1e-15, 1.0], [1.0, 1.0 + 1e-6]])
    used = plan.computed_in("float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        leaves = {
            leaf: computed(entry, raw(entry, X, Y, ({}, {})), np.float64) for leaf, entry in entry_leaves(used).items()
        }
        found = computed(used.pair, leaves, np.float64)
    assert np.isnan(found[0, :, 0]).tolist() == [False, True, True]
    assert found[0, 0, 0] == pytest.approx(rank.numpy(X, Y)[0, 0], rel=2.0**-40)


@pytest.mark.parametrize("name", ["l1", "l2", "cosine", "kl", "jensen_shannon", "itakura_saito", "hellinger"])
def test_bounds_are_tight_enough_to_be_useful(name: str) -> None:
    for plan in plans(name):
        X, Y = simplex(np.random.default_rng(1), DIMENSION)
        check(plan, X + 0.05, Y + 0.05, ({}, {}))


@pytest.mark.parametrize("name", [n for n, (domain, _) in EXAMPLES.items() if domain != "angles"])
def test_high_dimension(name: str) -> None:
    if any(node.op == "constant" or node.op.endswith("field") for node in walk(EXAMPLES[name][1])):
        pytest.skip("its captured arrays have a few coordinates")
    for kind in ("near", "mixed", "simplex"):
        X, Y = DATA[kind](np.random.default_rng(0), 300)
        if name == "poincare_ball":
            X, Y = X / 60.0 / X.max(), Y / 60.0 / Y.max()
        for plan in plans(name):
            if not (name == "exponential_bregman" and kind == "mixed"):
                check(plan, X, Y, ({}, {}), scale=1e9)


def test_what_has_a_bound() -> None:
    direct = {name for name in EXAMPLES if rank_plan(split(EXAMPLES[name][1])[0]).relative is not None}
    assert set(EXAMPLES) - direct == {"huber"}
    for name in EXAMPLES:
        plan = bilinear_plan(split(EXAMPLES[name][1])[0])
        assert plan is None or plan.relative is not None


@pytest.mark.parametrize("name", ["l1", "l2", "l3", "l_half", "linf", "canberra", "lorentzian", "chi_square", "clark"])
def test_relative_bounds(name: str) -> None:
    plan = rank_plan(split(EXAMPLES[name][1])[0])
    assert plan.relative_to_rank


def test_negative_data_void_a_bound_that_needs_the_opposite() -> None:
    plan = rank_plan(split(EXAMPLES["chi_square"][1])[0])
    Y = np.array([[1.0, -1.0, 1.0, 1.0]])
    worst = [computed(m, raw(m, Y, Y, ({}, {})), np.float64).max() for m in plan.maxima]
    assert np.inf in worst


@pytest.mark.parametrize("text", ["cosine", "-sum(x*y)"])
def test_negative_data_have_a_bound_where_products_cancel(text: str) -> None:
    expr = EXAMPLES[text][1] if text in EXAMPLES else parse(text)
    plan = rank_plan(split(expr)[0])
    random = np.random.default_rng(2)
    for X, Y in ((random.normal(size=(6, 4)), random.normal(size=(9, 4))), (-np.ones((2, 4)), random.random((9, 4)))):
        check(plan, X, Y, ({}, {}))
        check_float64(plan, split(expr)[0], X, Y)
        for m in (*plan.maxima, *plan.computed_in("float64").maxima):
            assert np.isfinite(computed(m, raw(m, Y, Y, ({}, {})), np.float64)).all()


@settings(max_examples=100)
@given(formulas(positive=True, depth=3), st.integers(0, 2**32 - 1))
def test_random_formulas(expr: Expr, seed: int) -> None:
    X, Y = rows(seed, positive=True)
    for plan in (rank_plan(expr), bilinear_plan(expr)):
        if plan is not None and plan.relative is not None:
            check(plan, X, Y, ({}, {}), scale=1e9)
        if plan is not None and plan.in_float64 is not None:
            check_float64(plan, expr, X, Y)


@settings(max_examples=200)
@given(formulas(depth=4), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1e3, 1e6]))
def test_random_formulas_in_float64(expr: Expr, seed: int, offset: float) -> None:
    X, Y = rows(seed)
    plan = rank_plan(expr)
    if plan.in_float64 is not None:
        check_float64(plan, expr, X + offset, Y + offset)
