"""Sokal and Sneath's distance: jaccard with differences counted twice."""

from anear.spaces.domain import BINARY
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="sokal_sneath",
    formula="where(sum(x != y) > 0, 2 * sum(x != y) / (dot(x, y) + 2 * sum(x != y)), 0)",
    query_domain=BINARY,
    point_domain=BINARY,
    claims=METRIC,
    summary="2 r / (t + 2 r), r the number of differences and t of common ones, of rows of zeros and ones",
    reference="scipy.spatial.distance.sokalsneath",
    notes="Two rows of zeros are at distance 0, which SciPy does not define.",
)
