"""Every symbolic operation against its naive twin, one by one and in random formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compat.dense import Dense

from anear.compat.keops import LazyTensor, Pm, Vi, Vj
from anear.errors import ArgumentError

M, N, D = 6, 9, 3
SHAPE = (M, N)
Symbols = dict[str, Any]
Formula = Callable[[Symbols], Any]


def symbols(seed: int = 0) -> tuple[Symbols, Symbols]:
    """The same variables for both: x, a, s, w of i; y, b, t, v of j (w, v and m matrices); p, q, m, r of neither."""
    rng = np.random.default_rng(seed)
    of_i = {"x": D, "a": D, "s": 1, "w": D * D}
    of_j = {"y": D, "b": D, "t": 1, "v": D * D}
    lazy: Symbols = {}
    dense: Symbols = {}
    for name, dim in of_i.items():
        values = rng.uniform(0.2, 1.5, (M, dim))
        lazy[name], dense[name] = Vi(values), Dense(values[:, None, :])
    for name, dim in of_j.items():
        values = rng.uniform(0.2, 1.5, (N, dim))
        lazy[name], dense[name] = Vj(values), Dense(values[None, :, :])
    for name, dim in {"p": D, "q": 1, "m": D * D, "r": 2 * D}.items():
        values = rng.uniform(0.2, 1.5, dim)
        lazy[name], dense[name] = Pm(values), Dense(values)
    return lazy, dense


OPERATIONS: dict[str, Formula] = {
    "add": lambda z: z["x"] + z["y"],
    "add a number": lambda z: 1 + z["x"] + z["t"] + 2.5,
    "subtract": lambda z: 3 - (z["x"] - z["y"]),
    "multiply": lambda z: z["p"] * z["x"] * z["t"] * 2,
    "divide": lambda z: 1.0 / (z["y"] / z["x"]),
    "array": lambda z: np.array([1.0, 2.0, 3.0]) * z["x"] - [0.5, 1.0, 2.0],
    "array of i": lambda z: np.linspace(0, 1, M * D).reshape(M, 1, D) + z["y"],
    "whole power": lambda z: (z["x"] - z["y"]) ** 3,
    "power": lambda z: z["x"] ** z["y"] + z["x"].power(1.5),
    "root": lambda z: z["x"] ** 0.5 + z["y"] ** -0.5,
    "power of a number": lambda z: 2.0 ** z["x"],
    "dot": lambda z: z["x"] | z["y"],
    "dot with an array": lambda z: (np.array([1.0, 2.0, 3.0]) | z["x"]) + (z["y"] | [3.0, 1.0, 0.0]),
    "neg": lambda z: -z["x"] + abs(z["x"] - z["y"]),
    "compare": lambda z: (z["x"] < z["y"]) + 2 * (z["x"] <= 1.0) + 4 * (z["y"] > z["x"]) + 8 * (z["y"] >= 0.7),
    "equal": lambda z: (z["x"].round() == 1) + (z["y"].round() != 1.0) * 2,
    "abs": lambda z: (z["x"] - z["y"]).abs(),
    "exp": lambda z: (-z["x"]).exp(),
    "log": lambda z: z["x"].log(),
    "xlogx": lambda z: (z["x"] - 0.5).relu().xlogx(),
    "sqrt": lambda z: z["x"].sqrt() + z["y"].square(),
    "rsqrt": lambda z: z["x"].rsqrt(),
    "rsqrt of 0": lambda z: (z["x"] - z["x"]).rsqrt(),
    "trigonometry": lambda z: z["x"].sin() * z["y"].cos(),
    "inverse trigonometry": lambda z: (z["x"] / 2).asin() + (z["y"] / 2).acos() + z["x"].atan(),
    "atan2": lambda z: (z["x"] - 0.8).atan2(z["y"] - 0.8),
    "sinxdivx": lambda z: (z["x"] - z["y"]).sinxdivx() + (z["x"] - z["x"]).sinxdivx() + z["x"].sinc(),
    "sign": lambda z: (z["x"] - z["y"]).sign() + 10 * (z["x"] - z["x"]).sign(),
    "step": lambda z: (z["x"] - z["y"]).step() + 10 * (z["x"] - z["x"]).step(),
    "relu": lambda z: (z["x"] - z["y"]).relu(),
    "clamp": lambda z: z["x"].clamp(0.5, 1) + z["x"].clamp(0, 1) + (z["x"] * 2).clamp(z["t"], 1.5),
    "ifelse": lambda z: (z["x"] - z["y"]).ifelse(z["x"], 0.0) + (z["x"] - z["x"]).ifelse(2, 3),
    "mod": lambda z: (5 * z["x"] - 3).mod(2) + (5 * z["x"]).mod(2.5, -1.0) + z["x"].mod(z["y"], z["t"]),
    "round": lambda z: (7 * z["x"]).round() + z["y"].round(2),
    "sum": lambda z: z["x"].sum(-1) + z["y"].sum(2) + z["y"].sum(dim=2) + z["t"].sum(-1),
    "min and max": lambda z: z["x"].min() + (z["x"] * z["y"]).max(),
    "argmin and argmax": lambda z: (z["x"] * z["y"]).argmin() + 10 * (z["x"] - z["y"]).argmax(),
    "norm": lambda z: (z["x"] - z["y"]).norm2() + z["x"].norm(-1) + z["x"].norm(2) + (z["s"] - z["t"]).norm2(),
    "sqnorm2": lambda z: (z["x"] * z["y"]).sqnorm2(),
    "normalize": lambda z: z["x"].normalize() | z["y"].normalize(),
    "normalize 0": lambda z: (z["x"] * 0).normalize(),
    "sqdist": lambda z: z["x"].sqdist(z["y"]),
    "weightedsqnorm": lambda z: (
        z["x"].weightedsqnorm(z["p"]) + z["y"].weightedsqnorm(z["q"]) + z["x"].weightedsqnorm(z["t"])
    ),
    "matrix of weights": lambda z: (z["x"] - z["y"]).weightedsqnorm(z["m"]) + z["x"].weightedsqnorm(z["v"]),
    "weightedsqdist": lambda z: z["x"].weightedsqdist(z["y"], z["p"]) + z["x"].weightedsqdist(z["y"], z["w"]),
    "matvecmult": lambda z: z["m"].matvecmult(z["x"]) + z["v"].matvecmult(z["x"]) + z["p"].matvecmult(z["y"]),
    "matvecmult to two": lambda z: z["r"].matvecmult(z["x"] - z["y"]),
    "vecmatmult": lambda z: z["x"].vecmatmult(z["m"]) + z["x"].vecmatmult(z["v"]) + z["y"].vecmatmult(z["p"]),
    "vecmatmult to two": lambda z: (z["x"] - z["y"]).vecmatmult(z["r"]),
    "tensorprod": lambda z: z["x"].tensorprod(z["y"]) + z["m"],
    "one_hot": lambda z: (2 * z["s"]).one_hot(4),
    "elem": lambda z: z["x"].elem(1) * z["y"][0] * z["x"][..., 2] + z["y"][:, :, 1],
    "extract": lambda z: z["x"].extract(1, 2) * z["y"][0:2] * z["x"][..., 1:] + z["y"][:, :, :2] + z["p"][1:],
    "concat": lambda z: z["x"].concat(z["y"]).concat(z["t"]),
    "operate on a concat": lambda z: (z["x"].concat(z["t"]) * z["y"].concat(z["s"]) + z["q"]).exp()[1:4].norm2(),
    "reduce a concat": lambda z: (
        z["x"].concat(z["t"]).sum(-1)
        + z["x"].concat(z["t"]).min() * z["y"].concat(z["s"]).max()
        + z["x"].concat(z["y"])[4]
    ),
    "concat of numbers": lambda z: z["p"].concat(z["q"]) * z["x"].concat(z["t"]),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dim", [0, 1])
def test_operation(name: str, dim: int) -> None:
    lazy, dense = (OPERATIONS[name](z) for z in symbols())
    lazy = lazy + 0 * (Vi(np.zeros((M, 1))) + Vj(np.zeros((N, 1))))  # depends on i and j, so that both are counted
    expected = dense.over(dim, SHAPE)
    assert lazy.ndim == expected.shape[2]
    np.testing.assert_allclose(lazy.sum(dim=dim), expected.sum(axis=1), rtol=1e-11, atol=1e-11)
    if lazy.ndim == 1:
        np.testing.assert_allclose(lazy.Kmin(N, dim=1), np.sort(dense.over(1, SHAPE)[:, :, 0]), rtol=1e-11, atol=1e-11)


def test_shapes() -> None:
    lazy, _ = symbols()
    assert lazy["x"].shape == (M, 1, D)
    assert lazy["t"].shape == (1, N)
    assert (lazy["x"] - lazy["y"]).shape == (M, N, D)
    assert lazy["x"].sqdist(lazy["y"]).shape == (M, N)
    assert lazy["x"].sqdist(lazy["y"]).dim() == 3
    assert lazy["p"].shape == (1, 1, D)
    assert lazy["p"].ndim == 3
    assert LazyTensor.concatenate((lazy["x"], lazy["y"], lazy["t"])).shape == (M, N, 2 * D + 1)
    assert LazyTensor.cat((lazy["x"],), dim=-1).shape == (M, 1, D)
    assert lazy["x"].T.shape == (1, M, D)
    assert repr(lazy["x"]) == f"LazyTensor(shape=({M}, 1, {D}), dtype=float64)"


def test_transposition_exchanges_the_reductions() -> None:
    lazy, dense = symbols()
    for formula in (lambda z: (z["x"] - 2 * z["y"]) * z["t"], lambda z: z["x"].concat(z["y"])):
        expected = formula(dense).over(0, SHAPE).sum(axis=1)
        np.testing.assert_allclose(formula(lazy).t().sum(dim=1), expected)
        np.testing.assert_allclose(formula(lazy).T.T.sum(dim=0), expected)


# --- random formulas ---------------------------------------------------------------------------------------------

_LEAVES: dict[str, Formula] = {name: (lambda z, name=name: z[name]) for name in "xyabpstq"}  # type: ignore[misc]

# each keeps values of moderate size finite and of moderate size, and amplifies no rounding
_UNARY: tuple[Callable[[Any], Any], ...] = (
    lambda u: -u,
    lambda u: u.abs(),
    lambda u: (-(u.abs())).exp(),
    lambda u: (u.abs() + 0.5).log(),
    lambda u: (u.square() + 0.25).sqrt(),
    lambda u: u.clamp(-1.0, 2.0),
    lambda u: u.relu(),
    lambda u: u.atan(),
    lambda u: u.sin(),
    lambda u: u.sum(-1),
    lambda u: u.max(),
    lambda u: u.elem(0),
    lambda u: (u * u + 0.1).norm2(),
)
_BINARY: tuple[Callable[[Any, Any], Any], ...] = (
    lambda u, w: u + w,
    lambda u, w: u - w,
    lambda u, w: u.atan() * w,
    lambda u, w: u / (1.0 + w.abs()),
    lambda u, w: (u - w).abs(),
)
_VECTORS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda u, w: u.atan() | w,
    lambda u, w: u.sqdist(w).atan(),
    lambda u, w: u.concat(w).max(),
)


def _same_dimension(formula: Callable[[Any, Any], Any], a: Formula, b: Formula) -> Formula:
    """Applied to what the two are, or to both made as long as ``p``."""
    return lambda z: formula(
        a(z) + 0 * z["p"] if a(z).ndim == 1 else a(z), b(z) + 0 * z["p"] if b(z).ndim == 1 else b(z)
    )


def _grown(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    unary = st.tuples(st.sampled_from(_UNARY), inner).map(lambda t: lambda z: t[0](t[1](z)))
    binary = st.tuples(st.sampled_from(_BINARY), inner, inner).map(lambda t: lambda z: t[0](t[1](z), t[2](z)))
    vectors = st.tuples(st.sampled_from(_VECTORS), inner, inner).map(lambda t: _same_dimension(*t))
    return unary | binary | vectors


FORMULAS = st.recursive(st.sampled_from(list(_LEAVES.values())), _grown, max_leaves=8)


@settings(max_examples=40)
@given(FORMULAS, st.integers(0, 100), st.integers(0, 1))
def test_random_formulas(formula: Formula, seed: int, dim: int) -> None:
    lazy, dense = (formula(z) + 0 * (z["s"] + z["t"]) for z in symbols(seed))
    expected = dense.over(dim, SHAPE)
    assert lazy.ndim == expected.shape[2]
    np.testing.assert_allclose(lazy.sum(dim=dim), expected.sum(axis=1), rtol=1e-9, atol=1e-9)
    scalar, matrix = lazy.sum(-1), expected.sum(axis=2)
    values, ids = scalar.Kmin_argKmin(4, dim=dim)
    np.testing.assert_allclose(values, np.sort(matrix)[:, :4], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.take_along_axis(matrix, ids, axis=1), values, rtol=1e-9, atol=1e-9)
    top = matrix.max(axis=1, keepdims=True)
    np.testing.assert_allclose(
        scalar.logsumexp(dim=dim), top + np.log(np.exp(matrix - top).sum(axis=1, keepdims=True)), rtol=1e-9, atol=1e-9
    )


# --- errors---

MISTAKES: dict[str, tuple[Formula, str]] = {
    "dimensions": (lambda z: z["x"] + z["v"], r"\+: the operands have dimensions 3, 9"),
    "dot of dimensions": (lambda z: z["x"] | z["t"], r"\|: the vectors have dimensions 3 and 1"),
    "rows of i": (lambda z: z["x"] + Vi(np.zeros((M + 1, D))), r"\+: the i-variables have 6 and 7 rows"),
    "rows of j": (lambda z: z["y"].sqdist(Vj(np.zeros((2, D)))), "sqdist: the j-variables have 9 and 2 rows"),
    "coordinate": (lambda z: z["x"][3], "coordinates 3 to 3 are asked for; there are 0 to 2"),
    "negative coordinate": (lambda z: z["x"][-1], "there are 0 to 2"),
    "empty slice": (lambda z: z["x"][1:1], "coordinates 1 to 0"),
    "step": (lambda z: z["x"][::2], "is no coordinate"),
    "key": (lambda z: z["x"][0, 1], "is no coordinate"),
    "fraction": (lambda z: z["x"][0.5], "i is 0.5; a whole number"),
    "weights": (
        lambda z: z["x"].weightedsqnorm(z["p"].concat(z["q"])),
        "weights have dimension 4; allowed .* 1, 3 .* 9",
    ),
    "matrix": (lambda z: z["x"].matvecmult(z["m"]), "a matrix of 3 entries does not fit a vector of dimension 9"),
    "one_hot": (lambda z: z["x"].one_hot(3), "one_hot needs a scalar"),
    "one_hot's size": (lambda z: z["s"].one_hot(0), "at least 1 and at most 256 coordinates; here are 0"),
    "too long": (lambda z: z["w"].tensorprod(z["v"].concat(z["v"].concat(z["v"].concat(z["v"])))), "here are 324"),
    "norm": (lambda z: z["x"].norm(1), "dim is 1"),
    "axis": (lambda z: LazyTensor.cat((z["x"],), 0), "axis is 0"),
    "nothing": (lambda z: LazyTensor.cat((), -1), "tensors is empty"),
    "text": (lambda z: z["x"] + "y", r"an operand of \+ is of type builtins.str"),
    "truth": (lambda z: bool(z["x"] == z["y"]), "truth of a symbolic tensor"),
    "array without an axis": (lambda z: z["x"] + np.zeros((M, D)), "axis=0 that it is indexed by i"),
    "decimals": (lambda z: z["x"].round(0.5), "decimals is 0.5"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str) -> None:
    formula, message = MISTAKES[name]
    with pytest.raises(ArgumentError, match=message):
        formula(symbols()[0])


def test_what_is_missing_says_why() -> None:
    lazy, _ = symbols()
    with pytest.raises(AttributeError, match="'grad': derivatives are not computed"):
        lazy["x"].grad  # noqa: B018
    with pytest.raises(AttributeError, match="no 'gard'"):
        lazy["x"].gard  # noqa: B018
    with pytest.raises(TypeError, match="not iterable"):
        iter(lazy["x"])
