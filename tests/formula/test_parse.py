"""Text to formula: the same meaning as Python, and nothing that a text could do besides."""

from __future__ import annotations

import functools
import math
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anear.errors import FormulaError
from anear.formula import (
    abs,
    arcosh,
    clip,
    constant,
    cumsum,
    dot,
    eq,
    exp,
    formula,
    log,
    max,
    maximum,
    mean,
    min,
    minimum,
    ne,
    norm,
    normalize,
    number,
    parse,
    point_field,
    query_field,
    show,
    sum,
    where,
    x,
    xlogy,
    y,
)
from anear.formula.expression import Expr

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
W = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("sum(y*log(y/x) - y + x)", sum(y * log(y / x) - y + x)),
        ("(x - y).abs().sum()", sum(abs(x - y))),
        ("((x - y)**2).sum(-1)", ((x - y) ** 2).sum()),
        ("x | y", x | y),
        ("x @ y", dot(x, y)),
        ("x[0] * x[-1] + sum(x[1:3]) + sum(x[:-1])", x[0] * x[-1] + sum(x[1:3]) + sum(x[:-1])),
        ("A @ (x - y)", A @ (x - y)),
        ("(x - y) @ A.T", A @ (x - y)),
        ("sum(w * abs(x - y)**p) ** (1/p)", sum(W * abs(x - y) ** 3) ** (1 / 3)),
        ("norm(x - y, p)", norm(x - y, 3)),
        ("norm(x - y, p=inf)", max(abs(x - y))),
        ("norm(x - y, weights=w)", norm(x - y, 2, W)),
        ("x == y", eq(x, y)),
        ("x != y", ne(x, y)),
        ("(x < y) * (y <= 1)", (x < y) * (y <= 1)),
        ("(1 < x) * (w >= y) * (2 == x)", (1 < x) * (W >= y) * eq(2, x)),  # noqa: SIM300
        ("max(x - y)", max(x - y)),
        ("max(x, y)", maximum(x, y)),
        ("max(x, y, 1)", maximum(maximum(x, y), 1)),
        ("min(x)", min(x)),
        ("min(x, 1).min()", min(minimum(x, 1))),
        ("where(x < y, x, 0)", where(x < y, x, 0)),
        ("clip(x, None, 1)", clip(x, None, 1)),
        ("mean(cumsum(x))", mean(cumsum(x))),
        ("normalize(x) | normalize(y)", normalize(x) | normalize(y)),
        ("xlogy(x, y)", xlogy(x, y)),
        ("arccosh(1 + x[0])", arcosh(1 + x[0])),
        ("-x ** 2", -(x**2)),
        ("+x", x),
        ("pi * e * x", math.pi * math.e * x),
        ("1 / 2 * x", 0.5 * x),
        ("2 ** 3 * x", 8 * x),
        ("2 ** 3 ** 2 * x", 512 * x),
        ("x[2 - 1]", x[1]),
        ("x[p]", x[3]),
        ("-7 % 3 * x", 2 * x),
        ("(1 < 2) * x", 1 * x),
        (".5 * x + 1. * y + 1e-3", 0.5 * x + 1.0 * y + 1e-3),
        ("[1, 2, 3] * x", W * x),
        ("[-1, 1/2, inf] * x", [-1, 0.5, math.inf] * x),
        ("[[1, 2, 3], [4, 5, 6]] @ x", A @ x),
        ("[1, 2, 3][1] * x", 2 * x),
        ("A[1] * x", A[1] * x),
        ("A @ A.T @ x", (A @ A.T) @ x),
        ("2 * A @ x", (2 * A) @ x),
        ("w @ w * x", 14 * x),
        ("-w * x", -W * x),
        ("(w < 2) * x", [1, 0, 0] * x),
        ("sum(d)", sum(abs(x - y))),
        ("point_field('s') * sum(query_field(\"q\", 3))", point_field("s") * sum(query_field("q", 3))),
        ("point_field('v', length=p)", point_field("v", 3)),
        ("t = x - y; sum(t * t)", sum((x - y) * (x - y))),
        ("\n  t = x - y\n  u = t * t  \n\n sum(u)\n", sum((x - y) * (x - y))),
        ("t = x;\n\n u = y\n ;\n\n sum(t - u);\n", sum(x - y)),
        ("sum(x\n  - y)", sum(x - y)),
        ("x\n" + "\n+ x ** 2\n- 1" * 200, functools.reduce(lambda a, _: a + x**2 - 1, range(200), x)),
        ("sum(x)\n  - sum(y)", sum(x) - sum(y)),
        ("  sum(x)  ", sum(x)),
        ("exp = 2; exp(x) * exp", exp(x) * 2),
    ],
)
def test_text_and_python_give_the_same_formula(text: str, expr: Expr) -> None:
    assert formula(text, A=A, w=W, p=3, d=abs(x - y)) is expr


def test_a_formula_passes_through() -> None:
    assert formula(x - y) is x - y
    assert formula(2) is number(2)
    assert formula(W) is constant(W)


def test_captured_arrays_keep_their_name() -> None:
    assert repr(formula("sum(weights * x)", weights=[1.25, 2.25])) == "sum(weights * x)"


def test_captured_numbers() -> None:
    assert formula("a * x", a=np.float32(0.5)) is 0.5 * x
    assert formula("x[a]", a=np.int64(1)) is x[1]
    assert formula("x * a", a=np.array(2.0)) is x * 2


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("sum(x", 4, "never closed"),
        ("sum(x))", 7, "closes nothing"),
        ("sum(x - z)", 9, "unknown name 'z'; there are A, e, inf, nan, pi, w, x, y"),
        ("sum(x - W)", 9, "unknown name 'W'"),
        ("weigths * x + weights", 1, "unknown name 'weigths'"),
        ("sun(x)", 1, "unknown function 'sun'; did you mean sum"),
        ("x.sun()", 3, "unknown method 'sun'; did you mean sum"),
        ("x + sum", 5, "'sum' is a function: write sum\\(a, axis=-1\\)"),
        ("w(x)", 1, "'w' is not a function"),
        ("2(x)", 1, "only functions are called"),
        ("x[1.5]", 1, "got 1.5"),
        ("x['a']", 1, "got 'a'"),
        ("x[0, 1]", 3, "a tuple"),
        ("x[::2]", 1, "steps of 2"),
        ("x < y < 1", 3, "comparisons do not chain"),
        ("x and y", 3, "a \\* b"),
        ("not x", 1, "eq\\(a, 0\\)"),
        ("x if x else y", 3, "where\\(condition, a, b\\)"),
        ("x // y", 3, "floor\\(a / b\\)"),
        ("x ^ 2", 3, "a \\*\\* b"),
        ("x & y", 3, "a \\* b"),
        ("~x", 1, "not part of a formula"),
        ("!x", 1, "not part of a formula"),
        ("{1, 2}", 1, "\\[1, 2, 3\\]"),
        ("lambda: x", 1, "lambda"),
        ("True * x", 1, "use 1"),
        ("sum(v for v in x)", 7, "'for' is not part"),
        ("x := 2", 3, ":="),
        ("x # y", 3, "not part of a formula"),
        ("f'{x}'", 1, "no prefix"),
        ("'a' + x", 5, "'a' stands where"),
        ("sum('a')", 1, "can only name a field"),
        ("point_field(s)", 13, "unknown name 's'"),
        ("point_field('s', 0)", 1, "above 0"),
        ("point_field()", 1, "missing a required argument: 'name'"),
        ("sum(x, foo=1)", 1, "unexpected keyword argument 'foo'"),
        ("sum()", 1, "missing a required argument"),
        ("norm(x, -3)", 1, "p must be above 0"),
        ("norm(x, 0)", 1, "p must be above 0"),
        ("norm(x, y)", 1, "p must be a number"),
        ("x + None", 3, "None stands where"),
        ("sum(sum(x))", 1, "sum needs a vector"),
        ("x + [1, 2] + w", 12, "different lengths \\[2, 3\\]"),
        ("w + [1, 2]", 3, "do not fit"),
        ("A @ [1, 2]", 3, "shapes \\(2, 3\\) and \\(2,\\) do not fit"),
        ("A * x", 3, "only be multiplied by @"),
        ("A.U", 3, "no attribute"),
        ("w[7] * x", 1, "out of bounds"),
        ("x.T", 3, "only a captured matrix"),
        ("[x, y]", 1, "brackets hold"),
        ("[[1, 2], [3]]", 1, "equally long"),
        ("[] * x", 1, "at least one number"),
        ("[[[1]]] @ x", 1, "two levels"),
        ("9 ** 9 ** 9 ** 9", 8, "too large"),
        ("(-8) ** (1 / 3)", 6, "no real number"),
        ("1 / 0", 3, "division by zero"),
        ("1e999 * x", 1, "outside of what float64 holds"),
        ("1e-999 * x", 1, "outside of what float64 holds"),
        ("2x", 1, "cannot read the number '2x'"),
        ("0x10", 1, "cannot read the number"),
        ("1_000", 1, "cannot read the number"),
        ("2j * x", 1, "cannot read the number"),
        ("9" * 101, 1, "at most 100 digits"),
        ("a" * 101, 1, "at most 100 characters"),
        ("x.sum", 3, "a method is called: .sum\\(\\)"),
        ("x.op", 3, "no attribute"),
        ("x.__class__", 3, "no attribute"),
        ("x.__reduce__()", 3, "unknown method"),
        ("x.numpy(1, 2)", 3, "unknown method"),
        ("sum.__globals__", 5, "no attribute"),
        ("__import__('os')", 1, "unknown function"),
        ("eval('x')", 1, "unknown function"),
        ("import os", 1, "'import' is not part"),
        ("sum(*x)", 5, "Starred"),
        ("sum(**x)", 1, "Call"),
        ("x = 3; x", 1, "other than x and y"),
        ("x; y", 1, "only the last part"),
        ("t = 3", 1, "the formula itself"),
        ("t = u = x; t", 1, "only the last part"),
        ("t += 1; x", 1, "only the last part"),
        ("x +\ny + z", 5, "unknown name 'z'"),
        ("αβγ + ζ", 1, "unknown name 'αβγ'"),
        ("w * αβγ + x", 5, "unknown name 'αβγ'"),
        ("-" * 101 + "x", 101, "at most 100 levels"),
        ("(" * 101 + "x" + ")" * 101, 101, "at most 100 levels"),
        ("**".join("x" * 120), 302, "at most 100 levels"),
        ("-\n" * 200 + "x", 1, "at most 100 levels"),
        ("x" + "\n**x" * 200, 1, "at most 100 levels"),
    ],
)
def test_errors_show_the_place(text: str, column: int, message: str) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        formula(text, A=A, w=W)
    head, line, caret = str(caught.value).rsplit("\n", 2)
    assert f"(column {column})" in head
    shown_at = caret.index("^")
    assert shown_at == len(line) or line[shown_at] in {
        part[column - 1] for part in text.split("\n") if len(part) >= column
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: formula(""), "empty"),
        (lambda: formula(" \n "), "empty"),
        (lambda: parse(3), "must be a str, not int"),  # type: ignore[arg-type]
        (lambda: formula("x" + " " * 10_000), "at most 10000 characters; this one has 10001"),
        (lambda: formula("+".join(["x"] * 4999)), "chain of operators is too long"),
        (lambda: formula("x", y=1), "is not x or y"),
        (lambda: formula("x", **{"a b": 1}), "letters, digits and _"),
        (lambda: formula("x", a="1"), "captured 'a': text '1' is no operand"),
        (lambda: formula("x", a=[[1], [1, 2]]), "captured 'a'"),
        (lambda: formula("x", a=np.zeros((2, 2, 2))), "captured 'a'.*\\(2, 2, 2\\)"),
    ],
)
def test_other_refusals(call: object, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        call()  # type: ignore[operator]


def test_many_lines_take_no_time() -> None:
    begin = time.process_time()
    formula("\n" * 4900 + "t = x" + "\n" * 4900 + "sum(t)")
    assert time.process_time() - begin < 0.2


def test_long_lines_are_cut_around_the_place() -> None:
    with pytest.raises(FormulaError) as caught:
        formula("sum(" + "x + " * 500 + "zz" + " + x" * 500 + ")")
    _, line, caret = str(caught.value).split("\n")
    assert len(line) < 120
    assert line[caret.index("^") :].startswith("zz")


def test_a_formula_may_not_grow_beyond_its_limit() -> None:
    part: Expr = x
    for i in range(4998):
        part = part * i
    assert formula("sum(d)", d=part) is sum(part)
    with pytest.raises(FormulaError, match="at most 10000 operations; this one has 10001"):
        formula("sum(d)**t", d=part, t=y[0])


def test_parsing_near_the_recursion_limit() -> None:
    """However deep the caller already is: a formula or a FormulaError, never a RecursionError."""
    text = "(" * 90 + "x + 1" + ")" * 90 + " + x" * 500

    def deeper(levels: int) -> object:
        if levels:
            return deeper(levels - 1)
        try:
            return formula(text)
        except FormulaError as error:
            return error

    frames = len(__import__("inspect").stack())
    for left in (60, 100, 200):
        assert isinstance(deeper(sys.getrecursionlimit() - frames - left), (Expr, FormulaError))


def test_parsing_in_a_thread_with_a_small_stack() -> None:
    results: list[object] = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: results.append(formula("-" * 99 + "x" + " + x" * 1000)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert isinstance(results[0], Expr)


_SIGNS = [*"()[],;:=+-*/%@|<.\n\t\0\\#é", "**", "<=", "==", "!=", ".."]
_NAMES = "x y A w t T sum max norm where point_field None if lambda for import _ __class__".split(" ")  # noqa: SIM905
_PARTS = "1 2.5 1e9 9999999999999999999 'a' x[0] .sum() abs() (x-y) [1,2] .T".split(" ")  # noqa: SIM905
_WORDS = st.sampled_from(_SIGNS) | st.sampled_from(_NAMES) | st.sampled_from(_PARTS)


@settings(max_examples=400)
@given(st.lists(_WORDS, max_size=30).map(" ".join) | st.text(max_size=60))
def test_any_text_gives_a_formula_or_a_formula_error(text: str) -> None:
    try:
        expr = formula(text, A=A, w=W)
    except FormulaError as error:
        assert str(error)  # noqa: PT017 (that it is the right kind of error is the test)
    else:
        assert parse(show(expr)) is expr
