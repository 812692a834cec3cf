"""From what a user writes to a distance: a name, ``"lp:p=3"``, a formula's text, an expression or a ``Distance``.

The list of distances is the listing of the folder ``distances/``; nothing is registered by hand. The files are read at
the first lookup that needs them: a canonical name that is also a file's name reads that file alone.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Final

from anear.errors import ArgumentError, FormulaError
from anear.formula.expression import Expr
from anear.formula.parse import parse
from anear.spaces import distances
from anear.spaces.domain import REAL
from anear.spaces.space import Distance, Resolved

__all__ = ["all_distances", "find", "names", "normalized", "resolve"]

_NAMED: Final = re.compile(r"\s*([A-Za-z][\w\- ]*?)\s*(?::\s*(.*?)\s*)?", re.DOTALL)
_MEANT_AS_FORMULA: Final = re.compile(r"\b[xy]\b")
_SETTING: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*([^=,]+?)\s*")


def resolve(spec: str | Expr | Distance, **params: Any) -> Resolved:
    """What ``spec`` means.

    Parameters
    ----------
    spec : a distance's name or alias (``"euclidean"``, ``"KL-div"``), a name with numbers in NMSLIB's style
        (``"lp:p=3"``), a formula's text (``"sum(abs(x - y))"``), an expression, or a ``Distance``.
    params : parameters of a named distance; arrays can be given only here.

    Raises
    ------
    ArgumentError
        for an unknown name (the nearest ones are suggested), an unknown or unsuitable parameter, or parameters beside
        a formula.
    FormulaError
        for a text that is neither a name nor a formula, or a formula that is not a scalar.

    >>> resolve("lp:p=3").label
    'minkowski:p=3.0'
    >>> resolve("euclidian")
    Traceback (most recent call last):
    ...
    anear.errors.ArgumentError: unknown distance 'euclidian', and no formula either; did you mean 'euclidean', ...?
    """
    if isinstance(spec, Distance):
        return spec.bind(params)
    if isinstance(spec, Expr):
        return _formula(spec, params)
    if not isinstance(spec, str):
        raise ArgumentError(f"distance is {spec!r}; allowed: a name, a formula as text, an expression or a Distance")
    return _resolve_text(spec, params) if params else _resolve_plain(spec)


@lru_cache(maxsize=256)
def _resolve_plain(spec: str) -> Resolved:
    return _resolve_text(spec, {})


def _resolve_text(spec: str, params: Mapping[str, Any]) -> Resolved:
    match = _NAMED.fullmatch(spec)
    if match is None:
        return _formula(parse(spec), params)
    distance = _find(match[1])
    if distance is not None:
        return distance.bind(_merged(distance, match[2], params))
    try:
        expr = parse(spec)
    except FormulaError:
        if _MEANT_AS_FORMULA.search(spec):
            raise
        raise ArgumentError(f"unknown distance {match[1]!r}, and no formula either{_suggestion(match[1])}") from None
    return _formula(expr, params)


def _formula(expr: Expr, params: Mapping[str, Any]) -> Resolved:
    if params:
        given = ", ".join(sorted(params))
        raise ArgumentError(f"a formula takes no parameters, but {given} was given; write the value into the formula")
    if expr.is_vector:
        raise FormulaError("a distance is one number, but this formula is a vector: reduce it, as with sum(...)")
    return Resolved(None, expr, {}, REAL, REAL, frozenset(), None)


def _merged(distance: Distance, settings: str | None, params: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword parameters and those written behind the name."""
    values = dict(params)
    for setting in settings.split(",") if settings else ():
        match = _SETTING.fullmatch(setting)
        if match is None:
            raise ArgumentError(f"{distance.name}: {setting.strip()!r} is not of the form parameter=number")
        if match[1] in values:
            raise ArgumentError(f"{distance.name}: parameter {match[1]} is given twice")
        try:
            values[match[1]] = float(match[2])
        except ValueError:
            # Left as text: the parameter's own check knows what is allowed and says so.
            values[match[1]] = match[2]
    return values


def find(name: str) -> Distance:
    """The distance of this name or alias.

    >>> find("L2").name
    'euclidean'
    """
    distance = _find(name)
    if distance is None:
        raise ArgumentError(f"unknown distance {name!r}{_suggestion(name)}")
    return distance


def names(aliases: bool = False) -> tuple[str, ...]:
    """The canonical names in alphabetical order; with ``aliases`` all names."""
    found = [d.name for d in all_distances()]
    if aliases:
        found += [alias for d in all_distances() for alias in d.aliases]
    return tuple(sorted(found))


@lru_cache(maxsize=1)
def all_distances() -> tuple[Distance, ...]:
    """Every named distance, by name."""
    modules = (_module(name) for name in _files())
    return tuple(sorted((d for module in modules for d in _defined(module)), key=lambda d: d.name))


def normalized(name: str) -> str:
    """The form in which names are compared: lower case, without ``-``, ``_`` and blanks.

    >>> normalized("KL-Div_fast")
    'kldivfast'
    """
    return re.sub(r"[-_\s]", "", name).lower()


@lru_cache(maxsize=1024)
def _find(name: str) -> Distance | None:
    key = normalized(name)
    if "_".join(name.lower().replace("-", " ").split()) in _files():
        for distance in _defined(_module("_".join(name.lower().replace("-", " ").split()))):
            if normalized(distance.name) == key:
                return distance
    return _index().get(key)


@lru_cache(maxsize=1)
def _files() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(distances.__path__))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{distances.__name__}.{name}")


def _defined(module: ModuleType) -> tuple[Distance, ...]:
    """The distances of a file: its ``DISTANCES``, or its one ``DISTANCE``."""
    found: tuple[Distance, ...] = getattr(module, "DISTANCES", None) or (module.DISTANCE,)
    return found


@lru_cache(maxsize=1)
def _index() -> dict[str, Distance]:
    return {normalized(n): d for d in all_distances() for n in (d.name, *d.aliases)}


def _suggestion(name: str) -> str:
    """The nearest names in words, or where to find them all."""
    spelt = {normalized(n): n for n in reversed(names(aliases=True))}
    near = [spelt[key] for key in difflib.get_close_matches(normalized(name), spelt, n=3, cutoff=0.6)]
    if not near:
        return "; `anear distances` lists them all"
    quoted = [repr(n) for n in near]
    return f"; did you mean {' or '.join(quoted) if len(quoted) < 3 else f'{quoted[0]}, {quoted[1]} or {quoted[2]}'}?"
