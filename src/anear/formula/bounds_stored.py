"""Bounds as text, for a cache: proofs take milliseconds, reading takes microseconds."""

from __future__ import annotations

import json
from itertools import islice

from anear.formula.bounds import Bound
from anear.formula.expression import Expr
from anear.formula.serial import dumps, loads

__all__ = ["bound_from_text", "bound_to_text"]


def bound_to_text(found: Bound) -> str:
    """The text of a bound; its formulas must capture no arrays (:func:`anear.formula.serial.storable`).

    >>> from anear.formula import sum, x, y
    >>> from anear.formula.bounds import bound
    >>> found = bound(sum(abs(x - y)), 3)
    >>> bound_from_text(bound_to_text(found)) == found
    True
    """
    single = (found.lower, found.upper, found.coordinates, found.coordinate_error, found.split, found.minimiser)
    parts = (*single, *found.extras, *found.extra_errors)
    known = [part for part in parts if part is not None]
    facts = [found.proof, *map(_range_text, (found.query_range, found.point_range)), list(found.words)]
    return json.dumps([dumps(known), [part is not None for part in parts], facts])


def bound_from_text(text: str) -> Bound:
    """The bound of a text that :func:`bound_to_text` made."""
    formulas, present, (proof, query_range, point_range, words) = json.loads(text)
    known = iter(loads(formulas))
    parts = iter([next(known) if there else None for there in present])
    lower, upper, coordinates, error, split, minimiser = islice(parts, 6)
    rest = list(parts)
    extras, errors = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    return Bound(
        lower=_there(lower),
        upper=upper,
        coordinates=_there(coordinates),
        coordinate_error=error,
        extras=tuple(map(_there, extras)),
        extra_errors=tuple(errors),
        split=split,
        proof=proof,
        minimiser=minimiser,
        query_range=(float.fromhex(query_range[0]), float.fromhex(query_range[1])),
        point_range=(float.fromhex(point_range[0]), float.fromhex(point_range[1])),
        words=tuple(words),
    )


def _range_text(ends: tuple[float, float]) -> list[str]:
    return [float(end).hex() for end in ends]


def _there(part: Expr | None) -> Expr:
    assert part is not None
    return part
