"""A formula as text: readable, exact, and read back to the same formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from tests.formula.strategies import formulas, vectors

from anear.formula import abs, constant, formula, log, max, maximum, neg, number, parse, show, sum, unbind, x, y
from anear.formula.expression import Expr, make, prepared
from anear.formula.functions import add, index, lt, slice, where


@given(formulas(wild=True, fields=True, depth=5))
def test_reading_back_gives_the_same_scalar(expr: Expr) -> None:
    assert parse(show(expr)) is expr


@given(vectors(wild=True, fields=True))
def test_reading_back_gives_the_same_vector(expr: Expr) -> None:
    assert parse(show(expr)) is expr


@given(formulas(wild=True, fields=True))
def test_reading_back_with_arrays_apart_gives_the_same(expr: Expr) -> None:
    text, arrays = unbind(expr)
    assert "[[" not in text
    assert formula(text, **arrays) is expr


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (sum(abs(x - y)), "sum(abs(x - y))"),
        (x - (y - 1), "x - (y - 1)"),
        (x - y - 1, "x - y - 1"),
        (x * (y / 2), "x * (y / 2)"),
        (x * y / 2, "x * y / 2"),
        ((x + y) * 2, "(x + y) * 2"),
        (x + y * 2, "x + y * 2"),
        (-(x * y), "-(x * y)"),
        (-x * y, "-x * y"),
        (-(x**2), "-x ** 2"),
        ((-x) ** 2, "(-x) ** 2"),
        (number(-2) ** x, "(-2) ** x"),
        (x**-2, "x ** -2"),
        (x ** (y**2), "x ** y ** 2"),
        ((x**y) ** 2, "(x ** y) ** 2"),
        (x ** (-(y**2)), "x ** -y ** 2"),
        (x - -y, "x - -y"),
        (neg(-x), "--x"),
        ((x < y) * 1, "(x < y) * 1"),
        (make("lt", x < y, x), "(x < y) < x"),
        (make("eq", x, y), "x == y"),
        (x % y, "x % y"),
        ((x - y)[0], "(x - y)[0]"),
        (x[1:][:-1][0], "x[1:][:-1][0]"),
        (max(maximum(x, y)), "max(maximum(x, y))"),
        (np.eye(2) @ (x - y), "[[1.0, 0.0], [0.0, 1.0]] @ (x - y)"),
        (np.eye(2) @ -x, "[[1.0, 0.0], [0.0, 1.0]] @ -x"),
        (0.1 * x, "0.1 * x"),
        (1e22 * x, "1e+22 * x"),
        (-0.0 * x, "-0.0 * x"),
        (float("inf") * x, "inf * x"),
        # Python would compute these at once, so that they are written as functions
        (add(1, 2) * x, "add(1, 2) * x"),
        (neg(2) * x, "neg(2) * x"),
        (lt(1, x), "lt(1, x)"),
        (make("eq", number(1), x), "1 == x"),
        (lt(1, 2) * x, "lt(1, 2) * x"),
        (log(2) * x, "log(2) * x"),
        (index([1, 2], 0) * x, "index([1.0, 2.0], 0) * x"),
        (slice([1, 2, 3], 1, None) * x, "slice([1.0, 2.0, 3.0], 1, None) * x"),
        (make("matvec", constant(np.eye(2)), constant([1, 2])), "matvec([[1.0, 0.0], [0.0, 1.0]], [1.0, 2.0])"),
        (where(x < y, x, 0), "where(x < y, x, 0)"),
    ],
)
def test_fewest_parentheses(expr: Expr, text: str) -> None:
    assert show(expr) == text
    assert parse(text) is expr


class TestLarge:
    def test_a_sum_of_many_terms(self) -> None:
        expr = x[0]
        for _ in range(1000):
            expr = expr + y[0]
        assert parse(show(expr)) is expr

    def test_deep_nesting(self) -> None:
        expr: Expr = x
        for _ in range(600):
            expr = abs(expr - y)
        assert parse(show(expr)) is expr

    def test_a_tower_of_signs_and_powers(self) -> None:
        expr: Expr = x[0]
        for _ in range(300):
            expr = -(2.0**expr)
        assert parse(show(expr)) is expr

    def test_shared_parts_are_written_once(self) -> None:
        expr: Expr = x - y
        for _ in range(100):  # 2 ** 100 terms when written out
            expr = expr * expr + 1.0
        text = show(expr)
        assert len(text) < 5000
        assert parse(text) is expr

    def test_repr_stays_short(self) -> None:
        expr: Expr = x
        for i in range(3000):
            expr = expr * i + y
        assert len(repr(expr)) < 2100
        assert len(repr(constant(np.zeros((784, 784))) @ x)) < 100
        assert repr(constant(np.arange(100.0), "weights") * x) == "weights * x"
        assert repr(constant(np.arange(100.0)) * x) == "[0.0, 1.0, 2.0, ... (100 numbers)] * x"


def test_prepared_values_have_names() -> None:
    expr = sum(prepared("query", 0, True) * prepared("point", 1, True)) + prepared("rank", 0, False)
    assert show(expr) == "sum(query0 * point1) + rank"


def test_arrays_apart_have_names_of_their_own() -> None:
    a, b, c, d = (constant(np.full(3, i + 0.5), name) for i, name in enumerate(("w", "w", "x", None)))
    text, arrays = unbind(sum(x * a * b * c * d))
    assert text == "sum(x * w * w_1 * x_1 * a3)"
    assert {name: values[0] for name, values in arrays.items()} == {"w": 0.5, "w_1": 1.5, "x_1": 2.5, "a3": 3.5}


@pytest.mark.parametrize("name", ["lambda", "None", "a b", "t0", "", "é"])
def test_names_that_text_cannot_have_are_replaced(name: str) -> None:
    expr = sum(constant([1.5, 2.5], name) * x)
    text, arrays = unbind(expr)
    assert list(arrays) == ["a0"]
    assert formula(text, **arrays) is expr
