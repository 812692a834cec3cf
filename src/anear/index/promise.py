"""What an index promises to find: a certificate of its recall, and the ladder of widths that it was measured on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from anear.errors import ArgumentError, FileFormatError

__all__ = [
    "EXACT",
    "GIVEN",
    "ITSELF",
    "PERTURBED",
    "Certificate",
    "Promise",
    "Step",
    "narrowest_proved",
    "promise_from_text",
]

# Of what queries the recall is.
EXACT: Final = "all queries: the method is exact"
GIVEN: Final = "queries drawn as the given ones were"
PERTURBED: Final = "made-up queries, points moved by the difference of two of their near neighbours"
ITSELF: Final = "the points themselves as queries, each without itself"


@dataclass(frozen=True, slots=True)
class Certificate:
    """How many of the true neighbours a search finds, with what is proved of it.

    The recall of a query is the share of its k answers that are as near as its k-th true neighbour, which an exact scan
    finds. ``lower_bound`` holds for the mean over *the queries that ``about`` names*, for the points that were there:
    it exceeds the truth with a chance of at most ``1 - confidence``, whenever sampling stopped
    (:mod:`anear.index.betting`). Queries of another kind may fare worse, filters are not covered, and no single query
    is promised anything: :meth:`Index.audit` measures others.

    Attributes
    ----------
    recall : what was asked for.
    k : the number of neighbours.
    ef : the width of the walk through a graph; None where the method is exact.
    estimate : the mean recall over the queries measured.
    lower_bound : of the mean recall; 1 for exact methods, by proof and not by measurement.
    confidence : of the lower bound.
    queries : how many were compared with the scan.
    points : how many points the index had.
    about : of what queries it is: those given, made-up ones, or all.
    seed : of the queries' choice.
    """

    recall: float
    k: int
    ef: int | None
    estimate: float
    lower_bound: float
    confidence: float
    queries: int
    points: int
    about: str
    seed: int

    @property
    def holds(self) -> bool:
        """Whether the recall asked for is proved, at the confidence, for the queries it is about."""
        return self.lower_bound >= self.recall

    def __str__(self) -> str:
        if self.about == EXACT:
            return f"recall 1: {self.about}"
        width = "" if self.ef is None else f" at ef={self.ef}"
        verdict = "" if self.holds else f", which does not prove the {self.recall:g} asked for"
        return (
            f"recall@{self.k} {self.estimate:.4f}{width}, at least {_down(self.lower_bound)} at {self.confidence:.0%} "
            f"confidence{verdict}; of {self.about}, {self.queries} of them compared with an exact scan of "
            f"{self.points} points"
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A width of the walk, the recall seen at it, and what it is at least."""

    ef: int
    estimate: float
    lower_bound: float


def narrowest_proved(ladder: Iterable[Step], recall: float) -> Step | None:
    """Of widths from the widest down, the last before the first that is not proved to reach a recall; or None."""
    found = None
    for step in ladder:
        if step.lower_bound < recall:
            break
        found = step
    return found


@dataclass(frozen=True, slots=True)
class Promise:
    """A certificate, and all widths measured with the same queries, the widest first.

    One width is chosen of many, and yet no bound needs to be made wider for it: for whatever recall, the widths are
    tested in an order that the data did not choose, until the first that fails (fixed-sequence testing; Angelopoulos et
    al., Learn then test, https://arxiv.org/abs/2110.01052).
    """

    certificate: Certificate
    ladder: tuple[Step, ...] = ()

    def ef(self, min_recall: float, k: int) -> int | None:
        """The width for a search that is to find so much; None where the method is exact."""
        proved = self.certificate
        if proved.about == EXACT:
            return None
        if k != proved.k:
            raise ArgumentError(
                f"min_recall was measured for k={proved.k}, and k is {k}; index.certify(recall, k={k}) measures it anew"
            )
        step = narrowest_proved(self.ladder, min_recall)
        if step is None:
            most = self.ladder[0]
            raise ArgumentError(
                f"min_recall is {min_recall:g}; allowed: up to {_down(most.lower_bound)}, what is proved at the widest "
                f"walk measured, ef={most.ef} (recall seen: {most.estimate:.4f})"
            )
        return step.ef

    def usual_ef(self, k: int) -> int | None:
        """The width where a search says nothing: that of the certificate, in proportion where more is asked for."""
        ef, measured = self.certificate.ef, self.certificate.k
        return ef if ef is None or k <= measured else math.ceil(ef * k / measured)

    def lines(self, points: int) -> Iterator[str]:
        """What there is to tell people of an index that has so many points by now."""
        yield str(self.certificate)
        if points != self.certificate.points:
            yield f"measured for {self.certificate.points} points, and there are {points} now"
        if self.ladder:
            steps = ", ".join(f"{s.ef}: {s.estimate:.4f} (>= {_down(s.lower_bound)})" for s in reversed(self.ladder))
            yield f"by width ef: {steps}"

    def to_text(self) -> str:
        """As a file's header holds it."""
        return json.dumps(asdict(self))


_KINDS: Final = {"int": int, "float": float, "str": str, "int | None": (int, type(None))}


def promise_from_text(text: str) -> Promise:
    """What :meth:`Promise.to_text` wrote; FileFormatError where it did not."""
    try:
        read = json.loads(text)
        certificate = Certificate(**read["certificate"])
        ladder = tuple(Step(**step) for step in read["ladder"])
    except (ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"the certificate of recall cannot be read: {error}") from error
    _check(certificate)
    for step in ladder:
        _check(step)
    return Promise(certificate, ladder)


def _check(part: Certificate | Step) -> None:
    """A damaged number must not be taken for a promise."""
    kinds: dict[str, Any] = {name: _KINDS[str(kind)] for name, kind in type(part).__annotations__.items()}
    for name, kind in kinds.items():
        value = getattr(part, name)
        share = kind is float and not 0 <= float(value) <= 1
        count = isinstance(value, int) and not 0 <= value <= 2**53
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind) or share or count:
            raise FileFormatError(f"the certificate of recall says {name} = {value!r}")


def _down(value: float) -> str:
    """Four digits, rounded down: a bound must not become larger by being shown."""
    return f"{math.floor(1e4 * value) / 1e4:.4f}"
