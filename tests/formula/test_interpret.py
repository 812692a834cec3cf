"""The NumPy evaluation against a second one, written with plain Python numbers and lists, one pair at a time."""

from __future__ import annotations

import importlib
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formula.strategies import DIMENSION, formulas, rows

from anear.errors import ArgumentError, FormulaError
from anear.formula import (
    abs,
    constant,
    evaluate,
    formula,
    lengths,
    mod,
    point_field,
    query_field,
    require_scalar,
    sign,
    sum,
    x,
    xlogy,
    y,
)
from anear.formula.expression import BINARY, UNARY, Expr, make, prepared, walk

Value = Any  # a number or a list of numbers


def _guard(function: Callable[..., float]) -> Callable[..., float]:
    """Python raises where IEEE arithmetic has a value; such operands are compared in the tests of special values."""

    def guarded(*operands: float) -> float:
        try:
            return function(*operands)
        except (ValueError, OverflowError, ZeroDivisionError):
            return math.nan

    return guarded


SCALAR: dict[str, Callable[..., float]] = {
    "neg": lambda a: -a,
    "abs": math.fabs,
    "sqrt": math.sqrt,
    "rsqrt": lambda a: 1.0 / math.sqrt(a),
    "exp": math.exp,
    "log": math.log,
    "log1p": math.log1p,
    "expm1": math.expm1,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "arcosh": math.acosh,
    "sign": lambda a: math.copysign(1.0, a) if a else 0.0,
    "floor": lambda a: float(math.floor(a)),
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": math.pow,
    "mod": lambda a, b: a % b,
    "minimum": lambda a, b: b if b < a else a,
    "maximum": lambda a, b: b if b > a else a,
    "arctan2": math.atan2,
    "xlogy": lambda a, b: 0.0 if a == 0 else a * math.log(b),
    "lt": lambda a, b: float(a < b),
    "le": lambda a, b: float(a <= b),
    "gt": lambda a, b: float(a > b),
    "ge": lambda a, b: float(a >= b),
    "eq": lambda a, b: float(a == b),
    "ne": lambda a, b: float(a != b),
    "where": lambda condition, a, b: a if condition != 0 else b,
}


def naive(expr: Expr, q: list[float], p: list[float], point: dict[str, Value], query: dict[str, Value]) -> Value:
    """The value for one query and one point."""
    if expr.op == "x":
        return q
    if expr.op == "y":
        return p
    if expr.op == "number":
        return expr.value
    if expr.op == "constant":
        return expr.value.values.tolist()
    if expr.op in ("point_field", "query_field"):
        return (point if expr.op == "point_field" else query)[expr.value[0]]
    return _operate(expr, [naive(a, q, p, point, query) for a in expr.args])


def _operate(expr: Expr, operands: list[Value]) -> Value:
    a = operands[0]
    match expr.op:
        case "sum":
            return math.fsum(a)
        case "prod":
            return math.prod(a)
        case "max":
            return max(a)
        case "min":
            return min(a)
        case "index":
            return a[expr.value]
        case "slice":
            return a[slice(*expr.value)]
        case "cumsum":
            return [math.fsum(a[: i + 1]) for i in range(len(a))]
        case "matvec":
            return [math.fsum(m * v for m, v in zip(row, operands[1], strict=True)) for row in a]
    size = max((len(o) for o in operands if isinstance(o, list)), default=None)
    function = _guard(SCALAR[expr.op])
    if size is None:
        return function(*operands)
    spread = [o if isinstance(o, list) else [o] * size for o in operands]
    return [function(*coordinate) for coordinate in zip(*spread, strict=True)]


@given(formulas(positive=True, fields=True, depth=5), st.integers(0, 2**32 - 1))
def test_agrees_with_plain_python(expr: Expr, seed: int) -> None:
    X, Y = rows(seed, positive=True)
    random = np.random.default_rng(seed)
    point = {"s": random.uniform(0.1, 2, 4), "v": random.uniform(0.1, 2, (4, DIMENSION))}
    query = {"s": random.uniform(0.1, 2, 3), "v": random.uniform(0.1, 2, (3, DIMENSION))}
    got = evaluate(expr, X, Y, point, query)
    want = [
        [
            naive(
                expr,
                X[i].tolist(),
                Y[j].tolist(),
                {name: values[j].tolist() for name, values in point.items()},
                {name: values[i].tolist() for name, values in query.items()},
            )
            for j in range(4)
        ]
        for i in range(3)
    ]
    assert got.shape == (3, 4)
    np.testing.assert_allclose(got, want, rtol=1e-9)


@pytest.mark.parametrize("op", sorted(UNARY))
def test_unary_operations(op: str) -> None:
    inside = {"arcosh": 1.5, "arcsin": -0.5, "arccos": 0.5}.get(op, 0.5)
    values = [inside, inside + 0.25]
    want = [SCALAR[op](v) for v in values]
    np.testing.assert_allclose(make(op, x).numpy([values], [values])[0, 0], want, rtol=1e-15)


@pytest.mark.parametrize("op", sorted(BINARY))
def test_binary_operations(op: str) -> None:
    a, b = [1.5, 0.5, 2.0, 0.0], [0.5, 1.5, 2.0, 3.0]
    want = [SCALAR[op](i, j) for i, j in zip(a, b, strict=True)]
    np.testing.assert_allclose(make(op, x, y).numpy(a, b)[0, 0], want, rtol=1e-15)


class TestSpecialValues:
    def test_xlogy_is_zero_wherever_the_first_is(self) -> None:
        got = xlogy(x, y).numpy([0.0, 0.0, -0.0, 1.0, 0.0, 0.0], [0.0, -1.0, 2.0, 0.0, np.inf, np.nan])[0, 0]
        assert got.tolist() == [0.0, 0.0, 0.0, -np.inf, 0.0, 0.0]

    def test_mod_has_the_sign_of_the_divisor(self) -> None:
        assert mod(x, y).numpy([5.0, -5.0, 5.0, -5.0], [3.0, 3.0, -3.0, -3.0])[0, 0].tolist() == [2, 1, -1, -2]

    def test_comparisons_give_one_and_zero(self) -> None:
        assert (x < y).numpy([0.0, 1.0, np.nan], [1.0, 1.0, 1.0])[0, 0].tolist() == [1.0, 0.0, 0.0]

    def test_nan_spreads_and_nothing_warns(self) -> None:
        got = formula("log(x) + sqrt(x) + 1 / x").numpy([[-1.0, 0.0, np.inf]], [[0.0, 0.0, 0.0]])[0, 0]
        assert np.isnan(got[0])
        assert np.isnan(got[1])
        assert got[2] == np.inf
        assert np.isnan(formula("max(x) + max(x, y).max()").numpy([np.nan, 1.0], [0.0, 0.0])).all()
        assert np.isnan(sign(x).numpy([np.nan], [0.0])).all()


class TestShapes:
    def test_one_value_for_every_pair(self) -> None:
        X, Y = np.zeros((3, 2)), np.zeros((5, 2))
        assert sum(x - y).numpy(X, Y).shape == (3, 5)
        assert formula("x[0]").numpy(X, Y).shape == (3, 5)
        assert formula("2").numpy(X, Y).tolist() == [[2.0] * 5] * 3
        assert formula("sum([1, 2])").numpy(X, Y).tolist() == [[3.0] * 5] * 3

    def test_a_vector_formula_has_one_more_axis(self) -> None:
        X, Y = np.ones((3, 2)), np.ones((5, 2))
        assert (x - y).numpy(X, Y).shape == (3, 5, 2)
        assert (np.ones((4, 2)) @ x).numpy(X, Y).shape == (3, 5, 4)
        assert constant([1, 2, 3]).numpy(X, Y).shape == (3, 5, 3)

    def test_no_queries_or_points(self) -> None:
        assert sum(x - y).numpy(np.zeros((0, 2)), np.zeros((5, 2))).shape == (0, 5)
        assert sum(x - y).numpy(np.zeros((3, 2)), np.zeros((0, 2))).shape == (3, 0)

    def test_a_single_vector_is_a_single_row(self) -> None:
        assert sum(abs(x - y)).numpy([1.0, 2.0], [3.0, 5.0]).tolist() == [[5.0]]

    def test_other_types_are_converted(self) -> None:
        X = np.array([[200, 0]], dtype=np.uint8)
        Y = np.array([[0, 1]], dtype=np.float16)
        assert sum(y - x).numpy(X, Y).tolist() == [[-199.0]]

    def test_prepared_values(self) -> None:
        pair = sum(prepared("query", 0, True) * prepared("point", 0, True)) + prepared("point", 1, False)
        G, H, b = np.ones((3, 4)), np.arange(8.0).reshape(2, 4), np.array([10.0, 20.0])
        values = {("query", 0): G, ("point", 0): H, ("point", 1): b}
        got = evaluate(pair, np.zeros((3, 1)), np.zeros((2, 1)), prepared=values)
        assert got.tolist() == [[16.0, 42.0]] * 3
        rank = np.arange(6.0).reshape(3, 2)
        outer = make("sqrt", prepared("rank", 0, False))
        np.testing.assert_array_equal(
            evaluate(outer, np.zeros((3, 1)), np.zeros((2, 1)), prepared={("rank", 0): rank}), np.sqrt(rank)
        )


# `anear.formula` is the function once the package is imported, so the module is asked for by its whole name.
interpret = importlib.import_module("anear.formula.interpret")


class TestMemory:
    def test_chunks_give_the_same_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        random = np.random.default_rng(0)
        X, Y, s = random.random((7, 5)), random.random((11, 5)), random.random(11)
        expr = formula("sum(w * (x - y)**2) / point_field('s') + query_field('s')", w=random.random(5))
        want = expr.numpy(X, Y, {"s": s}, {"s": X[:, 0]})
        for memory in (1, 2000, 20_000):
            monkeypatch.setattr(interpret, "MEMORY", memory)
            assert np.array_equal(evaluate(expr, X, Y, {"s": s}, {"s": X[:, 0]}), want)

    def test_memory_does_not_grow_with_the_pairs(self) -> None:
        X, Y = np.zeros((1000, 64)), np.zeros((1000, 64))  # all differences at once: 512 MB
        expr = formula("sum(abs(x - y)**3)")
        tracemalloc.start()
        expr.numpy(X, Y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100e6


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sum(x + [1, 2])", r"x has 3 coordinates and \[1.0, 2.0\] has 2 \(the data have 3\)"),
            ("sum([1, 2] + x)", "has 2 coordinates and x has 3"),
            ("x[3]", r"x\[3\] is outside: x has 3 coordinates"),
            ("x[-4]", "outside"),
            ("sum(x[3:])", r"x\[3:\] is empty: x has 3 coordinates"),
            ("sum(x[2:1])", "empty"),
            ("sum(x[1:] * y)", r"x\[1:\] has 2 coordinates and y has 3"),
            ("sum([[1, 2], [3, 4]] @ x)", "a matrix of 2 x 2 needs a vector of 2 coordinates, but x has 3"),
            ("sum(where(x < 0, x[1:], y[:-1]))", "has 3 coordinates and"),
        ],
    )
    def test_lengths_that_do_not_fit(self, text: str, message: str) -> None:
        expr = formula(text)
        with pytest.raises(FormulaError, match=message):
            expr.numpy([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
        with pytest.raises(FormulaError, match=message):
            lengths(expr, 3)

    def test_one_coordinate_is_not_spread_over_others(self) -> None:
        with pytest.raises(FormulaError, match="x has 1 coordinates"):
            sum(x * [1, 2]).numpy([1.0], [1.0])

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ({}, "point_data lacks 's', which the formula uses; it holds nothing"),
            ({"t": [1, 2]}, "it holds t"),
            ({"s": [1, 2, 3]}, r"point_data\['s'\] must be of shape \(2,\), not \(3,\)"),
            ({"s": [[1, 2], [3, 4]]}, r"must be of shape \(2,\)"),
            ({"s": ["a", "b"]}, "array of numbers"),
        ],
    )
    def test_point_fields(self, data: dict[str, Any], message: str) -> None:
        with pytest.raises(ArgumentError, match=message):
            point_field("s").numpy([[1.0]], [[1.0], [2.0]], data)

    def test_query_fields(self) -> None:
        expr = sum(query_field("v", 2) * 1)
        assert expr.numpy([[1.0]], [[1.0]], None, {"v": [[3, 4]]}).tolist() == [[7.0]]
        with pytest.raises(ArgumentError, match=r"query_data\['v'\] must be of shape \(1, 2\), not \(1, 3\)"):
            expr.numpy([[1.0]], [[1.0]], None, {"v": [[3, 4, 5]]})
        with pytest.raises(ArgumentError, match="query_data lacks 'v'"):
            expr.numpy([[1.0]], [[1.0]], {"v": [[3, 4]]})

    @pytest.mark.parametrize(
        ("X", "Y", "message"),
        [
            ([[1.0, 2.0]], [[1.0]], "X has 2 coordinates and Y has 1"),
            ([[["a"]]], [[1.0]], "X must be an array of numbers"),
            ([[1.0]], [[[1.0]]], "Y must be a matrix"),
            (np.zeros((2, 0)), np.zeros((2, 0)), "X must be a matrix"),
            (1.0, [1.0], "X must be a matrix"),
        ],
    )
    def test_data(self, X: Any, Y: Any, message: str) -> None:
        with pytest.raises(ArgumentError, match=message):
            sum(x - y).numpy(X, Y)

    def test_prepared_must_be_given(self) -> None:
        with pytest.raises(ArgumentError, match="prepared lacks"):
            prepared("query", 3, False).numpy([1.0], [1.0])

    def test_a_distance_must_be_a_scalar(self) -> None:
        assert require_scalar(sum(x)) is sum(x)
        with pytest.raises(FormulaError, match=r"wrap it in a reduction, such as sum\(\.\.\.\)"):
            require_scalar(abs(x - y))


@given(formulas(fields=True))
def test_lengths_of_every_node(expr: Expr) -> None:
    sizes = lengths(expr, DIMENSION)
    assert list(sizes) == list(walk(expr))
    for node, size in sizes.items():
        assert (size is not None) == node.is_vector
        assert node.length in (None, size)
