"""Twice the Jensen-Shannon divergence: information radius without the halves."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="topsoe",
    aliases=("information_statistics",),
    formula="sum(xlogy(x, 2 * x / (x + y)) + xlogy(y, 2 * y / (x + y)))",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=CLAIMS - {"triangle"},
    summary="sum(x * log(2 x / (x + y)) + y * log(2 y / (x + y))): twice Jensen-Shannon",
    reference="Cha's survey (2007)",
    notes="Natural logarithm. 0 log 0 = 0.",
)
