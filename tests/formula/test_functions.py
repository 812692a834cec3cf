"""What the functions mean: each against NumPy's, SciPy's or its own definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special
from scipy.spatial import distance

from anear.errors import FormulaError
from anear.formula import dimension, formula, number, point_field, sum, where, x, y
from anear.formula.expression import Expr
from anear.formula.table import FUNCTIONS

A = np.array([-2.5, -1.0, -0.5, 0.0, 0.25, 1.0, 2.5, 7.0])
B = np.array([0.5, 2.0, -3.0, 1.0, 0.25, -1.0, 2.5, 0.1])
POSITIVE = np.array([0.1, 0.5, 1.0, 1.5, 20.0, 3.0, 2.0, 9.0])


def value(expr: Expr, a: np.ndarray = A, b: np.ndarray = B) -> np.ndarray:
    return expr.numpy(a, b)[0, 0]


@pytest.mark.parametrize(
    ("name", "function", "a"),
    [
        ("ceil", np.ceil, A),
        ("cube", lambda a: a**3, A),
        ("degrees", np.degrees, A),
        ("radians", np.radians, A),
        ("exp2", np.exp2, A),
        ("inv", np.reciprocal, POSITIVE),
        ("log2", np.log2, POSITIVE),
        ("log10", np.log10, POSITIVE),
        ("square", np.square, A),
        ("trunc", np.trunc, A),
        ("sinc", np.sinc, A),
        ("sigmoid", special.expit, A),
        ("softplus", lambda a: np.logaddexp(0, a), A),
        ("relu", lambda a: np.maximum(a, 0), A),
        ("step", lambda a: np.heaviside(a, 1.0), A),
        ("xlogx", lambda a: special.xlogy(a, a), np.append(POSITIVE, 0.0)),
        ("arcsinh", np.arcsinh, np.append(A, [1e-12, -1e-12])),
        ("arctanh", np.arctanh, A / 10),
        ("arccosh", np.arccosh, POSITIVE + 1),
        ("acos", np.arccos, A / 10),
        ("asin", np.arcsin, A / 10),
        ("atan", np.arctan, A),
        ("asinh", np.arcsinh, A),
        ("acosh", np.arccosh, POSITIVE + 1),
        ("atanh", np.arctanh, A / 10),
        ("round", lambda a: np.sign(a) * np.floor(np.abs(a) + 0.5), A),
        ("cumsum", np.cumsum, A),
        ("softmax", special.softmax, A),
        ("center", lambda a: a - a.mean(), A),
        ("normalize", lambda a: a / np.linalg.norm(a), A),
    ],
)
def test_of_one_vector(name: str, function: Callable[[np.ndarray], np.ndarray], a: np.ndarray) -> None:
    np.testing.assert_allclose(value(FUNCTIONS[name](x), a, a), function(a), rtol=1e-14, atol=1e-300)
    assert FUNCTIONS[name](x) is getattr(x, name)() is formula(f"{name}(x)") is formula(f"x.{name}()")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("mean", np.mean),
        ("var", np.var),
        ("std", np.std),
        ("prod", np.prod),
        ("sum", np.sum),
        ("max", np.max),
        ("min", np.min),
        ("count_nonzero", np.count_nonzero),
        ("logsumexp", special.logsumexp),
        ("dimension", np.size),
        ("norm", np.linalg.norm),
        ("norm2", np.linalg.norm),
        ("sqnorm2", lambda a: a @ a),
    ],
)
def test_reductions(name: str, function: Callable[[np.ndarray], float]) -> None:
    expr = FUNCTIONS[name](x)
    assert not expr.is_vector
    np.testing.assert_allclose(expr.numpy(A, B)[0, 0], function(A), rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("hypot", np.hypot),
        ("logaddexp", np.logaddexp),
        ("arctan2", np.arctan2),
        ("minimum", np.minimum),
        ("maximum", np.maximum),
        ("mod", np.mod),
        ("add", np.add),
        ("sub", np.subtract),
        ("mul", np.multiply),
        ("div", np.divide),
        ("lt", np.less),
        ("le", np.less_equal),
        ("gt", np.greater),
        ("ge", np.greater_equal),
        ("eq", np.equal),
        ("ne", np.not_equal),
    ],
)
def test_of_two_vectors(name: str, function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    np.testing.assert_allclose(value(FUNCTIONS[name](x, y)), function(A, B), rtol=1e-14)
    assert FUNCTIONS[name](x, y) is getattr(x, name)(y) is formula(f"{name}(x, y)")


class TestNorms:
    @pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, np.inf])
    def test_against_scipy(self, p: float) -> None:
        np.testing.assert_allclose(formula("norm(x - y, p)", p=p).numpy(A, B)[0, 0], distance.minkowski(A, B, p))

    @pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3])
    def test_weights(self, p: float) -> None:
        w = np.arange(8.0)
        want = distance.minkowski(A, B, p, w)
        np.testing.assert_allclose((x - y).norm(p, w).numpy(A, B)[0, 0], want)

    def test_largest_weighted(self) -> None:
        assert (x - y).norm(np.inf, [0, 0, 0, 0, 0, 2, 0, 0]).numpy(A, B)[0, 0] == 4.0

    def test_p_may_be_a_number_formula(self) -> None:
        assert x.norm(number(3)) is x.norm(3)  # type: ignore[arg-type]

    def test_simplest_form(self) -> None:
        assert x.norm(1) is x.abs().sum()
        assert x.norm() is ((x**2).sum()).sqrt()
        assert x.norm(np.inf) is x.abs().max()


class TestLimits:
    def test_clip(self) -> None:
        np.testing.assert_array_equal(value(x.clip(-1, 2)), np.clip(A, -1, 2))
        np.testing.assert_array_equal(value(x.clamp(None, y)), np.minimum(A, B))
        np.testing.assert_array_equal(value(x.clip(y, None)), np.maximum(A, B))
        assert x.clip(None, None) is x

    def test_round_to_decimals(self) -> None:
        np.testing.assert_allclose(value(x.round(1), np.array([0.25, -0.25, 1.26]), np.zeros(3)), [0.3, -0.3, 1.3])

    def test_mod_with_an_offset(self) -> None:
        got = value(x.mod(3.0, -1.0))
        assert np.all((got >= -1.0) & (got < 2.0))
        np.testing.assert_allclose(np.mod(got - A, 3.0) % 3.0, 0.0, atol=1e-12)

    def test_where(self) -> None:
        np.testing.assert_array_equal(value(where(x < y, x, 5.0)), np.where(A < B, A, 5.0))
        assert (x < y).where(x, 5) is where(x < y, x, 5)


class TestDimension:
    def test_follows_slices(self) -> None:
        assert dimension(y[1:] * x[:-1]).numpy(A, B)[0, 0] == 7

    def test_prints_as_itself(self) -> None:
        assert repr(formula("mean(y[1:]) + dimension(x)")) == "sum(y[1:]) / dimension(x[1:]) + dimension(x)"
        assert formula("dimension(x[1:])") is dimension(y[1:])
        assert repr(sum(where(y, 1, 1))) == "sum(where(y, 1, 1))"

    def test_is_a_number_where_known(self) -> None:
        assert dimension(np.ones((3, 8)) @ x) is number(3)
        assert dimension(point_field("v", 4)) is number(4)

    def test_needs_only_the_query(self) -> None:
        assert repr(dimension(y - x)) == "dimension(x)"

    def test_of_a_scalar(self) -> None:
        with pytest.raises(FormulaError, match="needs a vector"):
            dimension(sum(x))

    def test_mean_ignores_what_the_values_are(self) -> None:
        assert formula("mean(y)").numpy([np.nan, 0.0, np.inf], [1.0, 2.0, 6.0])[0, 0] == 3.0
