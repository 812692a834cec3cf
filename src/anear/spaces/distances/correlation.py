"""One minus Pearson's correlation coefficient."""

from anear.spaces.domain import NON_CONSTANT
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="correlation",
    aliases=("pearson", "pearson_correlation"),
    formula="1 - dot(x - mean(x), y - mean(y)) / (norm(x - mean(x)) * norm(y - mean(y)))",
    query_domain=NON_CONSTANT,
    point_domain=NON_CONSTANT,
    claims=CLAIMS - {"triangle"},
    summary="1 - Pearson's correlation of the two rows",
    reference="scipy.spatial.distance.correlation",
    notes="A row of equal values has no correlation: it is refused, and gives NaN without the check.",
)
