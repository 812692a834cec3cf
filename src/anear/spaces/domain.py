"""What values a distance takes, and the check that refuses the others before any work is lost.

A domain is a few rules. A rule bounds the values themselves (``>= 0``), one column (the height of a point in the
half-space), or a number measured on each row (its norm). Everything is checked in chunks of a few megabytes, and a rule
on values looks at minima and maxima first, so that clean data costs one pass in its own type and no copy.

NaN passes every rule: whether NaN may occur is not the distance's business and is decided where data comes in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError, DomainError

__all__ = [
    "BINARY",
    "HYPERBOLOID",
    "INTEGERS",
    "LATITUDE_LONGITUDE",
    "NON_CONSTANT",
    "NON_NEGATIVE",
    "NON_ZERO",
    "POSITIVE",
    "REAL",
    "UNIT_BALL",
    "UNIT_INTERVAL",
    "UPPER_HALF_SPACE",
    "Domain",
    "Rule",
]

_FloatArray = npt.NDArray[np.float64]
_CHUNK_VALUES: Final = 1 << 18  # 2 MB as float64: stays in a second-level cache
_TINY_ANGLE: Final = 1e-6  # float32 rounds pi/2 upwards; degrees are wrong by far more than this


@dataclass(frozen=True, slots=True)
class Rule:
    """A range that values, a column, or a number measured on each row must lie in.

    Attributes
    ----------
    low, high : the bounds; ``low_open`` and ``high_open`` leave the bound itself out.
    integer : whether only whole numbers are allowed.
    column : the one column the rule is about; None for all of them.
    measure : a function of a chunk (rows, columns) of any type giving one float64 a row, which is then bounded
        instead of the values; ``of`` says in words what it measures.
    """

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    column: int | None = None
    measure: Callable[[npt.NDArray[Any]], _FloatArray] | None = None
    of: str = ""

    def refused(self, values: _FloatArray) -> npt.NDArray[np.bool_]:
        """Where the values break the rule; NaN breaks none."""
        bad = (values <= self.low) & (self.low > -math.inf) if self.low_open else values < self.low
        bad |= (values >= self.high) & (self.high < math.inf) if self.high_open else values > self.high
        if self.integer:
            bad |= np.isfinite(values) & (values != np.floor(values))
        return bad

    def clean(self, rows: npt.NDArray[Any]) -> bool:
        """Whether the minimum and maximum alone prove that plain values keep the rule."""
        if self.integer and rows.dtype.kind not in "iu":
            return False
        if math.isfinite(self.low):
            least = float(rows.min())
            if not (least > self.low if self.low_open else least >= self.low):
                return False
        if math.isfinite(self.high):
            most = float(rows.max())
            if not (most < self.high if self.high_open else most <= self.high):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Domain:
    """The set of rows a distance is defined on.

    Attributes
    ----------
    name : a short name, shown in listings.
    allowed : the set in words, for error messages.
    rules : what is checked, in this order.
    columns : the number of columns where only one makes sense (latitude and longitude), else None.
    min_columns : the least number of columns.
    """

    name: str
    allowed: str
    rules: tuple[Rule, ...] = ()
    columns: int | None = None
    min_columns: int = 1

    def at_a_glance(self) -> tuple[float, bool] | None:
        """(above, not_zero): what rows are inside if all their numbers are above the one, and not all zero if the other
        says so; None where it takes more to know.

        >>> POSITIVE.at_a_glance(), NON_ZERO.at_a_glance(), INTEGERS.at_a_glance()
        ((0.0, False), (-inf, True), None)
        """
        if self.columns is not None or self.min_columns > 1 or len(self.rules) > 1:
            return None
        if not self.rules:
            return -math.inf, False
        (rule,) = self.rules
        if rule.measure is _any_non_zero:
            return -math.inf, True
        if rule.measure is not None or rule.column is not None or rule.integer or rule.high != math.inf:
            return None
        return rule.low if rule.low_open else math.nextafter(rule.low, -math.inf), False

    def check(self, rows: npt.NDArray[Any], what: str, name: str) -> None:
        """Refuse rows outside the domain.

        Parameters
        ----------
        rows : array (n, D), or (D,) for a single row, of any real type.
        what : the argument's name, for the message ("points", "queries").
        name : the distance's name, for the message.

        Raises
        ------
        DomainError
            naming argument, row, column, value, what is allowed, and how to skip the check.
        ArgumentError
            if the number of columns makes no sense for the distance.

        >>> NON_NEGATIVE.check(np.array([[1.0, 2.0], [0.5, -3.0]]), "points", "chi_square")
        Traceback (most recent call last):
        ...
        anear.errors.DomainError: points[1, 1] is -3.0, but chi_square takes only numbers >= 0 there; ...
        """
        if not self.rules and self.columns is None and self.min_columns <= 1:
            return
        rows = np.atleast_2d(rows)
        self._check_columns(rows.shape[1], what, name)
        for start, chunk in _chunks(rows):
            for rule in self.rules:
                self._check_rule(rule, chunk, start, what, name)

    def _check_columns(self, count: int, what: str, name: str) -> None:
        if self.columns is not None and count != self.columns:
            raise ArgumentError(f"{what} has {count} columns, but {name} takes {self.columns}: {self.allowed}")
        least = self.min_columns
        if count < least:
            raise ArgumentError(f"{what} has {count} columns, but {name} takes at least {least}: {self.allowed}")

    def _check_rule(self, rule: Rule, chunk: npt.NDArray[Any], start: int, what: str, name: str) -> None:
        part = chunk if rule.column is None else chunk[:, rule.column, None]
        if rule.measure is None and rule.clean(part):
            return
        values = rule.measure(part)[:, None] if rule.measure is not None else part.astype(np.float64, copy=False)
        if rule.measure is not None and rule.clean(values):
            return
        bad = rule.refused(values)
        if not bad.any():
            return
        row, column = (int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
        value = float(values[row, column])
        if rule.measure is not None:
            place = f"{what}[{start + row}] has {rule.of} {value!r}"
        else:
            place = f"{what}[{start + row}, {column if rule.column is None else rule.column}] is {value!r}"
        raise DomainError(f"{place}, but {name} takes only {self.allowed} there; check_domain=False skips this check")


def _chunks(rows: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """(first row, rows) in pieces of bounded size."""
    step = max(1, _CHUNK_VALUES // max(1, rows.shape[1]))
    for start in range(0, rows.shape[0] if rows.shape[1] else 0, step):
        yield start, rows[start : start + step]


def _norm(rows: npt.NDArray[Any]) -> _FloatArray:
    wide = rows.astype(np.float64, copy=False)
    squares: _FloatArray = np.einsum("ij,ij->i", wide, wide)
    return np.sqrt(squares)


def _any_non_zero(rows: npt.NDArray[Any]) -> _FloatArray:
    found: npt.NDArray[np.bool_] = rows[:, rows.shape[1] // 2] != 0  # of most rows one look says it
    rest = np.flatnonzero(~found)
    if len(rest):
        found[rest] = (rows[rest] != 0).any(axis=1)
    return found.astype(np.float64, copy=False)


def _spread(rows: npt.NDArray[Any]) -> _FloatArray:
    spread: _FloatArray = rows.max(axis=1).astype(np.float64) - rows.min(axis=1).astype(np.float64)
    return spread


def _off_hyperboloid(rows: npt.NDArray[Any]) -> _FloatArray:
    """How far x0^2 - |x[1:]|^2 is from 1, relative to x0^2 (the size of what cancels)."""
    squares = rows.astype(np.float64) ** 2
    off: _FloatArray = np.abs(squares[:, 0] - squares[:, 1:].sum(axis=1) - 1.0)
    return off / np.maximum(squares[:, 0], 1.0)


REAL: Final = Domain("real", "real numbers")
NON_NEGATIVE: Final = Domain("non_negative", "numbers >= 0", (Rule(low=0.0),))
POSITIVE: Final = Domain("positive", "numbers > 0", (Rule(low=0.0, low_open=True),))
UNIT_INTERVAL: Final = Domain("unit_interval", "numbers from 0 to 1", (Rule(low=0.0, high=1.0),))
INTEGERS: Final = Domain("integers", "whole numbers", (Rule(integer=True),))
BINARY: Final = Domain("binary", "the numbers 0 and 1", (Rule(low=0.0, high=1.0, integer=True),))
NON_ZERO: Final = Domain(
    "non_zero",
    "rows that are not all zero",
    (Rule(low=0.0, low_open=True, measure=_any_non_zero, of="the largest magnitude"),),
)
NON_CONSTANT: Final = Domain(
    "non_constant",
    "rows whose values are not all equal",
    (Rule(low=0.0, low_open=True, measure=_spread, of="the spread (max - min)"),),
    min_columns=2,
)
UNIT_BALL: Final = Domain(
    "unit_ball", "rows of norm < 1", (Rule(high=1.0, high_open=True, measure=_norm, of="the norm"),)
)
UPPER_HALF_SPACE: Final = Domain(
    "upper_half_space", "numbers > 0 in column 0", (Rule(low=0.0, low_open=True, column=0),)
)
HYPERBOLOID: Final = Domain(
    "hyperboloid",
    "rows on the hyperboloid x[0]**2 - sum(x[1:]**2) = 1, x[0] >= 1,",
    (
        Rule(low=1.0 - 1e-6, column=0),
        Rule(high=1e-3, measure=_off_hyperboloid, of="|x[0]**2 - sum(x[1:]**2) - 1| / x[0]**2 ="),
    ),
    min_columns=2,
)
LATITUDE_LONGITUDE: Final = Domain(
    "latitude_longitude",
    "latitude (-pi/2 to pi/2) and longitude (-2*pi to 2*pi) in radians",
    (
        Rule(low=-math.pi / 2 - _TINY_ANGLE, high=math.pi / 2 + _TINY_ANGLE, column=0),
        Rule(low=-2 * math.pi - _TINY_ANGLE, high=2 * math.pi + _TINY_ANGLE, column=1),
    ),
    columns=2,
)
