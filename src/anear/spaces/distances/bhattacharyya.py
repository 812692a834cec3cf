"""Bhattacharyya's distance of histograms."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import Distance

DISTANCE = Distance(
    name="bhattacharyya",
    formula="-log(dot(sqrt(x), sqrt(y)))",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=frozenset({"symmetric"}),
    summary="-log(sum(sqrt(x * y)))",
    reference="Cha's survey (2007)",
    notes="Meant for rows that sum to 1: only then is it never negative, and zero for equal rows. Rows without a "
    "common support are at distance inf.",
)
