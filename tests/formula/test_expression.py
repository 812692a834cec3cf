"""What an expression is: shared, immutable, compared by structure, checked for shapes."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from tests.formula.strategies import formulas

from anear.errors import FormulaError
from anear.formula import as_expr, constant, eq, formula, number, point_field, query_field, walk, x, y
from anear.formula.expression import OPERATIONS, Expr, make
from anear.formula.methods import Methods
from anear.formula.table import FUNCTIONS


class TestIdentity:
    def test_same_structure_is_the_same_object(self) -> None:
        assert (x - y) ** 2 is (x - y) ** 2
        assert ((x - y) ** 2).sum() == ((x - y) ** 2).sum()
        assert x - y != y - x
        assert hash(x + 1) == hash(x + 1.0)

    def test_captured_arrays_compare_by_content_not_by_name(self) -> None:
        w = np.array([1.0, 2.0])
        assert constant(w, "w") is constant([1, 2])
        assert constant([1, 2]) is not constant([1, 3])
        assert constant([[1, 2]]) is not constant([1, 2])

    def test_captured_arrays_are_copied(self) -> None:
        w = np.array([1.0, 2.0])
        expr = w * x
        w[0] = 7.0
        assert expr is np.array([1.0, 2.0]) * x

    def test_zero_has_a_sign(self) -> None:
        assert number(0.0) is not number(-0.0)
        assert np.signbit(number(-0.0).value)

    def test_nan_is_one_number(self) -> None:
        assert number(float("nan")) is number(-float("nan"))

    @given(formulas(wild=True, fields=True))
    def test_pickling_and_copying_give_the_same_object(self, expr: Expr) -> None:
        assert pickle.loads(pickle.dumps(expr)) is expr
        assert copy.deepcopy(expr) is expr
        assert copy.copy(expr) is expr

    def test_pickling_does_not_recurse(self) -> None:
        expr = x[0]
        for _ in range(20_000):
            expr = expr + y[0]
        data = pickle.dumps(expr)
        assert pickle.loads(data) is expr

    def test_threads_get_the_same_node(self) -> None:
        found: list[list[Expr]] = []

        def build() -> None:
            found.append([(x * i).sum() for i in range(2000)])

        threads = [threading.Thread(target=build) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(a is b for other in found for a, b in zip(found[0], other, strict=True))

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError, match="cannot be changed"):
            x.op = "y"


class TestOperators:
    def test_numbers_on_both_sides(self) -> None:
        assert 2 * x is number(2) * x
        assert 1 - x is make("sub", number(1), x)
        assert 1 / x is make("div", number(1), x)
        assert 2**x is make("pow", number(2), x)
        assert 3 % x is make("mod", number(3), x)
        assert x % 3 is make("mod", x, number(3))
        assert 1 + x is make("add", number(1), x)
        assert abs(-x) is make("abs", make("neg", x))
        assert +x is x
        assert np.float64(2) * x is 2 * x
        assert np.int32(2) * x is 2 * x
        assert True * x is 1 * x

    def test_comparisons(self) -> None:
        assert (x < y) is make("lt", x, y)
        assert (1 < x) is make("gt", x, number(1))  # noqa: SIM300 (the order is the point)
        assert (x >= 0) is make("ge", x, number(0))
        assert (x <= y) is make("le", x, y)
        assert eq(x, y) is make("eq", x, y)

    def test_arrays_on_both_sides(self) -> None:
        w = np.array([1.0, 2.0, 3.0])
        assert (w * x).args == (constant(w), x)
        assert (x / w).args == (x, constant(w))
        assert (w < x) is make("gt", x, constant(w))
        assert [1, 2, 3] * x is w * x

    def test_numpy_functions(self) -> None:
        w = np.array([1.0, 2.0, 3.0])
        assert np.abs(x - y).sum() is abs(x - y).sum()
        assert np.sqrt(np.sum(np.square(x - y))) is ((x - y) ** 2).sum().sqrt()
        assert np.maximum(x, y) is x.maximum(y)
        assert np.multiply(w, x) is w * x
        assert np.power(x, 2) is x**2
        assert np.where(x < y, x, 0) is (x < y).where(x, 0)
        assert np.clip(x, 0, 1) is x.clip(0, 1)
        assert np.dot(w, x) is (w | x)
        assert np.linalg.norm(x - y) is (x - y).norm()
        assert np.mean(x, axis=-1) is x.mean()
        assert np.max(x) is x.max()
        with pytest.raises(FormulaError, match="NumPy's fft has no counterpart"):
            np.fft.fft(x)
        with pytest.raises(FormulaError, match=r"NumPy's add\.reduce has no counterpart"):
            np.add.reduce(x)
        with pytest.raises(FormulaError, match="NumPy's sqrt of a formula"):
            np.sqrt(x, out=np.zeros(3))

    def test_pandas(self) -> None:
        w = pd.Series([1.0, 2.0, 3.0])
        assert w * x is w.to_numpy() * x is np.array([1.0, 2.0, 3.0]) * x
        assert x - w is x - w.to_numpy()

    def test_dot_products(self) -> None:
        assert (x | y) is make("sum", x * y)
        assert x @ y is (x | y)
        assert ([1, 2] | x) is make("sum", constant([1, 2]) * x)

    def test_matrices(self) -> None:
        A = np.arange(6.0).reshape(2, 3)
        assert A @ x is make("matvec", constant(A), x)
        assert x @ A is make("matvec", constant(A.T), x)
        assert constant(A) @ A.T @ x is make("matvec", constant(A @ A.T), x)
        assert (A @ x).length == 2
        assert constant(A).T is constant(A.T)

    def test_coordinates(self) -> None:
        assert x[0] is make("index", x, value=0)
        assert x[-1] is make("index", x, value=-1)
        assert x[np.int64(1)] is x[1]
        assert x[1:3] is make("slice", x, value=(1, 3))
        assert x[:-1] is make("slice", x, value=(None, -1))
        assert x[..., 2] is x[2]
        assert x[:, :, 1:] is x[1:]

    def test_shapes(self) -> None:
        assert x.is_vector
        assert x.length is None
        assert not (x | y).is_vector
        assert (x + constant([1, 2])).length == 2
        assert constant([1, 2, 3])[1:].length == 2
        assert not point_field("s").is_vector
        assert query_field("s", 3).length == 3


class TestRefusals:
    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda: bool(x < y), "use where"),
            (lambda: list(x), "cannot be iterated"),
            (lambda: x[1.5], r"\[0\].*got 1.5"),
            (lambda: x["a"], "got 'a'"),
            (lambda: x[None], "got None"),
            (lambda: x[::2], "steps of 2"),
            (lambda: x[0][1], "needs a vector"),
            (lambda: x[0].sum(), r"sum needs a vector, but x\[0\] is a scalar"),
            (lambda: x[0] | y, "dot product of two vectors"),
            (lambda: constant([1, 2])[2], "outside of a vector of 2"),
            (lambda: constant([1, 2])[2:], "is empty"),
            (lambda: constant([1, 2]) + constant([1, 2, 3]) * x, "different lengths"),
            (lambda: np.eye(2) * x, "only be multiplied by @"),
            (lambda: np.eye(2) @ constant([1, 2, 3]), "needs a vector of 2 coordinates"),
            (lambda: np.eye(2) @ x[0], "is a scalar"),
            (lambda: constant(np.eye(2)) @ np.eye(3) @ x, "cannot be multiplied"),
            (lambda: x.T, "only a captured matrix"),
            (lambda: constant([]), "non-empty"),
            (lambda: constant(np.zeros((2, 2, 2))), "vector or matrix"),
            (lambda: x + "abc", "anear.formula"),
            (lambda: x + 1j, "not complex"),
            (lambda: x + None, "NoneType"),
            (lambda: x * [[1, 2], "a"], "not list"),
            (lambda: 10**400 * x, "too large"),
            (lambda: x.sum(0), "axis must be -1"),
            (lambda: point_field(""), "1 to 100"),
            (lambda: point_field('a"'), "quotes"),
            (lambda: point_field("s", 0), "above 0"),
            (lambda: query_field("s", 2.0), "integer"),
            (lambda: make("sqrtt", x), "unknown operation"),
            (lambda: formula(x, w=1), "only by text"),
        ],
    )
    def test_message_says_what_is_wrong(self, build: object, message: str) -> None:
        with pytest.raises(FormulaError, match=message):
            build()  # type: ignore[operator]

    def test_ragged_arrays(self) -> None:
        with pytest.raises((FormulaError, ValueError)):
            as_expr([[1, 2], [3]])


def test_every_function_is_a_method_and_the_reverse() -> None:
    methods = {name for name in vars(Methods) if not name.startswith("_")}
    assert methods == set(FUNCTIONS)


def test_walk_gives_operands_first_and_every_node_once() -> None:
    expr = ((x - y) ** 2).sum() + ((x - y) * x).sum()
    nodes = list(walk(expr))
    assert len(nodes) == len(set(nodes))
    assert nodes[-1] is expr
    for position, node in enumerate(nodes):
        assert all(a in nodes[:position] for a in node.args)


def test_functions_build_only_known_operations() -> None:
    for name in ("mean", "std", "normalize", "softmax", "logsumexp", "center", "xlogx", "softplus"):
        assert {node.op for node in walk(FUNCTIONS[name](x - y))} <= OPERATIONS
