"""Every elementwise operation, in float32 and float64, against NumPy in higher precision.

The error that a docstring states is the one tested. ``ANEAR_ALL_FLOATS=1`` tests log, exp and sqrt on every float32
(minutes) instead of one in 97.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.codegen.elf import undefined_symbols
from tests.codegen.vector_function import (
    DTYPES,
    Array,
    Emitter,
    VectorFunction,
    module_text,
    parsed,
    target_machine,
)

from anear.codegen.llvm import Body, Kind
from anear.codegen.math import ELEMENTWISE, power_constant
from anear.codegen.math.logarithm import log2_of_rounded
from anear.codegen.targets import TARGETS

UNARY = {
    "neg": np.negative, "abs": np.abs, "sqrt": lambda a: np.sqrt(a) + 0.0,
    "rsqrt": lambda a: 1 / (np.sqrt(a) + 0.0), "exp": np.exp, "log": np.log,
    "log1p": np.log1p, "expm1": np.expm1, "sin": np.sin, "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin,
    "arccos": np.arccos, "arctan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcosh": np.arccosh,
    "sign": np.sign, "floor": np.floor,
}  # fmt: skip
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power, "mod": np.mod,
    "minimum": np.minimum, "maximum": np.maximum, "arctan2": np.arctan2,
    "xlogy": lambda a, b: np.where(a == 0, 0, a * np.log(b)),
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
REFERENCES: dict[str, Callable[..., Any]] = {**UNARY, **BINARY, "where": lambda c, a, b: np.where(c != 0, a, b)}
WIDER = {32: np.float64, 64: np.longdouble}
LANES = {32: 16, 64: 8}
REACH = 2.0**45
CONSTANT_EXPONENTS = (
    *range(-5, 9), -8, -9, 15, 16, 17, 0.5, -0.5, 1.5, -1.5, 3.5, 0.25, 0.75, -0.25, 1 / 3, 1e-3, 2.7, 4.4, -4.5, 5.5,
    -100.5, 1e-300, -1e30, math.inf, -math.inf, math.nan,
)  # fmt: skip
# What a body may be told of the processor: whether it multiplies and adds at once, and has the AVX-512 instructions.
WAYS = {
    "fused": {"fused": True},
    "separate": {"fused": False},
    "avx512": {"fused": True, "avx512": True},
    "avx512 twice": {"fused": True, "avx512": True},  # lanes of two registers, as trees have in float64
}
FEATURES = dict(llvm.get_host_cpu_features())

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
both_precisions = pytest.mark.parametrize(
    "bits",
    [32, pytest.param(64, marks=pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no 80-bit numbers"))],
)
every_way = pytest.mark.parametrize(
    "way",
    [
        "fused",
        "separate",
        *(
            pytest.param(way, marks=pytest.mark.skipif(not FEATURES.get("avx512vl"), reason="no AVX-512"))
            for way in ("avx512", "avx512 twice")
        ),
    ],
)


def arity(name: str) -> int:
    return 1 if name in UNARY else 2 if name in BINARY else 3


@cache
def function(name: str, bits: int, way: str = "fused", lanes: int = 0, cpu: str = "") -> VectorFunction:
    lanes = lanes or LANES[bits] * (2 if way.endswith("twice") else 1)
    return VectorFunction(ELEMENTWISE[name], arity(name), Kind(bits, lanes), cpu, **WAYS[way])


def stated_error(emitter: Emitter) -> float:
    """The bound in a docstring; "correctly rounded" and exact functions have none."""
    found = re.search(r"(?:Error <=|at most) ([\d.]+) ulp", emitter.__doc__ or "")
    return float(found[1]) if found else 0.5


def check(bits: int, got: Array, exact: Array, bound: float, *arguments: Array, signed: bool = True) -> None:
    """NaN, infinities and the signs of zeros agree, and no error is beyond ``bound`` ulp."""
    dtype = DTYPES[bits]
    rounded = exact.astype(dtype)
    with np.errstate(all="ignore"):
        ulp = np.spacing(np.maximum(np.abs(rounded), np.finfo(dtype).tiny)).astype(exact.dtype)
        error = np.abs(got.astype(exact.dtype) - exact) / ulp
    error = np.where(np.isfinite(rounded) & np.isfinite(got), error, 0)
    wrong = (np.isnan(got) != np.isnan(rounded)) | ((np.isinf(got) | np.isinf(rounded)) & (got != rounded))
    if signed:
        wrong |= (rounded == 0) & (got == 0) & (np.signbit(rounded) != np.signbit(got))
    wrong &= ~(np.isnan(got) & np.isnan(rounded))
    error = np.where(wrong, np.inf, error)
    worst = int(np.argmax(error))
    assert error.flat[worst] <= bound, (
        f"error {error.flat[worst]} ulp at {[float(a.flat[worst]) for a in np.broadcast_arrays(*arguments)]}: "
        f"{got.flat[worst]!r}, not {exact.flat[worst]!r}"
    )


@cache
def special(bits: int) -> Array:
    """The numbers at which something changes, their neighbours, and the opposites of all."""
    dtype = DTYPES[bits]
    info = np.finfo(dtype)
    logs = [
        math.log(float(info.max)),
        math.log(float(info.tiny)),
        math.log(float(info.smallest_subnormal)) - math.log(2),
    ]
    positive = [
        0, 1, 2, 3, 0.5, 1.5, 0.25, 10, math.pi / 2, math.pi, math.pi / 4, math.sqrt(0.5), math.sqrt(2), math.log(2),
        math.tan(math.pi / 8), info.max, info.tiny, info.smallest_subnormal, info.eps, 1 / info.eps, 4 / info.eps,
        math.inf, math.nan, REACH, 1e30, 1e-30, 0.999, *np.abs(logs), logs[0] + math.log(2), 2.0**24, 2.0**53,
    ]  # fmt: skip
    array = np.array(positive, dtype)
    array = np.concatenate([array, np.nextafter(array, dtype(np.inf)), np.nextafter(array, dtype(0))])
    return np.concatenate([array, -array])


@cache
def spread(bits: int, count: int) -> Array:
    """Numbers with all exponents and signs, infinities and NaN among them."""
    if bits == 32:
        step = 2**32 // count | 1
        return np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)
    rng = np.random.default_rng(7)
    return rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)


def usual(name: str, bits: int, count: int) -> Array:
    """Numbers where the function does something."""
    rng = np.random.default_rng(11)
    dtype = DTYPES[bits]
    top = math.log(float(np.finfo(dtype).max))
    parts = [rng.normal(0, 1, count), rng.uniform(-1, 1, count), np.exp(-rng.uniform(0, 40, count))]
    if name in ("exp", "expm1", "sinh", "cosh", "tanh"):
        parts += [rng.uniform(-top * 1.2, top * 1.01, count), rng.uniform(-2, 2, count)]
    elif name in ("sin", "cos", "tan"):
        quarters = np.rint(rng.uniform(-1e5, 1e5, count)) * (math.pi / 2)
        parts += [
            rng.uniform(-1e5, 1e5, count),
            quarters,
            rng.uniform(-10, 10, count),
            rng.uniform(-REACH, REACH, count),
            np.exp(rng.uniform(30, top, count)),
        ]
    else:
        near = np.exp(-rng.uniform(0, 36, count))
        parts += [1 + near, 1 - near, near - 1, np.exp(rng.uniform(-top, top, count))]
    return np.concatenate(parts).astype(dtype)


def expected(name: str, bits: int, *arguments: Array) -> Array:
    """The reference, in higher precision; the remainder in the same, where it is exact."""
    wide = DTYPES[bits] if name == "mod" else WIDER[bits]
    with np.errstate(all="ignore"):
        return np.asarray(REFERENCES[name](*[a.astype(wide) for a in arguments])).astype(WIDER[bits])


@every_way
@both_precisions
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, bits: int, way: str) -> None:
    count = 100_000 if bits == 32 else 15_000
    a = np.concatenate([special(bits), spread(bits, count), usual(name, bits, count // 4)])
    exact = expected(name, bits, a)
    check(bits, function(name, bits, way)(a), exact, stated_error(ELEMENTWISE[name]), a, signed=name != "sign")


@pytest.mark.parametrize("name", ["sqrt", "exp", "log"])
def test_many_float32(name: str) -> None:
    step, chunk = (1 if os.environ.get("ANEAR_ALL_FLOATS") else 97), 1 << 20
    run = function(name, 32, "avx512" if FEATURES.get("avx512vl") else "fused")
    for start in range(0, 2**32, step * chunk):
        numbers = np.arange(start, min(start + step * chunk, 2**32), step, dtype=np.uint64)
        a = numbers.astype(np.uint32).view(np.float32)
        check(32, run(a), expected(name, 32, a), stated_error(ELEMENTWISE[name]), a)


@every_way
@pytest.mark.parametrize("more", [0, 1, -3])
def test_logarithm_of_rounded_numbers(more: int, way: str) -> None:
    """Off by what its text allows; exact where the logarithm is 0."""
    close = np.random.default_rng(0).uniform(0.4, 2.5, 200_000)
    a = np.concatenate([special(32), spread(32, 100_000), close * 2.0**-more]).astype(np.float32)
    a = a[np.isnan(a) | (np.ldexp(np.ldexp(a, more), -more) == a)]  # 2^more * a: not rounded, not beyond the largest
    run = VectorFunction(lambda body, v: log2_of_rounded(body, v, more), 1, Kind(32, 16), **WAYS[way])
    got, exact = run(a).astype(np.float64), np.log2(a.astype(np.float64)) + more
    finite = np.isfinite(exact)
    assert np.array_equal(got[~finite], exact[~finite], equal_nan=True)
    allowed = 2 * np.spacing(np.abs(exact[finite]).astype(np.float32)) + 2.0**-23 * (1 + abs(more))
    assert (np.abs(got[finite] - exact[finite]) <= allowed).all()
    assert run(np.array([2.0**-more], np.float32))[0] == 0


@cache
def pairs(bits: int, count: int) -> tuple[Array, Array]:
    """All pairs of special numbers, and pairs of all sizes."""
    rng = np.random.default_rng(5)
    edges, any_size = special(bits), spread(bits, count)
    dtype = DTYPES[bits]
    a = [np.repeat(edges, len(edges)), any_size, rng.normal(0, 3, count), np.repeat(any_size, 2)[:count]]
    b = [np.tile(edges, len(edges)), rng.permutation(any_size), rng.normal(0, 3, count), rng.normal(0, 30, count)]
    return np.concatenate(a).astype(dtype), np.concatenate(b).astype(dtype)


@every_way
@both_precisions
@pytest.mark.parametrize("name", [name for name in BINARY if name not in ("mod", "pow")])
def test_binary(name: str, bits: int, way: str) -> None:
    a, b = pairs(bits, 15_000)
    got = function(name, bits, way)(a, b)
    bound = stated_error(ELEMENTWISE[name])
    check(bits, got, expected(name, bits, a, b), bound, a, b, signed=name not in ("minimum", "maximum", "xlogy"))


@every_way
@both_precisions
def test_pow(bits: int, way: str) -> None:
    rng = np.random.default_rng(3)
    a, p = pairs(bits, 15_000)
    base, size = rng.uniform(0.5, 2.0, 50_000), 150 if bits == 32 else 1080
    a = np.concatenate([a, base, -base]).astype(DTYPES[bits])
    p = np.concatenate([p, rng.uniform(-size, size, 50_000), np.rint(rng.uniform(-size, size, 50_000))]).astype(a.dtype)
    bound = 4.0 if bits == 32 else 2.0
    check(bits, function("pow", bits, way)(a, p), expected("pow", bits, a, p), bound, a, p)


@every_way
@both_precisions
@pytest.mark.parametrize("exponent", CONSTANT_EXPONENTS)
def test_power_constant(exponent: float, bits: int, way: str) -> None:
    rng = np.random.default_rng(3)
    parts = [special(bits), spread(bits, 8_000), rng.uniform(0.5, 2.0, 8_000), -np.exp(rng.uniform(-9, 9, 500))]
    a = np.concatenate(parts).astype(DTYPES[bits])
    run = VectorFunction(lambda body, v: power_constant(body, v, exponent), 1, Kind(bits, LANES[bits]), **WAYS[way])
    wide = a.astype(WIDER[bits])
    with np.errstate(all="ignore"):
        exact = np.power(wide, np.full_like(wide, exponent))
    check(bits, run(a), exact, 4.0, a)


@every_way
@both_precisions
def test_mod(bits: int, way: str) -> None:
    rng = np.random.default_rng(3)
    a, b = pairs(bits, 15_000)
    far = np.exp(rng.uniform(0, 30, 15_000)) * rng.choice([-1, 1], 15_000)
    a, b = np.concatenate([a, far]).astype(DTYPES[bits]), np.concatenate([b, rng.normal(0, 3, 15_000)]).astype(a.dtype)
    got, exact = function("mod", bits, way)(a, b), expected("mod", bits, a, b)
    with np.errstate(all="ignore"):
        quotient = np.abs(a.astype(WIDER[bits]) / b.astype(WIDER[bits]))
    large = 2.0**100 if bits == 32 else 2.0**990
    within = (quotient < 2.0 ** (46 if bits == 32 else 104)) | ~np.isfinite(quotient)
    if way == "separate":
        within &= ((np.abs(a) < large) | ~np.isfinite(a)) & ((np.abs(b) < large) | ~np.isfinite(b))
        within &= (np.abs(b) > 1 / large) | (b == 0)
    check(bits, got[within], exact[within], 0.5, a[within], b[within])
    # Beyond, the result is the right one or NaN.
    check(bits, *np.where(np.isnan(got), 0, [got, exact]), 0.5, a, b)


@both_precisions
def test_where(bits: int) -> None:
    condition = special(bits)
    ones = np.ones_like(condition)
    np.testing.assert_array_equal(function("where", bits)(condition, ones, -ones), np.where(condition != 0, 1, -1))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_lanes_do_not_matter(name: str, bits: int) -> None:
    a, b = pairs(bits, 2_000)
    arguments = (a, b, b[::-1].copy())[: arity(name)]
    wide = function(name, bits)(*arguments)
    for lanes in (1, 2 * LANES[bits]):
        np.testing.assert_array_equal(function(name, bits, lanes=lanes)(*arguments), wide)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("level", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_lower_levels_agree(level: str, bits: int) -> None:
    required = {"x86-64-v2": "sse4.2", "x86-64-v3": "avx2", "x86-64-v4": "avx512vl"}[level]
    if not FEATURES.get(required):
        pytest.skip(f"this machine is below {level}")
    way = {"x86-64-v2": "separate", "x86-64-v3": "fused", "x86-64-v4": "avx512"}[level]
    a, b = pairs(bits, 500)
    for name in ELEMENTWISE:
        arguments = (a, b, b[::-1].copy())[: arity(name)]
        got = function(name, bits, way, cpu=level)(*arguments)
        np.testing.assert_array_equal(got, function(name, bits, way)(*arguments), err_msg=name)


@pytest.mark.parametrize("lanes", [1, 4, 8, 16])
@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_called(target: str, bits: int, lanes: int) -> None:
    """The object code for every target contains all it needs."""
    level = TARGETS[target]
    functions: dict[str, tuple[Emitter, int]] = {name: (emitter, arity(name)) for name, emitter in ELEMENTWISE.items()}
    for i, exponent in enumerate((0.3, 7.0, 9.3)):
        functions[f"power{i}"] = (lambda body, a, exponent=exponent: power_constant(body, a, exponent)), 1
    machine = target_machine(level.triple, level.cpu, level.features)
    flags = {"fused": level.fused, "avx512": level.vector_bytes == 64}
    module = parsed(module_text(functions, Kind(bits, lanes), **flags), level.triple)
    assert undefined_symbols(machine.emit_object(module)) == set()


@given(st.floats(width=32), st.floats(width=32))
def test_float32_properties(a: float, p: float) -> None:
    one, x = np.float32(1), np.array([a], np.float32)
    exponent = np.array([p], np.float32)
    if not math.isnan(a):
        assert function("pow", 32)(x, 0 * x.clip(-1, 1)) == one
        assert function("sinh", 32)(-x) == -function("sinh", 32)(x)
        assert -1 <= function("tanh", 32)(x) <= 1
        assert function("exp", 32)(x) >= 0
        assert function("maximum", 32)(x, exponent) == function("neg", 32)(
            function("minimum", 32)(-x, -exponent)
        ) or math.isnan(p)
    with np.errstate(all="ignore"):
        assert np.isnan(function("pow", 32)(x, exponent)) == np.isnan(np.power(x, exponent))


def test_all_operations_are_there() -> None:
    assert set(ELEMENTWISE) == set(REFERENCES)


def test_body_of_one_lane_is_scalar() -> None:
    body = Body(Kind(32, 1))
    ELEMENTWISE["log"](body, "%x")
    assert not any("<" in line for line in body.lines)
