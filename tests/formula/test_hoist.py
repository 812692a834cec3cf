"""Plans compute the formula they were made from, and leave to the pair what both sides are needed for."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formula.examples import EXAMPLES, example_fields, example_rows
from tests.formula.strategies import formulas, rows

from anear.formula import Expr, evaluate, parse, point_field, show
from anear.formula.bilinear import bilinear_plan
from anear.formula.expression import walk
from anear.formula.hoist import Plan, cost, exact_plan, fields, rank_plan, reconstruct, value_plan
from anear.formula.outer import split
from anear.formula.properties import properties


def assert_well_formed(plan: Plan) -> None:
    """Entries are of one side, the pair has no other leaves than it may, and every entry is used."""
    for entry in plan.query:
        assert not {"y", "point_field", "prepared"} & {node.op for node in walk(entry)}, show(entry)
    for entry in (*plan.point, *plan.maxima):
        assert not {"x", "query_field", "prepared"} & {node.op for node in walk(entry)}, show(entry)
    used = {node for node in walk(plan.pair) if not node.args}
    matrices = {node.args[0] for node in walk(plan.pair) if node.op == "matvec"}
    assert all(node.op in ("prepared", "number") or node in matrices for node in used)
    assert not plan.pair.is_vector
    held = {(leaf.value[0], leaf.value[1]) for leaf in used if leaf.op == "prepared"}
    extra = {("query", slot) for slot in (*plan.slack, *([] if plan.offset is None else [plan.offset]))}
    for side, entries in (("query", plan.query), ("point", plan.point)):
        assert {i for s, i in held | extra if s == side} == set(range(len(entries)))
    assert len(plan.maxima) == len(plan.slack)
    assert all(not plan.query[slot].is_vector for slot in plan.slack)
    assert all(not m.is_vector for m in plan.maxima)
    assert plan.offset is None or not plan.query[plan.offset].is_vector


def pairs(plan: Plan) -> list[str]:
    """The plan's parts as text."""
    return [show(plan.pair), *map(show, plan.query), *map(show, plan.point)]


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("make_plan", [rank_plan, value_plan, exact_plan])
def test_named_formulas(name: str, make_plan) -> None:  # type: ignore[no-untyped-def]
    domain, expr = EXAMPLES[name]
    rank, _ = split(expr)
    plan = make_plan(rank)
    if make_plan is not exact_plan:
        assert_well_formed(plan)
    X, Y = example_rows(domain)
    data = example_fields()
    expected = evaluate(rank, X, Y, *data)
    found = evaluate(reconstruct(plan), X, Y, *data)
    scale = 1.0 + np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * scale)


@settings(max_examples=120)
@given(formulas(positive=True, fields=False), st.integers(0, 2**32 - 1))
def test_random_formulas(expr: Expr, seed: int) -> None:
    X, Y = rows(seed, positive=True)
    expected = evaluate(expr, X, Y)
    for plan in (rank_plan(expr), value_plan(expr)):
        assert_well_formed(plan)
        found = evaluate(reconstruct(plan), X, Y)
        fine = np.isfinite(expected) & np.isfinite(found)
        np.testing.assert_allclose(found[fine], expected[fine], rtol=1e-8, atol=1e-8)
        assert fine.sum() == np.isfinite(expected).sum()


@settings(max_examples=120)
@given(formulas(fields=False), st.integers(0, 2**32 - 1))
def test_what_is_undefined_stays_undefined_in_value_plans(expr: Expr, seed: int) -> None:
    X, Y = rows(seed)
    expected, found = evaluate(expr, X, Y), evaluate(reconstruct(value_plan(expr)), X, Y)
    assert not (np.isnan(expected) & np.isfinite(found)).any()


def test_fields_are_sorted_by_name() -> None:
    expr = parse("point_field('b') + sum(point_field('a', 3) * x) + query_field('c')")
    assert fields(expr, "point") == (("a", 3), ("b", None))
    assert fields(expr, "query") == (("c", None),)


def test_exact_plan_hoists_nothing() -> None:
    expr = parse("sum([1, 2] * abs(log(x) - log(y))) / point_field('s')")
    plan = exact_plan(expr)
    assert [show(q) for q in plan.query] == ["x", "[1.0, 2.0]"]
    assert plan.point == (parse("y"), point_field("s"))
    assert reconstruct(plan) is expr


HOISTED = {
    "sum(abs(log(x) - log(y)))": ["sum(abs(query0 - point0))", "log(x)", "log(y)"],
    "sum(abs(log(x / y)))": ["sum(abs(query0 - point0))", "log(x)", "log(y)"],
    "sum(abs([1, 2] * x - y))": ["sum(abs(query0 - point0))", "[1.0, 2.0] * x", "y"],
    "sum(abs([[1, 2], [3, 4]] @ (x - y)))": [
        "sum(abs(query0 - point0))",
        "[[1.0, 2.0], [3.0, 4.0]] @ x",
        "[[1.0, 2.0], [3.0, 4.0]] @ y",
    ],
    "sum(abs(x - y)) / norm(y)": ["point1 * sum(abs(query0 - point0))", "x", "y", "1 / sqrt(sum(y * y))"],
    "sum(abs(center(x) - center(y)))": [
        "sum(abs(query0 - point0))",
        "x - mean(x)",
        "y - sum(y) / sum(where(y, 1, 1))",
    ],
    "sum(x*log(x/(x+y)) + y*log(y/(x+y)))": [
        "point1 - sum((query0 + point0) * log(query0 + point0))",
        "x",
        "y",
        "sum(log(y) * y)",
    ],
    # cheap functions of the coordinates are not stored beside them, but may stand in their place
    "sum(abs(x - y) / (abs(x) + abs(y)))": ["sum(abs(query1 - point0) / (query0 + abs(point0)))", "x", "abs(x)", "y"],
    "max(abs(x - abs(y)))": ["max(abs(query0 - point0))", "x", "abs(y)"],
}


@pytest.mark.parametrize("text", HOISTED)
def test_what_is_hoisted(text: str) -> None:
    plan = rank_plan(parse(text))
    count = [i for i, q in enumerate(plan.query) if i != plan.offset and i not in plan.slack]
    found = [show(plan.pair), *(show(plan.query[i]) for i in count), *map(show, plan.point)]
    expected = [show(parse(t)) if "query" not in t else t for t in HOISTED[text]]
    assert [t.replace(" ", "") for t in sorted(found)] == [t.replace(" ", "") for t in sorted(expected)]


@pytest.mark.parametrize("name", ["jensen_shannon", "jensen_shannon_plain", "jensen_shannon_root", "k_divergence"])
def test_one_logarithm_is_left(name: str) -> None:
    plan = rank_plan(split(EXAMPLES[name][1])[0])
    assert sum(node.op in ("log", "xlogy") for node in walk(plan.pair)) == 1
    assert plan.point[0].op == "y"


def test_zero_times_its_logarithm_is_zero_after_hoisting() -> None:
    X, Y = np.array([[0.0, 0.5, 0.5]]), np.array([[0.0, 0.5, 0.5], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    for text in ("sum(xlogy(y, y / x))", "sum(xlogy(x, x / y))", EXAMPLES["jensen_shannon"][1]):
        expr = parse(text) if isinstance(text, str) else text
        np.testing.assert_allclose(evaluate(reconstruct(rank_plan(expr)), X, Y), evaluate(expr, X, Y), atol=1e-15)


def test_a_plan_costs_less_than_its_formula() -> None:
    for _, expr in EXAMPLES.values():
        rank, _ = split(expr)
        assert cost(rank_plan(rank).pair) <= cost(exact_plan(rank).pair)


def test_long_formulas_neither_recurse_nor_take_long() -> None:
    expr = parse("0")
    for i in range(400):
        expr = expr + parse(f"abs(x[{i % 3}] - {i + 1} * y[{i % 2}])")
    for plan in (rank_plan(expr), value_plan(expr), bilinear_plan(expr)):
        if plan is not None:
            X, Y = rows(0)
            np.testing.assert_allclose(evaluate(reconstruct(plan), X, Y), evaluate(expr, X, Y))
    assert properties(expr).symmetric == "refuted"


def test_plans_do_not_depend_on_the_process() -> None:
    # sets and dictionaries of expressions hash differently in every process
    code = (
        "from tests.formula.examples import EXAMPLES\n"
        "from anear.formula.bilinear import bilinear_plan\n"
        "from anear.formula.hoist import rank_plan\n"
        "from anear.formula.outer import split\n"
        "from anear.formula import show\n"
        "for name, (_, expr) in EXAMPLES.items():\n"
        "    rank, _ = split(expr)\n"
        "    for plan in (rank_plan(rank), bilinear_plan(rank)):\n"
        "        if plan: print(name, show(plan.pair), *map(show, plan.query + plan.point + plan.maxima))\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert len(texts.pop()) > 1000
