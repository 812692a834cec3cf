"""Vector code for the elementwise operations: ``ELEMENTWISE[op](body, *values)`` emits it and names the result.

No function is called and no table is read: only arithmetic, integer operations, comparisons and selections, without
branches or fast-math flags, so that the code inlines into any loop over any number of lanes of float32 or float64. (The
exceptions are sin, cos and tan: a function reduces huge numbers, and bodies that are to be brief call them.)
Infinities, NaN, signed zeros and denormal numbers behave as NumPy's. Each docstring states its error in ulps, tested
in tests/codegen/test_math.py.
"""

from __future__ import annotations

from collections.abc import Callable

from anear.codegen.math.elementary import (
    absolute,
    add,
    comparison,
    div,
    floor,
    maximum,
    minimum,
    mod,
    mul,
    neg,
    rsqrt,
    sign,
    sqrt,
    sub,
    where,
)
from anear.codegen.math.exponential import exp, expm1
from anear.codegen.math.hyperbolic import arcosh, cosh, sinh, tanh
from anear.codegen.math.inverse import arccos, arcsin, arctan, arctan2
from anear.codegen.math.logarithm import log, log1p, log_of_rounded, xlogy, xlogy_of_rounded
from anear.codegen.math.power import pow_, power_constant
from anear.codegen.math.trigonometric import cos, sin, tan

__all__ = ["ELEMENTWISE", "OF_ROUNDED", "power_constant"]

ELEMENTWISE: dict[str, Callable[..., str]] = {
    "neg": neg,
    "abs": absolute,
    "sqrt": sqrt,
    "rsqrt": rsqrt,
    "exp": exp,
    "log": log,
    "log1p": log1p,
    "expm1": expm1,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "arcsin": arcsin,
    "arccos": arccos,
    "arctan": arctan,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "arcosh": arcosh,
    "sign": sign,
    "floor": floor,
    "add": add,
    "sub": sub,
    "mul": mul,
    "div": div,
    "pow": pow_,
    "mod": mod,
    "minimum": minimum,
    "maximum": maximum,
    "arctan2": arctan2,
    "xlogy": xlogy,
    "lt": comparison("olt"),
    "le": comparison("ole"),
    "gt": comparison("ogt"),
    "ge": comparison("oge"),
    "eq": comparison("oeq"),
    "ne": comparison("une"),
    "where": where,
}

OF_ROUNDED: dict[str, Callable[..., str]] = {"log": log_of_rounded, "xlogy": xlogy_of_rounded}
"""Quicker forms of operations whose last argument carries a rounding error of its own; no proof relies on them."""
