"""Whether a distance is a metric on the data at hand, and if not, what it lacks."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from anear.formula.expression import Expr, number
from anear.formula.hoist import fields
from anear.formula.outer import apply_outer
from anear.formula.properties import Properties, properties
from anear.spaces.domain import Domain, Rule
from anear.spaces.space import Resolved

__all__ = ["NEEDED", "convex", "is_positive", "known", "lacking", "never_negative", "symmetric"]

NEEDED: Final = ("symmetric", "non_negative", "zero_on_diagonal", "triangle")
"""What makes a metric."""

known = lru_cache(maxsize=256)(properties)
"""The properties of a formula, remembered: some proofs take a tenth of a second."""


def is_positive(resolved: Resolved) -> bool:
    """Whether all numbers of queries and points are positive, or 0."""
    return _positive(resolved.query_domain) and _positive(resolved.point_domain)


def _positive(domain: Domain) -> bool:
    """Whether all it asks for is that no number is negative."""
    return bool(domain.rules) and all(
        rule == Rule(low=rule.low, low_open=rule.low_open) and rule.low >= 0 for rule in domain.rules
    )


def lacking(resolved: Resolved, checked: bool) -> str | None:
    """The first property of a metric that is neither proved nor claimed, with the reason; None if there is none.

    ``checked``: the data keep to the distance's domain, on which its claims hold.
    """
    if fields(resolved.expr, "query") or fields(resolved.expr, "point"):
        return "it depends on fields, beside the coordinates"
    found = known(resolved.expr, checked and is_positive(resolved))
    for name in NEEDED:
        finding = getattr(found, name)
        if finding != "proved" and not (checked and name in resolved.claims):
            verdict = "fails" if finding == "refuted" else "is not proved"
            return f"{_WORDS[name]} {verdict}: {finding.reason}"
    return None


_WORDS: Final = {
    "symmetric": "symmetry",
    "non_negative": "being never negative",
    "zero_on_diagonal": "being 0 from an object to itself",
    "triangle": "the triangle inequality",
}


def convex(resolved: Resolved, checked: bool) -> bool:
    """Whether the distance surely is a metric at the means of points as well."""
    found: Properties = known(resolved.expr, checked and is_positive(resolved))
    if all(getattr(found, name) == "proved" for name in NEEDED):
        return True
    domains = (resolved.query_domain, resolved.point_domain)
    return all(rule.measure is None and not rule.integer for domain in domains for rule in domain.rules)


def symmetric(resolved: Resolved, checked: bool) -> bool:
    """Whether two objects are surely as far apart from either side."""
    if fields(resolved.expr, "query") or fields(resolved.expr, "point"):
        return False
    claimed = checked and "symmetric" in resolved.claims
    return claimed or known(resolved.expr, checked and is_positive(resolved)).symmetric == "proved"


def never_negative(resolved: Resolved, outer: Expr, checked: bool) -> bool:
    """Whether no rank is surely below 0, so that ranks may be compared by their ratios: ``outer`` makes 0 of 0."""
    zero = apply_outer(outer, number(0.0))
    if zero.op != "number" or zero.value != 0.0:
        return False
    claimed = checked and "non_negative" in resolved.claims
    return claimed or known(resolved.expr, checked and is_positive(resolved)).non_negative == "proved"
