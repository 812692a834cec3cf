"""Soergel's distance: one minus the Ruzicka similarity, Jaccard's for amounts."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="soergel",
    aliases=("ruzicka", "weighted_jaccard"),
    formula="where(sum(abs(x - y)) > 0, sum(abs(x - y)) / sum(maximum(x, y)), 0)",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=METRIC,
    summary="sum(|x - y|) / sum(max(x, y)) = 1 - sum(min(x, y)) / sum(max(x, y)), 0/0 = 0",
    reference="Cha's survey (2007)",
    notes="On zeros and ones it is jaccard. Two rows of zeros are at distance 0.",
)
