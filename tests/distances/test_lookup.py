"""Names, aliases, parameters in text, and what a wrong one is told."""

import subprocess
import sys
import time

import numpy as np
import pytest

from anear.errors import ArgumentError, FormulaError
from anear.formula import abs as abs_
from anear.formula import sum as sum_
from anear.formula import x, y
from anear.spaces import Distance, Parameter, all_distances, find, names, resolve
from anear.spaces.lookup import normalized

# The dense distances of NMSLIB 1.5's Table 3, by their mnemonics, and what they are here.
NMSLIB = {
    "l1": "manhattan",
    "l2": "euclidean",
    "linf": "chebyshev",
    "lp:p=3": "minkowski",
    "lp:p=0.5": "minkowski",
    "cosinesimil": "cosine",
    "angulardist": "angular",
    "negdotprod": "negdotprod",
    "kldivfast": "kldiv",
    "kldivfastrq": "kldiv_rq",
    "kldivgenslow": "kldivgen",
    "kldivgenfast": "kldivgen",
    "kldivgenfastrq": "kldivgen_rq",
    "itakurasaitoslow": "itakura_saito",
    "itakurasaitofast": "itakura_saito",
    "itakurasaitofastrq": "itakura_saito_rq",
    "jsdivslow": "jensen_shannon",
    "jsdivfast": "jensen_shannon",
    "jsdivfastapprox": "jensen_shannon",
    "jsmetrslow": "jensen_shannon_metric",
    "jsmetrfast": "jensen_shannon_metric",
    "jsmetrfastapprox": "jensen_shannon_metric",
    "renyidiv_slow:alpha=0.3": "renyi",
    "renyidiv_fast": "renyi",
    "abdiv_slow:alpha=0.5,beta=2": "alpha_beta",
    "abdiv_fast": "alpha_beta",
    "l2sqr_sift": "sqeuclidean",
}
SCIPY = (
    *("braycurtis", "canberra", "chebyshev", "cityblock", "correlation", "cosine", "dice", "euclidean", "hamming"),
    *("jaccard", "mahalanobis", "minkowski", "rogerstanimoto", "russellrao", "seuclidean", "sokalsneath"),
    *("sqeuclidean", "yule"),
)
SCIKIT_LEARN = ("cityblock", "cosine", "euclidean", "l1", "l2", "manhattan", "haversine", "infinity", "minkowski")


@pytest.mark.parametrize(("mnemonic", "name"), NMSLIB.items())
def test_nmslib_mnemonics(mnemonic: str, name: str) -> None:
    assert resolve(mnemonic).name == name


def test_names_of_scipy_and_scikit_learn() -> None:
    for name in SCIPY + SCIKIT_LEARN:
        assert find(name).name
    assert find("braycurtis").name == "bray_curtis"


def test_names_are_unique_and_sorted() -> None:
    keys = [normalized(n) for d in all_distances() for n in (d.name, *d.aliases)]
    assert len(keys) == len(set(keys))
    assert list(names()) == sorted(d.name for d in all_distances())
    assert "l2" in names(aliases=True)
    assert "l2" not in names()


@pytest.mark.parametrize("spelling", ["kldiv", "KLDiv", "kl-div", "KL_div", " kl div "])
def test_spelling(spelling: str) -> None:
    assert resolve(spelling).name == "kldiv"


def test_a_file_that_is_a_name_holds_it() -> None:
    from anear.spaces import lookup

    files = lookup._files()
    assert files <= set(names())
    for d in all_distances():
        assert lookup._find(d.name) is d


def test_specifications() -> None:
    formula = "sum(abs(x - y))"
    expr = sum_(abs_(x - y))
    assert resolve(formula).expr is expr
    assert resolve(expr).expr is expr
    assert resolve(formula).name is None
    assert resolve("l1").expr is expr
    own = Distance("mine", "sum(abs(x - y)) * 2", "twice L1")
    assert resolve(own).name == "mine"
    assert resolve("minkowski", p=3).expr is resolve("lp:p=3").expr
    assert resolve("lp: p = 3 ").expr is resolve("lp:p=3").expr
    assert resolve("lp:p=inf").expr is resolve("linf").expr
    assert resolve("lp:p=2").expr is resolve("l2").expr
    assert resolve("lp:p=1").expr is resolve("l1").expr
    assert resolve("sum((x[0:2] - y[0:2])**2)").name is None
    assert resolve("max(x == y)").name is None


def test_labels() -> None:
    assert resolve("l2").label == "euclidean"
    assert resolve("lp:p=3").label == "minkowski:p=3.0"
    assert resolve("sum(x - y)").label == "the formula"
    assert resolve(resolve("abdiv:alpha=0.5").label).expr is resolve("abdiv:alpha=0.5").expr
    assert resolve("lp", p=2, w=[1.0, 2.0]).label == "minkowski:p=2.0,w=<array>"


@pytest.mark.parametrize(
    ("spec", "params", "message"),
    [
        ("euclidian", {}, r"unknown distance 'euclidian', and no formula either; did you mean 'euclidean', "),
        ("kl_divv", {}, r"did you mean .*'kldiv'"),
        ("qwertzuiop", {}, r"unknown distance 'qwertzuiop', and no formula either; `anear distances` lists them all"),
        ("euclidian:p=2", {}, r"unknown distance 'euclidian'"),
        ("lp:p=0", {}, r"minkowski: parameter p is 0.0; allowed: a number, 0 < p"),
        ("lp:p=-1", {}, r"parameter p is -1.0"),
        ("lp:p=nan", {}, r"parameter p is nan"),
        ("lp:p=three", {}, r"parameter p is 'three'"),
        ("lp:p", {}, r"minkowski: 'p' is not of the form parameter=number"),
        ("lp:p=1,p=2", {}, r"parameter p is given twice"),
        ("lp:p=1", {"p": 2}, r"parameter p is given twice"),
        ("lp:q=1", {}, r"minkowski has no parameter 'q'; it takes p, w"),
        ("l2", {"p": 2}, r"euclidean has no parameter 'p'; it takes none"),
        ("lp", {"p": True}, r"parameter p is True"),
        ("lp", {"w": [1.0, -1.0]}, r"parameter w is \[1.0, -1.0\]; allowed: a vector of numbers"),
        ("lp", {"w": 3.0}, r"parameter w is 3.0"),
        ("renyi:alpha=1", {}, r"renyi: parameter alpha is 1.0; allowed: a number, 0 < alpha < inf, not 1"),
        ("renyi:alpha=0", {}, r"parameter alpha is 0.0"),
        ("abdiv:beta=inf", {}, r"alpha_beta: parameter beta is inf; allowed: a number"),
        ("seuclidean", {}, r"seuclidean needs parameter V: the variance of each coordinate"),
        ("seuclidean", {"V": [1.0, 0.0]}, r"parameter V is \[1.0, 0.0\]"),
        ("mahalanobis", {}, r"mahalanobis needs parameter VI or V: the inverse covariance matrix"),
        ("mahalanobis", {"V": np.eye(2), "VI": np.eye(2)}, r"either VI or V, but both were given"),
        ("mahalanobis", {"VI": np.ones((2, 3))}, r"parameter VI is .* allowed: a square matrix"),
        ("mahalanobis", {"VI": [[1.0, 2.0], [0.0, 1.0]]}, r"parameter VI is not symmetric"),
        ("mahalanobis", {"VI": [[1.0, 0.0], [0.0, -1.0]]}, r"parameter VI has the eigenvalue -1"),
        ("mahalanobis", {"V": np.ones((2, 2))}, r"parameter V is singular"),
        ("haversine:radius=0", {}, r"parameter radius is 0.0"),
        ("sum(abs(x - y))", {"p": 2}, r"a formula takes no parameters, but p was given"),
        (3, {}, r"distance is 3; allowed: a name, a formula"),
    ],
)
def test_refused(spec: object, params: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        resolve(spec, **params)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["sum(abs(x - z))", "sum(abs(x - y)", "x - y", "sum(x[0:2", ""])
def test_wrong_formulas_are_told_as_formulas(text: str) -> None:
    with pytest.raises((FormulaError, ArgumentError)):
        resolve(text)


def test_wrong_formula_shows_its_column() -> None:
    with pytest.raises(FormulaError, match=r"z"):
        resolve("sum(abs(x - z))")
    with pytest.raises(FormulaError, match=r"z"):
        resolve("x - z")
    with pytest.raises(FormulaError, match="vector"):
        resolve(x - y)


def test_parameters_say_what_they_allow() -> None:
    assert Parameter("p", "", low=0.0, low_open=True).allowed == "a number, 0 < p <= inf"
    assert Parameter("p", "", low=0.0, high=1.0).allowed == "a number, 0 <= p <= 1"
    assert Parameter("p", "", high_open=True).allowed == "a number, p < inf"
    assert Parameter("V", "", kind="matrix").allowed == "a square matrix of numbers"


def test_reading_all_distances_is_fast() -> None:
    program = (
        "import time; from anear.spaces import lookup; begin = time.perf_counter(); "
        "lookup.resolve('kldivfast'); print(time.perf_counter() - begin)"
    )
    runs = (subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(3))
    taken = min(float(run.stdout) for run in runs)
    assert taken < 0.1  # 30 ms on a quiet machine; this one may be busy


def test_resolving_a_name_again_is_cheap() -> None:
    resolve("kldivfast")
    begin = time.perf_counter()
    for _ in range(1000):
        resolve("kldivfast")
    assert time.perf_counter() - begin < 0.05
