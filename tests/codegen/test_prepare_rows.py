"""Queries prepared from rows are those prepared in lanes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.codegen.calling import Called, aligned, runnable

from anear.codegen.kernels import prepares_rows
from anear.codegen.targets import Target
from anear.formula import formula
from anear.formula.bilinear import bilinear_plan
from anear.formula.hoist import Plan, rank_plan, value_plan
from anear.index.stages import stages_of

FORMULAS = {
    "squares": "sum((x - y)**2)",
    "logarithms": "sum(y * log(y / x) - y + x)",
    "cosine": "1 - sum(x * y) / sqrt(sum(x * x) * sum(y * y))",
    "places": "x[0] * y[-1] + sum(x[1:3] * y[0:2])",
    "a field": "sum(abs(x - y)) * query_field('q')",
    "a vector field": "sum(query_field('w', 3) * (x[0:3] - y[0:3])**2)",
}


def plans(text: str) -> list[Plan]:
    expr = formula(text)
    stages = stages_of(expr, True)
    found = [value_plan(expr), rank_plan(expr), stages.direct, bilinear_plan(expr), stages.guarded]
    return [plan for plan in found if plan is not None and plan.query]


@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.name)
@pytest.mark.parametrize("storage", ["float32", "float64"])
@pytest.mark.parametrize("dimension", [3, 7, 8, 17, 100])
@pytest.mark.parametrize("text", FORMULAS.values(), ids=FORMULAS)
def test_rows_are_prepared_as_lanes_are(text: str, dimension: int, storage: str, target: Target) -> None:
    rng = np.random.default_rng(0)
    for plan in plans(text):
        called = Called(formula(text), dimension, storage, target=target, plan=plan)
        rows = (rng.random((11, called.layout.columns("query"))) + 0.1).astype(called.real)
        out = aligned(len(rows) * called.layout.query_slots * rows.itemsize)
        called.call("prepare_rows", rows, rows.strides[0], len(rows), called.parameters, out)
        expected = called.queries(rows)[: len(rows)]
        np.testing.assert_allclose(
            out.view(called.real).reshape(expected.shape), expected, rtol=2e-7 if rows.itemsize == 4 else 1e-14
        )


def test_running_sums_need_lanes() -> None:
    text = "sum(abs(cumsum(x) - cumsum(y)))"
    assert not prepares_rows(Called(formula(text), 5, plan=value_plan(formula(text))).layout)
