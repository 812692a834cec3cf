"""The bilinear form is found where there is one, and has the rank's value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formula.examples import EXAMPLES, example_fields, example_rows
from tests.formula.strategies import formulas, rows
from tests.formula.test_hoist import assert_well_formed

from anear.formula import Expr, evaluate, parse, show, y
from anear.formula.bilinear import bilinear_plan
from anear.formula.expression import walk
from anear.formula.hoist import reconstruct
from anear.formula.outer import split

# how many products of vectors each has; the others have no bilinear form
VECTORS = {
    **dict.fromkeys(["l2", "l2_squared", "weighted_l2", "cosine", "cosine_normalised", "angle", "negative_dot"], 1),
    **dict.fromkeys(["correlation", "mahalanobis", "mahalanobis_factor", "projection", "energy"], 1),
    **dict.fromkeys(["exponential_bregman", "logistic_bregman", "gaussian", "pearson_chi_square"], 1),
    **dict.fromkeys(["neyman_chi_square", "kl", "kl_right", "kl_zeros", "kl_general", "kl_general_right"], 1),
    **dict.fromkeys(["itakura_saito", "itakura_saito_right", "renyi", "alpha_beta", "hellinger", "bhattacharyya"], 1),
    **dict.fromkeys(["half_space", "poincare_ball"], 1),
    **dict.fromkeys(["torus", "jeffreys"], 2),
    "haversine": 0,
}

# the raw coordinates serve as they are stored
RAW = ["l2", "weighted_l2", "mahalanobis", "mahalanobis_factor", "kl", "kl_zeros", "kl_general", "itakura_saito"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_named_formulas(name: str) -> None:
    domain, expr = EXAMPLES[name]
    rank, _ = split(expr)
    plan = bilinear_plan(rank)
    assert (plan is not None) == (name in VECTORS)
    if plan is None:
        return
    assert plan.bilinear
    assert_well_formed(plan)
    X, Y = example_rows(domain)
    data = example_fields()
    expected = evaluate(rank, X, Y, *data)
    scale = 1.0 + np.abs(expected).max()
    np.testing.assert_allclose(evaluate(reconstruct(plan), X, Y, *data), expected, rtol=1e-11, atol=1e-11 * scale)
    products = [node for node in walk(plan.pair) if node.op == "mul" and node.is_vector]
    assert len(products) == VECTORS[name]
    assert all(a.op == "prepared" for node in products for a in node.args)
    assert {node.op for node in walk(plan.pair)} <= {"prepared", "mul", "add", "sum"}


@pytest.mark.parametrize("name", RAW)
def test_the_points_stay_as_they_are(name: str) -> None:
    plan = bilinear_plan(split(EXAMPLES[name][1])[0])
    assert plan is not None
    assert plan.point[0] is y


def test_a_projection_shortens_the_points() -> None:
    plan = bilinear_plan(split(EXAMPLES["projection"][1])[0])
    assert plan is not None
    assert plan.point[0].op == "matvec"
    assert plan.point[0].length == 2


def test_parts_of_the_squared_distance() -> None:
    plan = bilinear_plan(parse("sum((x - y)**2)"))
    assert plan is not None
    assert show(plan.pair) == "point1 + sum(query0 * point0)"
    assert plan.query[0] is parse("-2 * x")
    assert plan.offset is not None
    assert plan.query[plan.offset] is parse("sum(x * x)")
    assert plan.point == (y, parse("sum(y * y)"))


def test_equal_sides_are_merged() -> None:
    plan = bilinear_plan(parse("sum(exp(x) * y) + sum(exp(x) * log(y)) + 2 * sum(x * y)"))
    assert plan is not None
    assert sum(node.op == "mul" for node in walk(plan.pair)) == 2


@pytest.mark.parametrize(
    "text", ["sum(abs(x - y))", "sum(x)", "sum(y)", "sum(x * y)**2", "sum((x - y)**8)", "max(x * y)"]
)
def test_none(text: str) -> None:
    assert bilinear_plan(parse(text)) is None


def test_zeros_send_the_pair_to_the_formula() -> None:
    # 0 * log(0) is 0 by definition; the bilinear form says "not a number", never a wrong number
    X, Y = np.array([[0.0, 0.5, 0.5]]), np.array([[0.0, 0.5, 0.5], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    expr = parse("sum(xlogy(y, y / x))")
    plan = bilinear_plan(expr)
    assert plan is not None
    found, expected = evaluate(reconstruct(plan), X, Y), evaluate(expr, X, Y)
    np.testing.assert_array_equal(np.isnan(found), [[True, False, False]])
    np.testing.assert_allclose(found[0, 1:], expected[0, 1:])


@settings(max_examples=100)
@given(formulas(positive=True, depth=3), st.integers(0, 2**32 - 1))
def test_random_formulas(expr: Expr, seed: int) -> None:
    plan = bilinear_plan(expr)
    if plan is None:
        return
    assert_well_formed(plan)
    X, Y = rows(seed, positive=True)
    expected, found = evaluate(expr, X, Y), evaluate(reconstruct(plan), X, Y)
    fine = np.isfinite(expected)
    np.testing.assert_allclose(found[fine], expected[fine], rtol=1e-7, atol=1e-7)


@settings(max_examples=60)
@given(st.data())
def test_random_bilinear_formulas(data: st.DataObject) -> None:
    functions = ["{0}", "sqrt({0})", "log({0})", "exp({0})", "{0}**2", "1/{0}"]
    terms = data.draw(
        st.lists(st.tuples(st.sampled_from(functions), st.sampled_from(functions)), min_size=1, max_size=3)
    )
    text = " + ".join(f"sum({a.format('x')} * {b.format('y')})" for a, b in terms) + " - sum(log(y)) + sum(sqrt(x))"
    rank = parse(text)
    plan = bilinear_plan(rank)
    assert plan is not None, text
    X, Y = rows(data.draw(st.integers(0, 1000)), positive=True)
    np.testing.assert_allclose(evaluate(reconstruct(plan), X, Y), evaluate(rank, X, Y), rtol=1e-10, atol=1e-10)
