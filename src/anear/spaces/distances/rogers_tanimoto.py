"""Rogers and Tanimoto's distance: hamming with differences counted twice."""

from anear.spaces.domain import BINARY
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="rogers_tanimoto",
    aliases=("sokal_michener",),
    # 2 h / (1 + h) with h = mean(x != y), written with h once: then a search ranks by h alone.
    formula="2 - 2 / (1 + mean(x != y))",
    query_domain=BINARY,
    point_domain=BINARY,
    claims=METRIC,
    summary="2 h / (1 + h), h the share of coordinates that differ, of rows of zeros and ones",
    reference="scipy.spatial.distance.rogerstanimoto",
)
