"""What is claimed of formulas holds, and what is known of the named ones is found."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from tests.formula.examples import EXAMPLES, example_rows
from tests.formula.strategies import formulas, rows

from anear.formula import Expr, evaluate, parse, show, y
from anear.formula.canonical import canonical, equal, swapped
from anear.formula.convexity import bregman, jensen
from anear.formula.curvature import curvature
from anear.formula.derivative import derivative
from anear.formula.expression import make, walk
from anear.formula.outer import split
from anear.formula.properties import Properties, measure, properties

Floats = npt.NDArray[np.float64]


def names(text: str) -> set[str]:
    return set(text.split())


METRICS = names("""
    l1 l2 l3 l_half lp linf weighted_l1 weighted_l2 angle mahalanobis mahalanobis_factor projection canberra lorentzian
    hamming wasserstein energy one_coordinate jensen_shannon_root hellinger clark log_ratio half_space poincare_ball
    haversine
""")
BREGMAN = names("""
    l2 l2_squared weighted_l2 exponential_bregman kl_general kl_general_right itakura_saito itakura_saito_right gaussian
""")
ASYMMETRIC = names("""
    exponential_bregman logistic_bregman pearson_chi_square neyman_chi_square kl kl_right kl_zeros kl_general
    kl_general_right k_divergence itakura_saito itakura_saito_right renyi alpha_beta
""")
TRANSLATION = names("""
    l1 l2 l2_squared l3 l_half lp linf weighted_l1 weighted_l2 correlation mahalanobis mahalanobis_factor projection
    lorentzian wasserstein energy torus gaussian parts one_coordinate huber
""")
SCALE = names("""
    cosine cosine_normalised angle correlation bray_curtis itakura_saito itakura_saito_right clark log_ratio half_space
""")
FOUND = {name: properties(expr, domain == "positive") for name, (domain, expr) in EXAMPLES.items()}


def test_what_is_known_is_found() -> None:
    assert {n for n, f in FOUND.items() if f.triangle == "proved"} == METRICS
    assert {n for n, f in FOUND.items() if f.bregman == "proved"} == BREGMAN
    assert {n for n, f in FOUND.items() if f.symmetric == "refuted"} == ASYMMETRIC
    assert {n for n, f in FOUND.items() if f.translation_invariant == "proved"} == TRANSLATION
    assert {n for n, f in FOUND.items() if f.scale_invariant == "proved"} == SCALE
    assert {n for n, f in FOUND.items() if f.symmetric == "unknown"} == {"fields"}


@pytest.mark.parametrize("name", sorted(METRICS))
def test_metrics_have_all_four(name: str) -> None:
    found = FOUND[name]
    assert [found.symmetric, found.non_negative, found.zero_on_diagonal, found.triangle] == ["proved"] * 4


def assert_holds(found: Properties, expr: Expr, data: Floats, move: Floats) -> None:
    """No counterexample to anything proved among these rows."""
    d = evaluate(expr, data, data)
    shares = measure(expr, data)
    for name in ("symmetric", "non_negative", "zero_on_diagonal", "triangle"):
        if getattr(found, name) == "proved":
            assert np.isnan(shares[name]) or shares[name] == 1.0, name
    if found.scale_invariant == "proved":
        np.testing.assert_allclose(evaluate(expr, 2.5 * data, 2.5 * data), d, rtol=1e-6, atol=1e-6)
    if found.translation_invariant == "proved":
        np.testing.assert_allclose(evaluate(expr, data + 0.3, data + 0.3), d, rtol=1e-6, atol=1e-6)
    if found.convex == "proved":
        middle = evaluate(expr, data, 0.5 * (data + move))
        ends = 0.5 * (d + evaluate(expr, data, move))
        fine = np.isfinite(ends) & np.isfinite(middle)
        assert (middle <= ends + 1e-7 * (1.0 + np.abs(ends)))[fine].all()


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "fields"])
def test_claims_about_named_formulas_hold(name: str) -> None:
    domain, expr = EXAMPLES[name]
    for seed in range(3):
        X, Y = example_rows(domain, seed, 20, 20)
        assert_holds(FOUND[name], expr, X, Y)


def a_number_throughout(expr: Expr, data: Floats) -> bool:
    """Whether all of its parts are: a comparison makes a number of what is none, of which nothing is claimed."""
    data_nodes = [n for n in walk(expr) if n.op not in ("number", "constant")]
    parts = [make("sum", node) if node.is_vector else node for node in data_nodes]
    return all(np.isfinite(evaluate(part, data, data)).all() for part in parts)


@settings(max_examples=80)
@given(formulas(depth=3))
def test_claims_about_random_formulas_hold(expr: Expr) -> None:
    found = properties(expr)
    X, Y = rows(7, queries=8, points=8)
    if a_number_throughout(expr, X):
        assert_holds(found, expr, X, Y)
    assert not [name for name in ("symmetric", "triangle") if not getattr(found, name).reason]


@settings(max_examples=80)
@given(formulas(positive=True, depth=3))
def test_claims_about_positive_rows_hold(expr: Expr) -> None:
    X, Y = rows(3, positive=True, queries=8, points=8)
    if a_number_throughout(expr, X):
        assert_holds(properties(expr, positive=True), expr, X, Y)


@pytest.mark.parametrize(
    ("text", "prop", "verdict"),
    [
        ("sum((x - y)**2)", "triangle", "refuted"),
        ("sum(x * y)", "non_negative", "refuted"),
        ("sum(x * y)", "zero_on_diagonal", "refuted"),
        ("1 + sum(abs(x - y))", "zero_on_diagonal", "refuted"),
        ("sum(abs(x - 2 * y))", "triangle", "refuted"),
        ("sum(abs(exp(x) - exp(y)))", "triangle", "proved"),
        ("minimum(sum(abs(x - y)), 3)", "triangle", "proved"),
        ("1 - exp(-sum(abs(x - y)))", "triangle", "proved"),
        ("sum(abs(x - y)) + max(abs(x - y))", "triangle", "proved"),
        ("maximum(sum(abs(x - y)), 2 * norm(x - y))", "triangle", "proved"),
        ("2 * norm(x - y) / 3", "triangle", "proved"),
        ("-sum(abs(x - y))", "triangle", "refuted"),
        ("dot(x - y, [[1, 0], [0, -1]] @ (x - y))", "non_negative", "refuted"),
        ("norm(x - y)", "convex", "proved"),
        ("sum(x * log(x / y))", "bregman", "unknown"),
        ("sum(cumsum(abs(x - y)))", "separable", "unknown"),
        ("sum([1, 2] * abs(x - y)) - sum(log(y))", "separable", "proved"),
        ("point_field('s') * sum(abs(x - y))", "triangle", "unknown"),
    ],
)
def test_single_findings(text: str, prop: str, verdict: str) -> None:
    assert getattr(properties(parse(text)), prop) == verdict


def test_theorems_for_positive_numbers_need_them() -> None:
    expr = EXAMPLES["clark"][1]
    assert properties(expr).triangle != "proved"
    assert properties(expr, positive=True).triangle == "proved"


def test_findings_print() -> None:
    text = str(properties(parse("sum((x - y)**2)")))
    assert "symmetric              proved: exchanging x and y gives the same formula" in text
    assert "triangle               refuted: for example" in text
    assert "Bregman divergence of the convex F(y) = y * y" in text


def test_generators_are_read_off() -> None:
    found = bregman(split(parse("sum(y * log(y / x) - y + x)"))[0])
    assert found is not None
    assert equal(found.generator, parse("y * log(y) - y"))
    assert found.of_point
    right = bregman(split(parse("sum(x * log(x / y) - x + y)"))[0])
    assert right is not None
    assert not right.of_point
    gap = jensen(split(EXAMPLES["jensen_shannon"][1])[0])
    assert gap is not None
    assert gap.kind == "Jensen"
    assert bregman(parse("sum(x**4 - y**4)")) is None
    assert bregman(parse("sum((x - y)**2) + 1")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y**3", "3 * (y * y)"),
        ("y * log(y)", "log(y) + 1"),
        ("sqrt(y)", "1 / (2 * sqrt(y))"),
        ("exp(2 * y)", "2 * exp(2 * y)"),
        ("x * y", "x"),
        ("x", "0"),
    ],
)
def test_derivatives(text: str, expected: str) -> None:
    found = derivative(parse(text), y)
    assert found is not None
    assert canonical(found) is canonical(parse(expected))


def test_no_derivative_of_a_kink() -> None:
    assert derivative(parse("abs(y)"), y) is None


@pytest.mark.parametrize(
    "text",
    ["log1p(y)", "expm1(y)", "y / (1 + y)", "sin(y) * cos(y)", "tanh(y)", "arctan(y)", "y**2.5", "2**y", "cosh(y)"],
)
def test_derivatives_are_slopes(text: str) -> None:
    expr = parse(f"sum({text})")
    slope = derivative(parse(text), y)
    assert slope is not None
    at = np.linspace(0.3, 2.0, 7)[:, None]
    found = evaluate(slope, [[0.0]], at)[0, :, 0] if slope.is_vector else evaluate(slope, [[0.0]], at)[0]
    step = 1e-6
    expected = (evaluate(expr, [[0.0]], at + step) - evaluate(expr, [[0.0]], at - step))[0] / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(x * y)", "affine"),
        ("sum(x)", "constant"),
        ("sum((x - y)**2)", "convex"),
        ("-sum((x - y)**2)", "concave"),
        ("max(abs(x - y))", "convex"),
        ("sum(sqrt(y))", "concave"),
        ("norm(x - y, 3)", "convex"),
        ("sum(x * y) / norm(y)", None),
    ],
)
def test_curvature(text: str, expected: str | None) -> None:
    assert curvature(parse(text)) == expected


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("sum((x - y)**2)", "sum(x*x) - 2*sum(x*y) + sum(y*y)"),
        ("sum(log(x / y))", "sum(log(x)) - sum(log(y))"),
        ("1 / (1 + exp(-x[0]))", "exp(x[0]) / (exp(x[0]) + 1)"),
        ("sum(abs(2*x - 2*y))", "2 * sum(abs(y - x))"),
        ("sum(sin(x - y))", "sum(sin(x)*cos(y)) - sum(cos(x)*sin(y))"),
        ("sum(minimum(x, y))", "sum(minimum(y, x))"),
    ],
)
def test_canonical_forms(a: str, b: str) -> None:
    assert equal(parse(a), parse(b))
    assert canonical(parse(a)) is canonical(parse(b))


def test_different_formulas_are_not_equal() -> None:
    assert not equal(parse("sum(x * y)"), parse("sum(x * y * y)"))
    assert not equal(parse("sum(abs(x - y))"), parse("sum(abs(x + y))"))
    assert swapped(parse("sum(x * log(y))")) is parse("sum(y * log(x))")


@settings(max_examples=60)
@given(formulas(positive=True, depth=3))
def test_the_canonical_form_keeps_the_value(expr: Expr) -> None:
    X, Y = rows(1, positive=True)
    expected, found = evaluate(expr, X, Y), evaluate(canonical(expr), X, Y)
    fine = np.isfinite(expected) & np.isfinite(found)
    np.testing.assert_allclose(found[fine], expected[fine], rtol=1e-6, atol=1e-6, err_msg=show(expr))


def test_measure() -> None:
    sample = np.random.default_rng(0).uniform(0.1, 1.0, (30, 4))
    squared = measure(parse("sum((x - y)**2)"), sample)
    assert squared["symmetric"] == squared["non_negative"] == squared["zero_on_diagonal"] == 1.0
    assert 0.5 < squared["triangle"] < 1.0
    assert measure(parse("sum(y * log(y / x))"), sample)["symmetric"] < 0.2
