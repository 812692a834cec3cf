"""Canberra's terms, combined as in the Euclidean distance."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="clark",
    aliases=("coefficient_of_divergence",),
    formula="sqrt(sum(where(x != y, (x - y) / (x + y), 0)**2))",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=METRIC,
    summary="sqrt(sum(((x - y) / (x + y))**2)), 0/0 = 0",
    reference="Cha's survey (2007)",
    notes="Not divided by the number of coordinates.",
)
