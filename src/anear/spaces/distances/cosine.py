"""One minus the cosine of the angle."""

from anear.spaces.domain import NON_ZERO
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="cosine",
    aliases=("cosinesimil", "cosine_distance", "cos"),
    formula="1 - dot(x, y) / (norm(x) * norm(y))",
    query_domain=NON_ZERO,
    point_domain=NON_ZERO,
    claims=CLAIMS - {"triangle"},
    summary="1 - cosine of the angle between the two",
    reference="NMSLIB cosinesimil; scipy.spatial.distance.cosine",
    notes="A row of zeros has no direction: it is refused, and gives NaN without the check.",
)
