"""What is known of a formula as a distance: proved from its structure, refuted by an example, or unknown.

    symmetric              f(x, y) = f(y, x)
    non_negative           f(x, y) >= 0
    zero_on_diagonal       f(x, x) = 0
    triangle               f(x, z) <= f(x, y) + f(y, z)
    separable              ordered as a sum (or maximum) over coordinates of functions of one coordinate each
    bregman                ordered as the divergence of a convex function
    convex                 f is convex in y
    scale_invariant        f(c*x, c*y) = f(x, y) for c > 0
    translation_invariant  f(x + t, y + t) = f(x, y)

Proofs are about numbers, not their rounding, and about arguments for which the formula is a number at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from anear.errors import FormulaError
from anear.formula.canonical import equal, on_diagonal, swapped
from anear.formula.convexity import Divergence, bregman, jensen
from anear.formula.curvature import curvature
from anear.formula.expression import ELEMENTWISE, Expr, make, query_field, walk, x, y
from anear.formula.graph import BOTH, POINT, Sides, size, substitute
from anear.formula.interpret import evaluate
from anear.formula.metric import metric_reason
from anear.formula.outer import RANK, apply_outer, split
from anear.formula.ranges import range_of
from anear.formula.shapes import lengths
from anear.formula.simplify import simplify

__all__ = ["Finding", "Properties", "measure", "properties"]

Floats = npt.NDArray[np.float64]

_TOLERANCE = 1e-7
_ROWS = 24
MOST_NODES = 150
"""No proofs are tried on larger formulas; counterexamples still are."""


class Finding(str):
    """The verdict "proved", "refuted" or "unknown" (it is that string), with its ``reason`` in words."""

    __slots__ = ("reason",)

    reason: str

    def __new__(cls, verdict: str, reason: str) -> Finding:
        """A finding."""
        self = super().__new__(cls, verdict)
        self.reason = reason
        return self


@dataclass(frozen=True, slots=True)
class Properties:
    """One finding a property; see the module for what each means."""

    symmetric: Finding
    non_negative: Finding
    zero_on_diagonal: Finding
    triangle: Finding
    separable: Finding
    bregman: Finding
    convex: Finding
    scale_invariant: Finding
    translation_invariant: Finding

    def __str__(self) -> str:
        found = ((f.name.replace("_", " "), getattr(self, f.name)) for f in fields(self))
        return "\n".join(f"{name:22s} {finding}: {finding.reason}" for name, finding in found)


def properties(expr: Expr, positive: bool = False) -> Properties:
    """What can be said of a scalar formula.

    Parameters
    ----------
    expr : the formula.
    positive : whether all coordinates are positive.

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> found = properties(sum(abs(x - y)))
    >>> str(found.triangle), found.triangle.reason.split(";")[0]
    ('proved', 'absolute differences of one function of both')
    """
    return _Examination(expr, positive).all()


def measure(expr: Expr, sample: npt.ArrayLike) -> dict[str, float]:
    """How far the properties of a metric hold on a sample of rows: for what is not proved.

    Parameters
    ----------
    expr : a scalar formula without fields.
    sample : rows (n, D); the first 200 are used.

    Returns
    -------
    The shares of the examined pairs (triples for "triangle") for which "symmetric", "non_negative", "zero_on_diagonal"
    and "triangle" hold, from 0 to 1. Pairs whose value is not a number are left out; nan where none is left.

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> measure(sum((x - y) ** 2), [[0.0], [1.0], [2.0]])["triangle"] < 1.0
    True
    """
    rows = np.atleast_2d(np.asarray(sample, dtype=np.float64))[:200]
    d = evaluate(expr, rows, rows)
    slack = _TOLERANCE * (1.0 + np.abs(d))
    paths = d[:, :, None] + d[None, :, :]  # from i over j to k
    with np.errstate(all="ignore"):
        return {
            "symmetric": _share(np.abs(d - d.T) <= slack, np.isfinite(d) & np.isfinite(d.T)),
            "non_negative": _share(d >= -slack, np.isfinite(d)),
            "zero_on_diagonal": _share(np.abs(np.diag(d)) <= _TOLERANCE, np.isfinite(np.diag(d))),
            "triangle": _share(d[:, None, :] <= paths + slack[:, None, :], np.isfinite(paths + d[:, None, :])),
        }


def _share(holds: npt.NDArray[np.bool_], counted: npt.NDArray[np.bool_]) -> float:
    return float(holds[counted].mean()) if counted.any() else float("nan")


class _Examination:
    """The search for proofs and counterexamples of one formula."""

    def __init__(self, expr: Expr, positive: bool) -> None:
        self.expr = simplify(expr)
        self.rank, self.outer = split(self.expr)
        self.positive = positive
        self.fields = any(node.op.endswith("_field") for node in walk(self.expr))
        self.samples = [] if self.fields else _samples(self.expr, positive)
        self.small = size(self.expr) <= MOST_NODES
        self.bregman = bregman(self.rank) if self.small else None
        self.jensen = jensen(self.rank) if self.small and self.bregman is None else None

    def all(self) -> Properties:
        """Every finding."""
        return Properties(
            symmetric=self._symmetric(),
            non_negative=self._non_negative(),
            zero_on_diagonal=self._zero(),
            triangle=self._triangle(),
            separable=self._separable(),
            bregman=self._bregman(),
            convex=self._convex(),
            scale_invariant=self._scale(),
            translation_invariant=self._translation(),
        )

    def _equal(self, other: Expr) -> bool:
        """Whether the rank is equal to another formula; large ones are not compared."""
        return self.small and equal(self.rank, other)

    def _refute(self, wrong: Callable[[Floats], str | None], otherwise: str) -> Finding:
        """Refuted if ``wrong`` finds something in the distances within a sample, else unknown."""
        for rows in self.samples:
            reason = wrong(evaluate(self.expr, rows, rows))
            if reason:
                return Finding("refuted", reason)
        checked = sum(len(rows) for rows in self.samples)
        return Finding("unknown", f"{otherwise}; no counterexample among {checked} random rows")

    def _symmetric(self) -> Finding:
        if self._equal(swapped(self.rank)):
            return Finding("proved", "exchanging x and y gives the same formula")

        def wrong(d: Floats) -> str | None:
            return _worst(
                np.abs(d - d.T) - _TOLERANCE * np.abs(d), lambda i, j: f"{d[i, j]:.6g} one way, {d[j, i]:.6g} back"
            )

        return self._refute(wrong, "exchanging x and y gives a formula that is not seen to be equal")

    def _range(self, expr: Expr) -> tuple[float, float]:
        return range_of(substitute(expr, {v: make("abs", v) for v in (x, y)}) if self.positive else expr)

    def _divergence(self) -> Divergence | None:
        found = self.bregman or self.jensen
        return found if found is not None and (not found.positive or self._defined_for_positive()) else None

    def _defined_for_positive(self) -> bool:
        """Whether negative coordinates cannot occur: they are excluded, or logarithms of them are no numbers."""
        return self.positive or any(node.op in ("log", "xlogy", "sqrt", "pow") for node in walk(self.rank))

    def _non_negative(self) -> Finding:
        if self._range(self.expr)[0] >= 0.0:
            return Finding("proved", "no value of its form is below 0")
        found = self._divergence()
        if found is not None and range_of(apply_outer(self.outer, make("abs", RANK)))[0] >= 0.0:
            return Finding("proved", found.reason)
        return self._refute(
            lambda d: _worst(-d - _TOLERANCE, lambda i, j: f"it takes the value {d[i, j]:.6g}"),
            "its form does not show that it cannot be below 0",
        )

    def _zero(self) -> Finding:
        if self.fields:
            return Finding("unknown", "it depends on fields")
        diagonal = on_diagonal(self.rank) if self.small else self.rank
        if diagonal.op == "number":
            value = apply_outer(self.outer, diagonal)
            if value.op == "number":
                zero = abs(value.value) <= 1e-15
                return Finding("proved" if zero else "refuted", f"f(x, x) is {0 if zero else value.value!r}")

        def wrong(d: Floats) -> str | None:
            diagonal = np.diag(np.abs(np.diag(d)))
            return _worst(diagonal - _TOLERANCE, lambda i, j: f"f(x, x) takes the value {d[i, i]:.6g}")

        return self._refute(wrong, "f(x, x) does not simplify to 0")

    def _triangle(self) -> Finding:
        if self.fields:
            return Finding("unknown", "it depends on fields")
        reason = metric_reason(self.expr, self.positive) if self.small else None
        if reason is not None:
            return Finding("proved", reason)

        def wrong(d: Floats) -> str | None:
            detour = (d[:, :, None] + d[None, :, :]).min(axis=1)
            return _worst(
                d - detour - _TOLERANCE * (1.0 + np.abs(d)),
                lambda i, j: f"{d[i, j]:.6g} directly, {detour[i, j]:.6g} over a third point",
            )

        return self._refute(wrong, "no rule or theorem shows it")

    def _separable(self) -> Finding:
        reason = _separable(self.rank, Sides()) if self.small else None
        if reason is None:
            return Finding("unknown", "not seen to be a sum or maximum of functions of one coordinate each")
        return Finding("proved", reason)

    def _bregman(self) -> Finding:
        if self.bregman is None:
            return Finding("unknown", "not seen to be the divergence of a convex function")
        order = "from the query to the point" if self.bregman.of_point else "from the point to the query"
        return Finding("proved", f"{self.bregman.reason}, {order}")

    def _convex(self) -> Finding:
        if self.small and curvature(self.expr) in ("convex", "affine", "constant"):
            return Finding("proved", "its operations keep convexity in y")
        found = self.bregman
        if found is not None and found.of_point and self.outer is RANK and self._divergence() is not None:
            return Finding("proved", f"{found.reason}, less a linear function of y")
        return Finding("unknown", "the rules of convex composition do not show it")

    def _scale(self) -> Finding:
        scale = make("exp", query_field("scale"))
        scaled = substitute(self.rank, {x: make("mul", scale, x), y: make("mul", scale, y)})
        if not self.fields and self._equal(scaled):
            return Finding("proved", "a common factor of both cancels")
        return self._moved(lambda rows: 1.7 * rows, "a common factor is not seen to cancel", "scaling both by 1.7")

    def _translation(self) -> Finding:
        shift = query_field("shift")
        moved = substitute(self.rank, {x: make("add", x, shift), y: make("add", y, shift)})
        if not self.fields and self._equal(moved):
            return Finding("proved", "a common addend of both cancels")
        return self._moved(lambda rows: rows + 0.01, "a common addend is not seen to cancel", "adding 0.01 to both")

    def _moved(self, move: Callable[[Floats], Floats], otherwise: str, what: str) -> Finding:
        for rows in self.samples:
            before, after = evaluate(self.expr, rows, rows), evaluate(self.expr, move(rows), move(rows))
            pair = _largest(np.abs(before - after) - _TOLERANCE * (1.0 + np.abs(before)))
            if pair:
                return Finding("refuted", f"for example {what} turns {before[pair]:.6g} into {after[pair]:.6g}")
        return Finding("unknown", otherwise)


def _largest(excess: Floats) -> tuple[int, int] | None:
    """The pair with the largest positive excess; None where there is none."""
    excess = np.where(np.isfinite(excess), excess, -1.0)
    i, j = np.unravel_index(int(np.argmax(excess)), excess.shape)
    return (int(i), int(j)) if excess[i, j] > 0.0 else None


def _worst(excess: Floats, describe: Callable[[int, int], str]) -> str | None:
    """What is to be said of that pair."""
    pair = _largest(excess)
    return None if pair is None else f"for example {describe(*pair)}"


def _separable(rank: Expr, sides: Sides) -> str | None:
    """Why a rank is a sum or maximum over coordinates."""
    if rank.op in ("sum", "max") and _of_one_coordinate(rank.args[0], sides):
        return f"ordered as the {'sum' if rank.op == 'sum' else 'maximum'} of functions of one coordinate each"
    if rank.op in ("add", "sub") and all(_sums(a, sides) for a in rank.args):
        return "ordered as the sum of functions of one coordinate each"
    if rank.op in ("neg", "mul", "div") and _sums(rank, sides):
        return "ordered as the sum of functions of one coordinate each"
    return None


def _sums(part: Expr, sides: Sides) -> bool:
    """Whether a combination of sums over coordinates, with numbers and the query's scalars in front."""
    if not sides(part) & POINT:
        return True
    if part.op in ("add", "sub"):
        return all(_sums(a, sides) for a in part.args)
    if part.op == "neg" or (part.op == "mul" and not sides(part.args[0]) & POINT):
        return _sums(part.args[-1], sides)
    if part.op == "div" and not sides(part.args[1]) & POINT:
        return _sums(part.args[0], sides)
    return part.op == "sum" and _of_one_coordinate(part.args[0], sides)


def _of_one_coordinate(vector: Expr, sides: Sides) -> bool:
    """Whether each coordinate is made of the same coordinate of the point (and anything of the query)."""
    return all(
        node.op in ELEMENTWISE or not node.args or not sides(node) & POINT
        for node in walk(vector)
        if not node.is_matrix
    ) and all(sides(n) != BOTH and not sides(n) & POINT for n in walk(vector) if not n.is_vector and n.op != "number")


def _samples(expr: Expr, positive: bool) -> list[Floats]:
    """Rows to look for counterexamples in: small positive ones, and if the formula takes them, others."""
    random = np.random.default_rng(20)
    dimension = _dimension(expr)
    if dimension is None:
        return []
    shape = (_ROWS, dimension)
    candidates = [random.uniform(0.02, 0.9 / dimension**0.5, shape)]
    if not positive:
        candidates.append(random.standard_normal(shape))
    # a formula that is undefined for some pairs has a domain that those rows do not keep to
    return [rows for rows in candidates if np.isfinite(evaluate(expr, rows, rows)).all()]


def _dimension(expr: Expr) -> int | None:
    """A dimension that the formula fits: that of its captured arrays, or a small one; None if none was found."""
    captured = [int(node.value.shape[-1]) for node in walk(expr) if node.op == "constant"]
    needed = [max(node.value + 1, -node.value) for node in walk(expr) if node.op == "index"]
    candidates: list[int] = [*captured, 4, 5, 6, 3, 2, 1, 8, *needed]
    for dimension in dict.fromkeys(candidates):
        try:
            lengths(expr, dimension)
        except FormulaError:
            continue
        return dimension
    return None
