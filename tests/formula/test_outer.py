"""The rank orders as the formula does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formula.examples import COSINE, EXAMPLES, example_fields, example_rows
from tests.formula.strategies import formulas, rows

from anear.formula import evaluate, parse, show
from anear.formula.expression import walk
from anear.formula.outer import RANK, apply_outer, split

CASES = [
    ("sqrt(sum((x - y)**2))", "sum((x - y)**2)"),
    ("sum(abs(x - y)**3)**(1/3)", "sum(abs(x - y)**3)"),
    ("1 / (1 + sum(abs(x - y)))", "-sum(abs(x - y))"),
    ("1 - exp(-sum(abs(x - y)))", "sum(abs(x - y))"),
    ("sum(abs(x - y))**2", "sum(abs(x - y))"),
    ("sum(abs(x - y))**3", "sum(abs(x - y))"),
    (f"1 - {COSINE}", f"-({COSINE})"),
    (f"arccos(clip({COSINE}, -1, 1))", f"-({COSINE})"),
    ("-log(sum(sqrt(x * y)))", "-sum(sqrt(x * y))"),
    ("sqrt(sum((x - y)**2) / sum([1, 2, 3]))", "sum((x - y)**2)"),
    ("arcosh(1 + 2 * sum((x - y)**2) / (x[0] * y[0]))", "sum((x - y)**2) / (x[0] * y[0])"),
    ("3 - 2 * sqrt(max(abs(x - y)))", "-max(abs(x - y))"),
    ("2 ** sum(abs(x - y))", "sum(abs(x - y))"),
    ("0.5 ** sum(abs(x - y))", "-sum(abs(x - y))"),
    ("sum(x - y)**2", "sum(x - y)**2"),  # not monotone: the sum may be negative
    ("cos(sum(abs(x - y)))", "cos(sum(abs(x - y)))"),
    ("mean(abs(x - y))", "mean(abs(x - y))"),  # the dimension is no number yet
    ("sum(abs(x - y))", "sum(abs(x - y))"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_is_left(text: str, expected: str) -> None:
    rank, _ = split(parse(text))
    assert show(rank) == show(split(parse(expected))[0])


@pytest.mark.parametrize("name", EXAMPLES)
def test_outer_of_rank_is_the_formula(name: str) -> None:
    domain, expr = EXAMPLES[name]
    X, Y = example_rows(domain)
    data = example_fields()
    rank, outer = split(expr)
    expected = evaluate(expr, X, Y, *data)
    np.testing.assert_allclose(evaluate(apply_outer(outer, rank), X, Y, *data), expected, rtol=1e-7, atol=1e-7)
    assert {node for node in walk(outer) if not node.args and node.op != "number"} == {RANK}


GUARDED = [
    "log(5 - sum(abs(x - y)))",
    "sqrt(sum(x * y))",
    "arcosh(x[0] * y[0])",
    "arccos(sum(x * y))",
    "sum(x * y)**1.7",
    "2 * log1p(sum(x * y)) + 1",
    "arcosh(1 + sum((x - y)**2) / (2 * x[0] * y[0]))",
    "sqrt(1 - log(sum(x * y)))",
    "sqrt(minimum(3 - 2 * sum(x * y), 4))",
]


@pytest.mark.parametrize("text", GUARDED)
def test_guarded_ranks_are_undefined_where_the_formula_is(text: str) -> None:
    expr = parse(text)
    X, Y = rows(5, queries=10, points=20)
    values = evaluate(expr, X, Y)
    assert np.isnan(values).any()
    rank, outer = split(expr, guarded=True)
    np.testing.assert_array_equal(np.isnan(evaluate(rank, X, Y)), np.isnan(values))
    np.testing.assert_allclose(evaluate(apply_outer(outer, rank), X, Y), values, rtol=1e-7)
    assert not np.isnan(evaluate(split(expr)[0], X, Y)).any()


@pytest.mark.parametrize("name", ["l2", "angle", "hellinger", "jensen_shannon_root", "lp", "renyi"])
def test_what_is_proved_needs_no_guard(name: str) -> None:
    assert split(EXAMPLES[name][1], guarded=True) == split(EXAMPLES[name][1])


@settings(max_examples=150)
@given(formulas(positive=True), st.integers(0, 2**32 - 1))
def test_the_order_is_kept(expr, seed) -> None:  # type: ignore[no-untyped-def]
    X, Y = rows(seed, positive=True, points=6)
    rank, _ = split(expr)
    ranks, values = evaluate(rank, X, Y), evaluate(expr, X, Y)
    for r, v in zip(ranks, values, strict=True):
        if np.isfinite(v).all() and np.isfinite(r).all():
            sorted_values = v[np.argsort(r, kind="stable")]
            assert (np.diff(sorted_values) >= -1e-9 * np.abs(sorted_values[1:])).all(), show(rank)
