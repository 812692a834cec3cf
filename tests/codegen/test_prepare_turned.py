"""Points whose coordinates are turned already are prepared as raw blocks are."""

from __future__ import annotations

import numpy as np
import pytest
from tests.codegen.calling import Called, aligned, runnable
from tests.codegen.test_prepare_rows import plans

from anear.codegen.targets import Target
from anear.formula import formula

FORMULAS = {
    "squares": "sum((x - y)**2)",
    "logarithms": "sum(y * log(y / x) - y + x)",
    "cosine": "1 - sum(x * y) / sqrt(sum(x * x) * sum(y * y))",
    "places": "x[0] * y[-1] + sum(x * y)",
    "a captured vector": "sum(x * y) + dot([0.5, 2, 1], y)",
}


@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.name)
@pytest.mark.parametrize("text", FORMULAS.values(), ids=FORMULAS)
def test_the_rest_of_a_block_is_what_raw_blocks_give(text: str, target: Target) -> None:
    rng = np.random.default_rng(0)
    some = False
    for plan in plans(text):
        called = Called(formula(text), 3, target=target, plan=plan)
        turned = called.layout.coordinates
        if turned is None:
            continue
        some = True
        rows = rng.random((37, 3), dtype=np.float32) + np.float32(0.1)
        expected, n, _ = called.points(rows)
        bytes_ = turned.length * called.layout.lanes * 4
        out = aligned(len(expected)).reshape(n, -1)
        out[:, turned.offset : turned.offset + bytes_] = expected.reshape(n, -1)[:, turned.offset :][:, :bytes_]
        called.call("prepare_turned", out, n, called.parameters)
        np.testing.assert_array_equal(out.reshape(-1), expected)
    assert some


def test_rows_of_other_types_or_with_fields_are_not_turned() -> None:
    text = "sum((x - y)**2)"
    assert Called(formula(text), 5, "float64").layout.coordinates is None
    assert Called(formula(text), 5, "uint8").layout.coordinates is None
    assert Called(formula(text + " * point_field('p')"), 5).layout.coordinates is None
