"""Yule's distance, from the odds ratio of two binary rows."""

from anear.spaces.domain import BINARY
from anear.spaces.space import CLAIMS, Distance

_MIXED = "sum(x * (1 - y)) * sum(y * (1 - x))"

DISTANCE = Distance(
    name="yule",
    formula=f"where({_MIXED} > 0, 2 * ({_MIXED}) / (dot(x, y) * dot(1 - x, 1 - y) + {_MIXED}), 0)",
    query_domain=BINARY,
    point_domain=BINARY,
    claims=CLAIMS - {"triangle"},
    summary="2 b c / (a d + b c) from the counts of (1,1), (1,0), (0,1), (0,0)",
    reference="scipy.spatial.distance.yule",
    notes="0 where one row's ones contain the other's.",
)
