"""The angle itself, in radians: the metric made of the cosine."""

from anear.spaces.domain import NON_ZERO
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="angular",
    aliases=("angulardist", "angle"),
    # The arccos of the cosine loses half of its digits where rows are near each other; the chord between the rows
    # scaled to length 1 does not, and is 0 for equal rows. Rounding can carry half of it past 1, where arcsin is NaN.
    formula="2 * arcsin(minimum(0.5 * norm(normalize(x) - normalize(y)), 1))",
    query_domain=NON_ZERO,
    point_domain=NON_ZERO,
    claims=METRIC,
    summary="angle between the two in radians, arccos of the cosine",
    reference="NMSLIB angulardist",
    notes="Rows of one direction are at distance 0. A row of zeros is refused, and gives NaN without the check.",
)
