"""Whatever a caller gets wrong: an error that names the argument, what it was and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anear
from anear import AnearError, ArgumentError, DomainError, FormulaError, point_field, query_field, x, y

RNG = np.random.default_rng(0)
P = RNG.random((50, 4)).astype(np.float32)
Q = RNG.random((3, 4)).astype(np.float32)
S = RNG.random(50)
INDEX = anear.Index(P)
FIELDS = abs(x - y).sum() * point_field("s") + query_field("q")
WITH_FIELDS = anear.Index(P, FIELDS, point_data={"s": S})


class Hostile:
    """An object all of whose conversions fail."""

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 3

    def __repr__(self) -> str:
        return "Hostile()"


def refused(call: Callable[[], Any], *words: str, error: type[Exception] = ArgumentError) -> None:
    """The call fails with a message in which all the words are."""
    with pytest.raises(error) as raised:
        call()
    assert isinstance(raised.value, AnearError)
    message = str(raised.value)
    assert all(word in message for word in words), message


def label(value: object) -> str:
    """A test's name: the value without its address, which differs between the processes that share the tests."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value) if isinstance(value, str) else repr(value))


NOT_COUNTS = [
    None,
    0,
    -1,
    1.5,
    3.0,
    True,
    "3",
    [3],
    10**30,
    2**32,
    float("nan"),
    object(),
    1j,
    b"3",
    np.float64(3),
    np.array(3),
]


@pytest.mark.parametrize("value", NOT_COUNTS, ids=label)
def test_k(value: Any) -> None:
    shown = repr(value)[:60]
    refused(lambda: INDEX.search(Q, value), "k is", shown, "allowed: a whole number from 1")
    refused(lambda: INDEX.self_search(value), "k is", shown)
    refused(lambda: anear.knn(P, Q, value), "k is", shown)


@pytest.mark.parametrize("value", NOT_COUNTS[1:], ids=label)
def test_num_threads(value: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: INDEX.search(Q, num_threads=value),
        lambda: INDEX.range_search(Q, 1, num_threads=value),
        lambda: anear.Index(P, num_threads=value),
        lambda: anear.knn(P, Q, num_threads=value),
        lambda: anear.pairwise(Q, P, num_threads=value),
    ]
    for call in calls:
        refused(call, "num_threads is", repr(value)[:60], "allowed: a whole number from 1 to 4096")


def test_numbers_of_numpy_are_numbers() -> None:
    assert INDEX.search(Q, np.int8(2), num_threads=np.uint16(1)).ids.shape == (3, 2)


def test_an_answer_larger_than_memory_is_refused() -> None:
    refused(lambda: INDEX.search(Q, 10**9), "k is 1000000000", "50 points", "allowed")
    assert INDEX.search(Q[0], 100_000).ids.shape == (100_000,)


@pytest.mark.parametrize("value", [None, "1", b"1", True, object(), 1j, [[1.0], [1.0, 2.0]], Hostile(), {}], ids=label)
def test_radius(value: Any) -> None:
    refused(lambda: INDEX.range_search(Q, value), "radius", "allowed: a number, or one for each query")


def test_radius_shapes_and_nan() -> None:
    refused(lambda: INDEX.range_search(Q, [1.0, 2.0]), "radius has shape (2,)", "3 queries")
    refused(lambda: INDEX.range_search(Q, np.ones((3, 1))), "radius has shape (3, 1)")
    refused(lambda: INDEX.range_search(Q, float("nan")), "radius is nan")
    refused(lambda: INDEX.range_search(Q, [1.0, np.nan, 2.0]), "radius[1] is nan")


ROWS: list[tuple[str, Any, tuple[str, ...]]] = [
    ("none", None, ("NoneType",)),
    ("number", 3.5, ("3.5",)),
    ("text", "points.npy", ("points.npy",)),
    ("no rows", np.zeros((0, 4)), ("is empty", "(0, 4)")),
    ("no columns", np.zeros((4, 0)), ("is empty", "(4, 0)")),
    ("empty list", [], ("",)),
    ("0-d", np.array(3.0), ("single number",)),
    ("3-d", np.zeros((2, 2, 4)), ("3 dimensions",)),
    ("ragged", [[1, 2, 3, 4], [1, 2]], ("ragged", "row 1")),
    ("strings", [["a", "b", "c", "d"]], ("[0, 0]", "'a'", "not a number")),
    ("objects", np.array([[1, 2, object(), 4]]), ("[0, 2]", "not a number")),
    ("missing", [[1, 2, None, 4]], ("[0, 2]", "missing")),
    ("complex", np.ones((2, 4), complex), ("complex128",)),
    ("dates", np.zeros((2, 4), "M8[s]"), ("datetime64",)),
    ("records", np.zeros((2, 4), "f4,f4"), ("allowed are",)),
    ("long double", np.ones((2, 4), np.longdouble), ("float64",)),
    ("nan", np.array([[1, 2, 3, 4], [1, np.nan, 3, 4]]), ("[1, 1] is nan", "allow_nan=True")),
    ("inf", np.array([[1, 2, 3, np.inf]]), ("[0, 3] is inf", "allow_nan=True")),
    ("half nan", np.array([[1, 2, 3, np.nan]], np.float16), ("[0, 3] is nan",)),
    ("masked", np.ma.masked_less(np.arange(8.0).reshape(2, 4), 2), ("[0, 0] is masked",)),
    ("identifiers", np.full((2, 4), 2**60), ("2**53",)),
    ("hostile", Hostile(), ("Hostile",)),
    ("set", {1.0, 2.0}, ("set",)),
    ("dict", {"a": [1.0]}, ("dict",)),
    ("generator", (i for i in range(4)), ("generator",)),
]


@pytest.mark.parametrize(("value", "words"), [pytest.param(v, w, id=n) for n, v, w in ROWS])
def test_rows(value: Any, words: tuple[str, ...]) -> None:
    refused(lambda: anear.Index(value), "points", *words)
    refused(lambda: INDEX.search(value), "queries", *words)
    refused(lambda: INDEX.range_search(value, 1.0), "queries", *words)
    refused(lambda: anear.pairwise(value, P), "queries", *words)


def test_dimensions_must_fit() -> None:
    refused(lambda: INDEX.search(np.ones((2, 5))), "queries has 5 columns; 4 are needed")
    refused(lambda: INDEX.search(np.ones(3)), "queries has 3 columns; 4 are needed")
    refused(lambda: anear.pairwise(np.ones((2, 3)), P), "queries has 3 columns; 4 are needed")
    refused(lambda: anear.Index(P[0]), "points has one dimension", "reshape")
    refused(lambda: anear.pairwise(Q[0]), "queries is one vector")


def test_numbers_beyond_float32() -> None:
    refused(lambda: INDEX.search([[1e39, 0, 0, 0]]), "queries[0, 0] is 1e+39", "float32")
    large = anear.Index(P, allow_nan=True).search([[1e39, 0, 0, 0]], 2)
    assert np.isinf(large.distances).all()
    refused(lambda: anear.Index(P, "itakura_saito").search([[1e-60, 1, 1, 1]]), "queries[0, 0]", error=DomainError)


@pytest.mark.parametrize("value", [0, 1, "yes", None, np.float64(1), []], ids=label)
def test_flags(value: Any) -> None:
    for name in ("check_domain", "allow_nan"):
        words = f"{name} is", repr(value), "True or False"
        refused(lambda: anear.Index(P, **{name: value}), *words)  # noqa: B023
        refused(lambda: anear.knn(P, Q, **{name: value}), *words)  # noqa: B023
        refused(lambda: anear.pairwise(P, Q, **{name: value}), *words)  # noqa: B023


@pytest.mark.parametrize("value", [0, "bar", True, []], ids=label)
def test_progress(value: Any) -> None:
    for call in (
        lambda: anear.Index(P, progress=value),
        lambda: INDEX.search(Q, progress=value),
        lambda: INDEX.range_search(Q, 1, progress=value),
        lambda: anear.pairwise(Q, P, progress=value),
    ):
        refused(call, "progress is", repr(value), "function of (done, total)")


@pytest.mark.parametrize("value", ["hnsv", 3, ["flat"], np.array(["flat", "flat"]), ""], ids=label)
def test_method(value: Any) -> None:
    refused(lambda: anear.Index(P, method=value), "method is", "allowed: ball_tree, flat, hnsw")


NOT_FILTERS = [-1, 50, 2**40, [0, 50], [-1], 1.5, [0.5], "a", [True], np.ones(49, bool), np.ones((50, 1), bool), [[0]]]
NOT_IDS = [0, [0, 1], [0, 1, 50], [0, 1, -2], [0.0, 1.0, 2.0], "abc", [[0, 1, 2]], [True] * 3, object()]


@pytest.mark.parametrize("value", NOT_FILTERS, ids=label)
def test_filters(value: Any) -> None:
    refused(lambda: INDEX.search(Q, allow=value), "allow")
    refused(lambda: INDEX.range_search(Q, 1, deny=value), "deny")
    refused(lambda: anear.knn(P, Q, deny=value), "deny")


@pytest.mark.parametrize("value", NOT_IDS, ids=label)
def test_exclude(value: Any) -> None:
    refused(lambda: INDEX.search(Q, exclude=value), "exclude")
    refused(lambda: INDEX.range_search(Q, 1, exclude=value), "exclude")


POINT_DATA: list[tuple[Any, str]] = [
    (None, "point_field('s')"),
    ({}, "point_field('s')"),
    ([S], "point_data is"),
    ("s", "point_data is"),
    ({"s": S[:-1]}, "point_data['s'] has shape (49,); (50,) is needed"),
    ({"s": np.ones((50, 2))}, "point_data['s'] has shape (50, 2)"),
    ({"s": 1.0}, "point_data['s']"),
    ({"s": "a"}, "point_data['s']"),
    ({"s": None}, "point_data['s']"),
    ({"s": [None] * 50}, "point_data['s'][0]"),
    ({"s": np.where(S[7] - 1e-9 < S, S, np.nan)}, "point_data['s']["),
    ({"s": S, "t": S}, "point_data has 't', which the formula does not use"),
    ({1: S}, "point_field('s')"),
]


@pytest.mark.parametrize(("data", "message"), POINT_DATA, ids=[str(i) for i in range(len(POINT_DATA))])
def test_point_data(data: Any, message: str) -> None:
    formula = abs(x - y).sum() * point_field("s")
    refused(lambda: anear.Index(P, formula, point_data=data), message)
    refused(lambda: anear.pairwise(Q, P, formula, point_data=data), message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "query_field('q')"),
        ({"q": [1.0]}, "query_data['q'] has shape (1,); (3,) is needed"),
        ({"q": [1.0, np.nan, 1.0]}, "query_data['q'][1] is nan"),
        ({"q": [1e300] * 3}, "beyond the range of float32"),
        ({"q": [1.0] * 3, "r": 1}, "query_data has 'r'"),
        (7, "query_data is 7"),
    ],
)
def test_query_data(data: Any, message: str) -> None:
    index = anear.Index(P, abs(x - y).sum() + query_field("q"))
    refused(lambda: index.search(Q, query_data=data), message)
    refused(lambda: index.range_search(Q, 1, query_data=data), message)
    refused(lambda: index.self_search(), "self_search", "query_field")


def test_data_that_nothing_asked_for() -> None:
    refused(lambda: anear.Index(P, point_data={"s": S}), "point_data has 's'", "uses: none")
    refused(lambda: INDEX.search(Q, query_data={"s": S}), "query_data has 's'", "uses: none")
    refused(lambda: anear.knn(P, k=2, allow=[1]), "allow", "queries")


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("sum(abs(x - y)", ("column",)),
        ("sum(abs(x - z))", ("unknown name 'z'", "column")),
        ("foo(x)", ("unknown function 'foo'", "column 1")),
        ("abs(x - y)", ("one number", "vector")),
        ("x[4]", ("x[4] is outside", "4 coordinates")),
        ("sum(x[0:2] - y)", ("x[0:2] has 2 coordinates", "y has 4")),
        ("sum(x[3:3])", ("empty",)),
        ("__import__('os').system('true')", ("column",)),
        ("x.__class__", ("column",)),
        ("", ("empty",)),
        ("sum(" * 300 + "x" + ")" * 300, ("",)),
        ("+".join(["sum(x)"] * 5000), ("",)),
        ("1e999", ("column",)),
        ("1 / 0", ("column",)),
    ],
    ids=lambda v: v[:30] if isinstance(v, str) else "",
)
def test_formulas(formula: str, words: tuple[str, ...]) -> None:
    refused(lambda: anear.Index(P, formula), *words, error=FormulaError)
    refused(lambda: anear.pairwise(Q, P, formula), *words, error=FormulaError)


def test_captured_arrays_must_fit() -> None:
    for made, words in (
        ((np.ones(5) * abs(x - y)).sum(), ("5", "4")),
        ((np.ones((3, 5)) @ (x - y)).norm2(), ("3 x 5", "x - y has 4")),
    ):
        refused(lambda: anear.Index(P, made), *words, error=FormulaError)  # noqa: B023
    refused(lambda: anear.Index(P, "mahalanobis", VI=np.eye(5)), "5", "4", error=FormulaError)


@pytest.mark.parametrize(
    ("distance", "params", "words"),
    [
        ("euclidian", {}, ("euclidian", "did you mean 'euclidean'")),
        ("lp:p=-1", {}, ("p is -1", "allowed")),
        ("lp", {"p": "a"}, ("p is 'a'", "allowed")),
        ("lp", {"q": 3}, ("no parameter 'q'",)),
        ("lp:p=3", {"p": 3}, ("given twice",)),
        ("sum(x)", {"p": 3}, ("takes no parameters", "p")),
        ("mahalanobis", {}, ("VI",)),
        (3, {}, ("distance is 3", "allowed")),
        (None, {}, ("distance is None",)),
        (lambda a, b: 0, {}, ("distance is",)),
        ("haversine", {}, ("4 columns", "2")),
    ],
    ids=label,
)
def test_distances(distance: Any, params: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(lambda: anear.Index(P, distance, **params), *words)


def test_domains() -> None:
    bad = P.copy()
    bad[7, 2] = -1
    for make in (
        lambda: anear.Index(bad, "kldiv"),
        lambda: anear.pairwise(P, bad, "kldiv"),
        lambda: anear.knn(bad, k=1, distance="kldiv"),
    ):
        refused(make, "points[7, 2] is -1.0", "kldiv", "check_domain=False", error=DomainError)
    index = anear.Index(P, "kldiv")
    refused(lambda: index.search(-Q), "queries[0, 0]", "kldiv", error=DomainError)
    refused(lambda: anear.pairwise(bad, distance="kldiv"), "queries[7, 2]", error=DomainError)
    assert anear.Index(bad, "kldiv", check_domain=False).search(Q, 3).ids.shape == (3, 3)


def test_paths() -> None:
    for value in (None, 3, 1.5, [], b"a\0b", "", "a\0b"):
        refused(lambda: INDEX.save(value), "path is", "name of a file")  # noqa: B023
        refused(lambda: anear.load(value), "path is", "name of a file")  # type: ignore[arg-type]  # noqa: B023


OUT: list[tuple[Any, str]] = [
    ([], "NumPy array is needed"),
    (np.empty((3, 50)), "float64"),
    (np.empty((50, 3), np.float32), "(50, 3)"),
    (np.empty((50, 3), np.float32).T, "not C-contiguous"),
    (np.broadcast_to(np.float32(0), (3, 50)), "read-only"),
    (np.empty((3, 50), ">f4"), ">f4"),
]


@pytest.mark.parametrize(("out", "message"), OUT, ids=[m for _, m in OUT])
def test_out(out: Any, message: str) -> None:
    refused(lambda: anear.pairwise(Q, P, out=out), "out", message)


def test_out_must_not_be_the_input() -> None:
    square = RNG.random((4, 4)).astype(np.float32)
    refused(lambda: anear.pairwise(square, square, out=square), "out shares memory")


def test_mistakes_are_found_before_points_are_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anear.Index, "_build", lambda *_: pytest.fail("the points were prepared"))
    refused(lambda: anear.knn(P, Q[:, :3]), "queries")
    refused(lambda: anear.knn(P, Q, 0), "k is 0")
    refused(lambda: anear.knn(P, k=0), "k is 0")
    refused(lambda: anear.knn(P, Q, allow=[99]), "allow")
    refused(lambda: anear.knn(P, Q, progress=3), "progress")
    refused(lambda: anear.knn(np.eye(4), k=1, distance="kldiv"), "queries[0, 1] is 0.0", error=DomainError)
