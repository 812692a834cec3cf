"""What a named distance is: a formula with a name, its parameters, its domain and what is claimed of it.

Each file in ``distances/`` defines one (``DISTANCE = Distance(...)``), or the variants of one idea
(``DISTANCES = (Distance(...), ...)``). Nothing else has to know of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from anear.errors import ArgumentError
from anear.formula.expression import Expr, x, y
from anear.formula.graph import substitute
from anear.formula.parse import parse
from anear.formula.show import show
from anear.spaces.domain import REAL, Domain

__all__ = ["CLAIMS", "METRIC", "NON_NEGATIVE_ZERO", "Distance", "Formula", "Parameter", "Resolved", "swapped"]

CLAIMS: Final = frozenset({"symmetric", "non_negative", "zero_on_diagonal", "triangle"})
METRIC: Final = CLAIMS
"""All four: a metric, or a pseudo-metric that may be 0 for distinct rows (``angular``: rows of one direction)."""
NON_NEGATIVE_ZERO: Final = frozenset({"non_negative", "zero_on_diagonal"})

Formula = str | Callable[..., "str | Expr"]
_KINDS: Final = {"number": "a number", "vector": "a vector of numbers", "matrix": "a square matrix of numbers"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number, vector or matrix that a distance depends on.

    Attributes
    ----------
    name, meaning : how it is spelt, and one line on what it does.
    kind : "number", "vector" (one value a coordinate) or "matrix" (D, D).
    default : the value if none is given; None means that the parameter is left out.
    required : whether it must be given; ``alternative`` names another parameter that may be given in its place.
    low, high, low_open, high_open : the range of a number, or of each element of a vector.
    excluded : single numbers inside the range that are not allowed.
    """

    name: str
    meaning: str
    kind: str = "number"
    default: float | None = None
    required: bool = False
    alternative: str = ""
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    excluded: tuple[float, ...] = ()

    @property
    def allowed(self) -> str:
        """The kind and the range in words, for messages and listings: ``a number, 0 < p <= inf``."""
        text = _KINDS[self.kind]
        if self.low > -math.inf or self.high < math.inf or self.low_open or self.high_open:
            left = f"{_short(self.low)} {'<' if self.low_open else '<='} " if self.low > -math.inf else ""
            right = f" {'<' if self.high_open else '<='} {_short(self.high)}"
            text += f", {left}{self.name}{right}" if left or self.high < math.inf or self.high_open else ""
        if self.excluded:
            text += f", not {' or '.join(_short(v) for v in self.excluded)}"
        return text

    def validate(self, value: Any, distance: str) -> Any:
        """The value as a float or as a float64 array; ArgumentError if it is not what the parameter takes."""
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            array = None
        dimensions = {"number": 0, "vector": 1, "matrix": 2}[self.kind]
        square = self.kind != "matrix" or (array is not None and array.ndim == 2 and array.shape[0] == array.shape[1])
        if isinstance(value, bool) or array is None or array.ndim != dimensions or array.size == 0 or not square:
            raise self._error(value, distance)
        bad = np.isnan(array) | (array <= self.low if self.low_open else array < self.low)
        bad |= array >= self.high if self.high_open else array > self.high
        bad |= np.isin(array, self.excluded)
        if self.kind != "number":
            bad |= np.isinf(array)
        if bad.any():
            raise self._error(value, distance)
        return float(array) if self.kind == "number" else array

    def _error(self, value: Any, distance: str) -> ArgumentError:
        if isinstance(value, np.ndarray):
            value = value.tolist() if value.size <= 8 else value
        shown = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
        return ArgumentError(f"{distance}: parameter {self.name} is {shown}; allowed: {self.allowed}")


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance with a name. ``x`` is the query and ``y`` the point; smaller is nearer.

    Attributes
    ----------
    name : the canonical name (lower case, underscores).
    formula : text in the formula language, or a function of the parameters that returns text or an expression.
    summary : one line.
    aliases : other names; letter case, ``-`` and ``_`` never matter.
    parameters : what it depends on.
    query_domain, point_domain : the rows that it is defined on, or functions of the parameters.
    claims : what holds on that domain, a subset of ``CLAIMS``, or a function of the parameters.
    reference : where the definition comes from.
    notes : which definition it is where several are in use, and what zeros and negative values get.
    """

    name: str
    formula: Formula
    summary: str
    aliases: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    query_domain: Domain | Callable[..., Domain] = REAL
    point_domain: Domain | Callable[..., Domain] = REAL
    claims: frozenset[str] | Callable[..., frozenset[str]] = frozenset()
    reference: str = ""
    notes: str = ""

    def bind(self, params: Mapping[str, Any] | None = None) -> Resolved:
        """The distance with its parameters checked and put in.

        >>> from anear.spaces import lookup
        >>> lookup.find("lp").bind({"p": 3}).label
        'minkowski:p=3.0'
        """
        values = self._validated(params or {})
        made = self.formula(**values) if callable(self.formula) else self.formula
        if isinstance(made, str):
            made = parse(made)
        return Resolved(
            name=self.name,
            expr=made,
            params=values,
            query_domain=self._at(self.query_domain, values),
            point_domain=self._at(self.point_domain, values),
            claims=self._at(self.claims, values),
            distance=self,
        )

    def formula_text(self, params: Mapping[str, Any] | None = None) -> str:
        """The formula as text: as written where it is fixed, else with the given (or default) parameters put in."""
        if isinstance(self.formula, str):
            return self.formula
        made = self.formula(**self._validated(params or {}))
        return made if isinstance(made, str) else show(made)

    def _validated(self, params: Mapping[str, Any]) -> dict[str, Any]:
        known = {p.name: p for p in self.parameters}
        for name in params:
            if name not in known:
                takes = f"it takes {', '.join(known)}" if known else "it takes none"
                raise ArgumentError(f"{self.name} has no parameter {name!r}; {takes}")
        values: dict[str, Any] = {}
        for name, parameter in known.items():
            value = params.get(name)
            if value is not None:
                values[name] = parameter.validate(value, self.name)
            elif parameter.required and params.get(parameter.alternative) is None:
                instead = f" or {parameter.alternative}" if parameter.alternative else ""
                raise ArgumentError(
                    f"{self.name} needs parameter {name}{instead}: {parameter.meaning} ({parameter.allowed})"
                )
            else:
                values[name] = parameter.default
        return values

    @staticmethod
    def _at(declared: Any, values: Mapping[str, Any]) -> Any:
        return declared(**values) if callable(declared) else declared


@dataclass(frozen=True, slots=True, eq=False)  # parameters may be arrays, whose == is no truth value
class Resolved:
    """What a user asked for, ready to be compiled.

    Attributes
    ----------
    name : the distance's canonical name; None for a formula of the user's own.
    expr : the formula.
    params : the parameters that were put in.
    query_domain, point_domain : what is checked before a search; ``domain.check(rows, what, label)``.
    claims : what holds on that domain; empty for a user's own formula, whose properties are worked out instead.
    distance : the named distance, or None.
    """

    name: str | None
    expr: Expr
    params: Mapping[str, Any]
    query_domain: Domain
    point_domain: Domain
    claims: frozenset[str]
    distance: Distance | None

    @property
    def label(self) -> str:
        """The name with the numbers it was given, as it can be written again; "the formula" if it has no name."""
        if self.name is None:
            return "the formula"
        given = {name: value for name, value in self.params.items() if value is not None}
        shown = [
            f"{name}={value!r}" if isinstance(value, float) else f"{name}=<array>" for name, value in given.items()
        ]
        return f"{self.name}:{','.join(shown)}" if shown else self.name


def swapped(distance: Distance, name: str, aliases: tuple[str, ...], summary: str) -> Distance:
    """The same distance with query and point exchanged: the *right query* of an asymmetric one."""
    original = distance.formula
    exchanged: Formula
    if isinstance(original, str):
        exchanged = _exchanged_text(original)
    else:
        made = original

        def exchanged(**params: Any) -> str | Expr:
            formula = made(**params)
            return _exchanged_text(formula) if isinstance(formula, str) else substitute(formula, {x: y, y: x})

    return replace(
        distance,
        name=name,
        aliases=aliases,
        summary=summary,
        formula=exchanged,
        query_domain=distance.point_domain,
        point_domain=distance.query_domain,
    )


def _exchanged_text(formula: str) -> str:
    return re.sub(r"\b[xy]\b", lambda found: "y" if found[0] == "x" else "x", formula)


def _short(value: float) -> str:
    return f"{value:g}"
