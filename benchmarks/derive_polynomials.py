"""Derive the polynomials and tables of ``anear.codegen.math`` from nothing but the functions they approximate.

Every entry is a minimax polynomial found by Remez's exchange algorithm in 60 digits: it minimises the largest
``weight(u) * |function(u) - polynomial(u)|`` over an interval, the weight being chosen so that the largest *relative*
error of the final result counts. The coefficients are then rounded to the format they are used in; the leading terms
of the functions are kept outside the polynomials, so that this rounding costs a small part of an ulp.

Run ``python benchmarks/derive_polynomials.py`` (needs mpmath) to write ``src/anear/codegen/math/polynomials.py``
again; the largest error of each polynomial stands beside it there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mpmath as mp

TARGET = Path(__file__).parents[1] / "src" / "anear" / "codegen" / "math" / "polynomials.py"
Real = Callable[[mp.mpf], mp.mpf]

mp.mp.dps = 60
ROOT_HALF = mp.sqrt(mp.mpf(1) / 2)
LOG_TOP = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2
THIRD_TOP = ((mp.mpf(2) ** (mp.mpf(1) / 6) - 1) / (mp.mpf(2) ** (mp.mpf(1) / 6) + 1)) ** 2
HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0005")
ANGLE = (mp.pi / 4 * mp.mpf("1.03")) ** 2
TAN_EIGHTH = (mp.sqrt(2) - 1) * mp.mpf("1.0001")


@dataclass(frozen=True)
class Task:
    """One polynomial: its name, degrees for float32 and float64 (None: not needed), what it approximates and where."""

    name: str
    meaning: str
    degree32: int | None
    degree64: int | None
    function: Real
    weight: Real
    low: mp.mpf
    high: mp.mpf


def root(z: mp.mpf) -> mp.mpf:
    return mp.sqrt(z)


def odd_rest(f: Real) -> Real:
    """(f(t)/t - 1)/t^2 as a function of z = t^2, for an odd f with f'(0) = 1."""
    return lambda z: (f(root(z)) / root(z) - 1) / z


def odd_weight(f: Real) -> Real:
    """The relative error of f when the rest above is off by one."""
    return lambda z: z * root(z) / f(root(z))


def atanh_scaled(scale: mp.mpf) -> Real:
    """(scale*2*atanh(s) - scale*2*s)/s^3 as a function of z = s^2."""
    return lambda z: scale * 2 * (mp.atanh(root(z)) - root(z)) / (z * root(z))


def atanh_weight(scale: mp.mpf) -> Real:
    return lambda z: z * root(z) / (scale * 2 * mp.atanh(root(z)))


ONE = mp.mpf(1)
TASKS = (
    Task(
        "LOG_DIRECT",
        "(log(1 + r) - r) / r^2 on sqrt(1/2) <= 1 + r <= sqrt(2)",
        8,
        None,
        lambda r: (mp.log1p(r) - r) / r**2,
        lambda r: r**2 / mp.log1p(r),
        ROOT_HALF - 1,
        mp.sqrt(2) - 1,
    ),
    Task(
        "LOG_CLOSE",
        "(log(1 + r) - r) / r^2 on -1/64 <= r <= 1/32",
        2,
        None,
        lambda r: (mp.log1p(r) - r) / r**2,
        lambda r: r**2 / mp.log1p(r),
        mp.mpf(-1) / 64,
        mp.mpf(1) / 32,
    ),
    Task(
        "LOG2_CLOSE",
        "(log2(1 + r) - r*log2(e)) / r^2 on the same; absolute error of log2(1 + r)",
        1,
        None,
        lambda r: (mp.log1p(r) - r) / (mp.log(2) * r**2),
        lambda r: r**2,
        mp.mpf(-1) / 64,
        mp.mpf(1) / 32,
    ),
    Task(
        "LOG_QUOTIENT",
        "(log((1 + s)/(1 - s)) - 2s) / s^3 in z = s^2, |s| <= 0.1716",
        None,
        6,
        atanh_scaled(ONE),
        atanh_weight(ONE),
        mp.mpf(0),
        LOG_TOP,
    ),
    Task(
        "LOG2_QUOTIENT",
        "(log2((1 + s)/(1 - s)) - 2s*log2(e)) / s^3 in z = s^2, |s| <= 0.1716",
        3,
        None,
        atanh_scaled(1 / mp.log(2)),
        atanh_weight(1 / mp.log(2)),
        mp.mpf(0),
        LOG_TOP,
    ),
    Task(
        "LOG2_NARROW",
        "the same for |s| <= 0.0578",
        None,
        4,
        atanh_scaled(1 / mp.log(2)),
        atanh_weight(1 / mp.log(2)),
        mp.mpf(0),
        THIRD_TOP * mp.mpf("1.001"),
    ),
    Task(
        "EXP",
        "(exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2",
        4,
        9,
        lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / mp.expm1(r),
        -HALF_LN2,
        HALF_LN2,
    ),
    Task(
        "EXP2",
        "(2^r - 1) / r on |r| <= 1/2",
        5,
        10,
        lambda r: mp.expm1(r * mp.log(2)) / r,
        lambda r: r / mp.power(2, r),
        mp.mpf("-0.5005"),
        mp.mpf("0.5005"),
    ),
    Task(
        "SINH",
        "(sinh(r)/r - 1) / r^2 in z = r^2, |r| <= ln(2)/2",
        1,
        4,
        odd_rest(mp.sinh),
        odd_weight(mp.sinh),
        mp.mpf(0),
        HALF_LN2**2,
    ),
    Task(
        "COSH",
        "(cosh(r) - 1 - r^2/2) / r^4 in z = r^2, |r| <= ln(2)/2",
        1,
        3,
        lambda z: (mp.cosh(root(z)) - 1 - z / 2) / z**2,
        lambda z: z**2 / mp.cosh(root(z)),
        mp.mpf(0),
        HALF_LN2**2,
    ),
    Task(
        "SIN",
        "(sin(r)/r - 1) / r^2 in z = r^2, |r| <= pi/4",
        2,
        5,
        odd_rest(mp.sin),
        odd_weight(mp.sin),
        mp.mpf(0),
        ANGLE,
    ),
    Task(
        "COS",
        "(cos(r) - 1 + r^2/2) / r^4 in z = r^2, |r| <= pi/4",
        2,
        5,
        lambda z: (mp.cos(root(z)) - 1 + z / 2) / z**2,
        lambda z: z**2 / mp.cos(root(z)),
        mp.mpf(0),
        ANGLE,
    ),
    Task(
        "ARCTAN",
        "(arctan(t)/t - 1) / t^2 in z = t^2, |t| <= tan(pi/8)",
        4,
        10,
        odd_rest(mp.atan),
        odd_weight(mp.atan),
        mp.mpf(0),
        TAN_EIGHTH**2,
    ),
    Task(
        "ARCSIN",
        "(arcsin(t)/t - 1) / t^2 in z = t^2, |t| <= 1/2",
        5,
        12,
        odd_rest(mp.asin),
        odd_weight(mp.asin),
        mp.mpf(0),
        mp.mpf("0.2501"),
    ),
)


def nodes(low: mp.mpf, high: mp.mpf, count: int) -> list[mp.mpf]:
    """Chebyshev's extreme points, pulled in by a hair: the functions' forms are not defined at zero."""
    middle, half = (low + high) / 2, (high - low) / 2
    hair = mp.mpf("1e-9")
    return [middle - half * (1 - hair) * mp.cos(mp.pi * i / (count - 1)) + half * hair * hair for i in range(count)]


def value(coefficients: list[mp.mpf], u: mp.mpf) -> mp.mpf:
    total = mp.mpf(0)
    for c in reversed(coefficients):
        total = total * u + c
    return total


def remez(function: Real, weight: Real, low: mp.mpf, high: mp.mpf, degree: int) -> list[mp.mpf]:
    """Minimax coefficients of ``function`` under the weight."""
    points = nodes(low, high, degree + 2)
    grid = nodes(low, high, 32 * (degree + 2))
    known = [(function(u), weight(u)) for u in grid]
    coefficients: list[mp.mpf] = []
    for _ in range(12):
        matrix, right = mp.matrix(degree + 2), mp.matrix(degree + 2, 1)
        for i, u in enumerate(points):
            for j in range(degree + 1):
                matrix[i, j] = u**j
            matrix[i, degree + 1] = (-1) ** i / abs(weight(u))
            right[i] = function(u)
        solved = mp.lu_solve(matrix, right)
        coefficients = [solved[j] for j in range(degree + 1)]
        level = abs(solved[degree + 1])
        errors = [(f - value(coefficients, u)) * abs(w) for u, (f, w) in zip(grid, known, strict=True)]
        points = alternation(grid, errors, degree + 2)
        if max(abs(e) for e in errors) < level * mp.mpf("1.001"):
            break
    return coefficients


def alternation(grid: list[mp.mpf], errors: list[mp.mpf], count: int) -> list[mp.mpf]:
    """The largest error of every run of one sign; the smallest runs at the ends are dropped down to ``count``."""
    runs: list[tuple[mp.mpf, mp.mpf]] = []
    for u, e in zip(grid, errors, strict=True):
        if runs and (runs[-1][1] < 0) == (e < 0):
            runs[-1] = max(runs[-1], (u, e), key=lambda pair: abs(pair[1]))
        else:
            runs.append((u, e))
    while len(runs) > count:
        runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
    if len(runs) < count:
        raise ArithmeticError(f"only {len(runs)} of {count} alternations")
    return [u for u, _ in runs]


def rounded(c: mp.mpf, bits: int) -> float:
    """The nearest float of 24 or 53 bits (none of the coefficients is denormal)."""
    number = float(c)
    return float(struct.unpack("<f", struct.pack("<f", number))[0]) if bits == 32 else number


def derive(task: Task, degree: int, bits: int) -> tuple[list[float], float]:
    """The rounded coefficients and the largest weighted error before rounding."""
    exact = remez(task.function, task.weight, task.low, task.high, degree)
    grid = nodes(task.low, task.high, 400)
    error = max(abs(task.weight(u) * (task.function(u) - value(exact, u))) for u in grid)
    return [rounded(c, bits) for c in exact], float(error)


def cells(low_half: bool) -> list[tuple[mp.mpf, mp.mpf]]:
    """The 32 intervals of [1, 2) that the first five bits of a fraction tell apart; ``low_half``: of [3/4, 3/2)."""
    result = []
    for i in range(32):
        shrink = 2 if low_half and i >= 16 else 1
        result.append(((1 + mp.mpf(i) / 32) / shrink, (1 + mp.mpf(i + 1) / 32) / shrink))
    return result


def table(low_half: bool, base: mp.mpf, digits: int | None) -> list[tuple[float, float]]:
    """For each interval a float32 c near 1/m, and -log(c) to ``base``, of ``digits`` binary places or a float32.

    Of thousands of c beside the best the one is taken whose logarithm is nearest to such a number. Where the interval
    begins or ends with a power of two, c is its reciprocal exactly.
    """
    result = []
    for low, high in cells(low_half):
        edge = next((e for e in (low, high) if mp.frexp(e)[0] == mp.mpf("0.5")), None)
        if edge is not None:
            result.append((float(1 / edge), float(mp.log(edge) / mp.log(base))))
            continue
        bits = struct.unpack("<I", struct.pack("<f", float(2 / (low + high))))[0]
        best = (1.0, 0.0, 0.0)
        for offset in range(-20_000, 20_001):
            (c,) = struct.unpack("<f", struct.pack("<I", bits + offset))
            exact = -math.log(c) / float(mp.log(base))
            near = rounded(mp.mpf(exact), 32) if digits is None else round(exact * 2**digits) / 2**digits
            best = min(best, (abs(exact - near), c, near))
        result.append(best[1:])
    return result


TABLES = (
    ("LOG_TABLE", "c near 1/m and -log(c), 16 binary places of it, for m in [3/4, 3/2)", (True, mp.e, 16)),
    ("LOG2_TABLE", "c near 1/m and -log2(c) for m in [1, 2)", (False, mp.mpf(2), None)),
)


HEADER = '''"""Minimax polynomials and two tables, written by benchmarks/derive_polynomials.py, which explains how.

``NAME[bits]`` holds the coefficients, the constant term first, of the polynomial used in float32 or float64 arithmetic.
Above each: the largest relative error that the approximation alone brings into the function's result.
"""

from __future__ import annotations

__all__ = [
'''


def main() -> None:
    lines = [HEADER.rstrip("\n")]
    names = [task.name for task in TASKS] + [name for name, _, _ in TABLES]
    lines += [f'    "{name}",' for name in sorted(names)] + ["]", ""]
    for task in TASKS:
        body = []
        errors = []
        for bits, degree in ((32, task.degree32), (64, task.degree64)):
            if degree is None:
                continue
            coefficients, error = derive(task, degree, bits)
            errors.append(f"float{bits} {error:.1e}")
            body.append(f"    {bits}: (")
            body += [f"        {c!r}," for c in coefficients]
            body.append("    ),")
        lines += [f"# {task.meaning}; error {', '.join(errors)}"]
        lines += [f"{task.name}: dict[int, tuple[float, ...]] = {{", *body, "}", ""]
        print(task.name, errors, flush=True)
    for name, meaning, how in TABLES:
        rows = [f"    ({factor!r}, {log!r})," for factor, log in table(*how)]
        lines += [f"# {meaning}, by the first five bits of its fraction", f"{name} = (", *rows, ")", ""]
    TARGET.write_text("\n".join(lines).rstrip("\n") + "\n")


if __name__ == "__main__":
    main()
