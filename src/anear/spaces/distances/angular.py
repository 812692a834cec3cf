"""The angle itself, in radians: the metric made of the cosine."""

from anear.spaces.domain import NON_ZERO
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="angular",
    aliases=("angulardist", "angle"),
    # Rounding can carry the cosine of parallel rows past 1, where arccos is NaN.
    formula="arccos(clip(dot(x, y) / (norm(x) * norm(y)), -1, 1))",
    query_domain=NON_ZERO,
    point_domain=NON_ZERO,
    claims=METRIC,
    summary="angle between the two, in radians",
    reference="NMSLIB angulardist",
    notes="Rows of one direction are at distance 0. A row of zeros is refused, and gives NaN without the check.",
)
