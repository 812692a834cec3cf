"""The rules keep the value, and do what each of them is there for."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.formula.examples import EXAMPLES, example_fields, example_rows
from tests.formula.strategies import formulas, rows

from anear.formula import evaluate, parse, show
from anear.formula.expression import make, number
from anear.formula.simplify import RULES, simplify

# a formula, and what it becomes
CASES = [
    ("x[0] + 0", "x[0]"),
    ("sum(1 * x)", "sum(x)"),
    ("sum((x - y)**2)", "sum((x - y) * (x - y))"),
    ("sum(abs(x - y)**3)", "sum((x - y) * (x - y) * abs(x - y))"),
    ("sum(abs(x - y)**0.5)", "sum(sqrt(abs(x - y)))"),
    ("sum(abs(x - y)**1.5)", "sum(abs(x - y) * sqrt(abs(x - y)))"),
    ("sum(x**-2)", "sum(1 / (x * x))"),
    ("sum(sqrt(abs(x))**2)", "sum(abs(x))"),
    ("sqrt(sum(x*x))**2", "sum(x * x)"),
    ("sum(abs(abs(x - y)))", "sum(abs(x - y))"),
    ("sum(abs(2 * (x - y)) / 2)", "sum(abs(x - y))"),
    ("sum(((x - y)**2)**0.5)", "sum(abs(x - y))"),
    ("sum(3 * x) + sum(x * y[0])", "3 * sum(x) + y[0] * sum(x)"),
    ("sum(x / norm(x))", "sum(x) / sqrt(sum(x * x))"),
    ("--x[0]", "x[0]"),
    ("-(x[0] - y[0])", "y[0] - x[0]"),
    ("x[0] + -y[0]", "x[0] - y[0]"),
    ("-x[0] * -y[0]", "x[0] * y[0]"),
    ("2 * (3 * x[0])", "6 * x[0]"),
    ("x[0] / 4", "0.25 * x[0]"),
    ("log(exp(x[0]))", "x[0]"),
    ("exp(log(abs(x[0])))", "abs(x[0])"),
    ("where(1, x[0], y[0])", "x[0]"),
    ("where(2 < 1, x[0], y[0])", "y[0]"),
    ("maximum(x[0], x[0])", "x[0]"),
    ("max(2 * abs(x))", "2 * max(abs(x))"),
    ("max(-x)", "-min(x)"),
    ("max(sqrt(abs(x)))", "sqrt(max(abs(x)))"),
    ("((x - y) * x)[2]", "(x[2] - y[2]) * x[2]"),
    ("x[1:4][0] + y[1:3][1]", "x[1] + y[2]"),
    ("sum([1, 2] * 2 * x)", "sum([2.0, 4.0] * x)"),
    ("2 ** 3 + sqrt(16) * x[0]", "4 * x[0] + 8"),
]

# what must stay: the rewritten form would be a number where these are NaN, or a scalar where these are vectors
KEPT = [
    *("sum(sqrt(x) * sqrt(x))", "sum(exp(log(x)))", "sum(where(x, 1, 1))", "sum(x - x)", "0 * sum(x)", "sum(x / x)"),
    *("sum(x / 0)", "sum(inf * x)", "max(inf * x)", "sum(log(x[0]) * x)", "sum(x / y[0])", "sum(x / max(x))"),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_each_rule(before: str, after: str) -> None:
    assert show(simplify(parse(before))) == show(parse(after))


@pytest.mark.parametrize("text", KEPT)
def test_not_a_number_stays_not_a_number(text: str) -> None:
    assert simplify(parse(text)) is parse(text)


@pytest.mark.parametrize("text", ["-(-inf * x[0])", "x[0] - -inf * y[0]", "-x[0] * -inf", "(log(0) + 1) * max(abs(x))"])
def test_infinite_numbers_come_to_rest(text: str) -> None:
    once = simplify(parse(text))
    assert simplify(once) is once


def test_what_numbers_alone_leave_undefined_is_left() -> None:
    undefined = make("mul", number(3.0), make("div", number(0.0), number(0.0)))
    assert simplify(undefined) is undefined


def test_the_table_is_readable() -> None:
    lines = [line for line in RULES.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 50
    assert all(" -> " in line for line in lines)


# what a rule's variables may stand for: values that become infinite or undefined among them
STAND_FOR = {
    **dict.fromkeys("abc", ("x[0]", "abs(x[1])", "1/y[0]", "log(abs(x[0]))", "sqrt(y[1])")),
    **dict.fromkeys("vw", ("x", "y", "abs(x)", "x / y[0]", "1 / x", "sqrt(y)")),
    "s": ("x[0]", "abs(y[1])", "1/y[0]", "log(abs(y[0]))", "norm(x)", "(1 + x[0]*x[0])", "0", "inf", "-2"),
    **dict.fromkeys("nm", ("0", "1", "-1", "0.5", "3", "inf", "(-inf)")),
}
RULE_TEXTS = [line.partition(" -> ")[0] for line in RULES.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("rule", RULE_TEXTS)
def test_each_rule_leaves_undefined_what_is(rule: str) -> None:
    numbers = (-1.0, -0.5, 0.0, 2.0)
    X = np.array(list(itertools.product(numbers, numbers)))
    variables = sorted(set(re.findall(r"\b[a-z]\b", rule)))
    for texts in itertools.product(*(STAND_FOR[v] for v in variables)):
        stand_for = dict(zip(variables, texts, strict=True))
        text = re.sub(r"\b[a-z]\b", lambda found, by=stand_for: by[found[0]], rule)
        expr = parse(f"sum({text} + 0 * (x * 0 + 1))")
        before, after = evaluate(expr, X, X), evaluate(simplify(expr), X, X)
        assert np.isnan(after[np.isnan(before)]).all(), show(expr)


@pytest.mark.parametrize("name", EXAMPLES)
def test_named_formulas_keep_their_values(name: str) -> None:
    domain, expr = EXAMPLES[name]
    X, Y = example_rows(domain)
    data = example_fields()
    np.testing.assert_allclose(
        evaluate(simplify(expr), X, Y, *data), evaluate(expr, X, Y, *data), rtol=1e-12, atol=1e-14
    )


@settings(max_examples=150)
@given(formulas(positive=True, fields=False), st.integers(0, 2**32 - 1))
def test_values_are_kept(expr, seed) -> None:  # type: ignore[no-untyped-def]
    X, Y = rows(seed, positive=True)
    before, after = evaluate(expr, X, Y), evaluate(simplify(expr), X, Y)
    fine = np.isfinite(before) & np.isfinite(after)
    np.testing.assert_allclose(after[fine], before[fine], rtol=1e-10)
    assert fine.sum() >= 0.5 * np.isfinite(before).sum()


@example(parse("arctan2(max(abs(x)) + max(abs(x)), sum(x / abs(0)))"), 0)
@settings(max_examples=150)
@given(formulas(), st.integers(0, 2**32 - 1))
def test_nothing_undefined_becomes_defined(expr, seed) -> None:  # type: ignore[no-untyped-def]
    X, Y = rows(seed)
    before, after = evaluate(expr, X, Y), evaluate(simplify(expr), X, Y)
    assert not (np.isnan(before) & np.isfinite(after)).any()


@settings(max_examples=100)
@given(formulas())
def test_simple_stays_simple(expr) -> None:  # type: ignore[no-untyped-def]
    once = simplify(expr)
    assert simplify(once) is once


def test_long_formulas_do_not_recurse() -> None:
    expr = parse("x[0]")
    for _ in range(5000):
        expr = expr + parse("abs(x[1] - y[1])") * 2
    assert simplify(expr).op == "add"
