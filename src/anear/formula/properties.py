"""What is known of a formula as a distance: proved from its structure, refuted by an example, or unknown."""

from __future__ import annotations

from dataclasses import dataclass, fields

from anear.formula.expression import Expr

__all__ = ["Finding", "Properties", "properties"]


class Finding(str):
    """ "proved", "refuted" or "unknown", with the ``reason`` in words."""

    reason: str

    def __new__(cls, verdict: str, reason: str) -> Finding:
        self = super().__new__(cls, verdict)
        self.reason = reason
        return self


@dataclass(frozen=True, slots=True)
class Properties:
    """One finding a property."""

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
        return "\n".join(f"{f.name.replace('_', ' '):22s} {getattr(self, f.name)}: {getattr(self, f.name).reason}" for f in fields(self))


def properties(expr: Expr) -> Properties:
    """What can be said of a scalar formula."""
    return Properties(*[Finding("unknown", "not examined")] * 9)
