"""Russell and Rao's distance: the share of coordinates that are not one in both."""

from anear.spaces.domain import BINARY
from anear.spaces.space import Distance

DISTANCE = Distance(
    name="russell_rao",
    formula="1 - mean(x * y)",
    query_domain=BINARY,
    point_domain=BINARY,
    claims=frozenset({"symmetric", "non_negative", "triangle"}),
    summary="share of coordinates that are not 1 in both, of rows of zeros and ones",
    reference="scipy.spatial.distance.russellrao",
    notes="Equal rows are not at distance 0 unless they are all ones.",
)
