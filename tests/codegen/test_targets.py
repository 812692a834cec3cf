"""Code for processors that are not this one: it compiles, and calls nothing."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from anear.codegen.abi import KERNELS
from anear.codegen.jit import assembly
from anear.codegen.kernels import kernel_text
from anear.codegen.layout import make_layout
from anear.codegen.targets import TARGETS, host_target
from anear.codegen.tile import choose_tile
from anear.formula import formula
from anear.formula.bilinear import bilinear_plan
from anear.formula.halved import halved_plans
from anear.formula.hoist import exact_plan

EVERYTHING = formula("sum(y * log(y / x) + sin(x) + abs(x - y)**0.3 + arctan2(x, y) + floor(x / y)) + max(x - y)")


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda t: t.name)
@pytest.mark.parametrize("storage", ["float32", "float16", "uint8"])
def test_compiles_and_calls_nothing(name: str, target, storage: str) -> None:  # type: ignore[no-untyped-def]
    layout = make_layout(exact_plan(EVERYTHING), 5, storage, "float32", target)
    if name == "prepare_turned" and layout.coordinates is None:
        pytest.skip("only coordinates of the arithmetic type are turned into their places")
    text = kernel_text(name, layout, choose_tile(layout))
    listing = assembly(text, target)
    calls = re.findall(r"^\s+(?:callq?|bl|jmp|b)\s+(?!\.)(\S+)", listing, re.M)
    own = (".L", name, *re.findall(r"^define internal .*?@(\w+)\(", text, re.M))  # of the same object
    assert not [c for c in calls if not c.startswith(own)]


def test_instructions_are_the_targets() -> None:
    plan = exact_plan(formula("sum((x - y) * (x - y))"))
    for target, instruction in (
        ("x86-64-v4", r"vfmadd\w+\s.*zmm"),
        ("x86-64-v3", r"vfmadd\w+\s.*ymm"),
        ("aarch64", "fmla"),
    ):
        layout = make_layout(plan, 100, "float32", "float32", TARGETS[target])
        assert re.search(instruction, assembly(kernel_text("select", layout, choose_tile(layout)), TARGETS[target]))


@pytest.mark.parametrize("name", ["prepare_points", "prepare_query", "select", "select_one"])
def test_products_of_bfloat16_compile(name: str) -> None:
    target = TARGETS["x86-64-v4-bf16"]
    plan = bilinear_plan(formula("sum((x - y)**2)"))
    assert plan is not None
    halved = next(halved_plans(plan, 100, 1e-5, lambda _: (np.ones(100), 100.0)))
    layout = make_layout(halved, 100, "float32", "float32", target)
    listing = assembly(kernel_text(name, layout, choose_tile(layout)), target)
    assert bool(re.search(r"vdpbf16ps\s.*zmm", listing)) == name.startswith("select")
    assert layout.block_bytes == 16 * (100 * 2 + 4)


def test_large_formulas_compile_in_bounded_time() -> None:
    """D = 4096 with 100 terms: a loop, not 400,000 instructions."""
    weights = np.linspace(0.5, 1.5, 100)
    text = " + ".join(f"{w!r} * abs(x - y)**{1 + i % 3}" for i, w in enumerate(weights.tolist()))
    layout = make_layout(exact_plan(formula(f"sum({text})")), 4096, "float32", "float32", TARGETS["x86-64-v3"])
    start = time.process_time()
    for name in ("select", "select_one", "prepare_points", "prepare_query", "gather"):
        assert len(kernel_text(name, layout, choose_tile(layout)).splitlines()) < 20_000
        assembly(kernel_text(name, layout, choose_tile(layout)), TARGETS["x86-64-v3"])
    assert time.process_time() - start < 20  # a bound against explosion, not a speed test


def test_host_target() -> None:
    assert host_target(["sse4.2"]).name == "x86-64-v2"
    assert host_target(["sse4.2", "avx2", "fma", "f16c"]).name == "x86-64-v3"
    assert host_target(["sse4.2", "avx2", "fma", "f16c"], "x86-64-v2").name == "x86-64-v2"
    with pytest.raises(ValueError, match="ANEAR_TARGET is 'x86-64-v4'; this machine can run: x86-64-v2"):
        host_target(["sse4.2"], "x86-64-v4")
    with pytest.raises(RuntimeError, match="none of the instruction sets"):
        host_target([])
