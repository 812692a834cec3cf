"""Manhattan distance with each coordinate relative to the larger of the two."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="wave_hedges",
    formula="sum(where(x != y, abs(x - y) / maximum(x, y), 0))",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=METRIC,
    summary="sum(|x - y| / max(x, y)), 0/0 = 0",
    reference="Cha's survey (2007)",
)
