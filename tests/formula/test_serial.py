"""Expressions through the cache's text come back as the very same objects."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from tests.formula.strategies import formulas

from anear.formula import formula, point_field, sum, x, y
from anear.formula.expression import Expr, number, prepared
from anear.formula.serial import dumps, loads, storable


@given(formulas(fields=True, captured=False))
def test_there_and_back(expr: Expr) -> None:
    assert loads(dumps([expr, x, expr])) == [expr, x, expr]


def test_every_kind_of_value() -> None:
    kinds = [
        number(float("inf")),
        number(-0.0),
        number(0.1),
        prepared("query", 3, True),
        point_field("s", 4),
        x[1:],
        y[0],
    ]
    back = loads(dumps(kinds))
    assert all(a is b for a, b in zip(back, kinds, strict=True))


def test_captured_arrays_stay_out() -> None:
    assert storable(sum(abs(x - y)))
    assert not storable(formula("sum(w * x * y)", w=np.ones(3)))
