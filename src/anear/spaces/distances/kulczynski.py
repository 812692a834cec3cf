"""Kulczynski's distance: what differs against what is shared."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="kulczynski",
    formula="where(sum(abs(x - y)) > 0, sum(abs(x - y)) / sum(minimum(x, y)), 0)",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=CLAIMS - {"triangle"},
    summary="sum(|x - y|) / sum(min(x, y)), 0/0 = 0",
    reference="Cha's survey (2007)",
    notes="Rows that share nothing are at distance inf.",
)
