"""Dice's (Sorensen's) distance of sets, given as rows of zeros and ones."""

from anear.spaces.domain import BINARY
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="dice",
    formula="1 - where(sum(x) + sum(y) > 0, 2 * dot(x, y) / (sum(x) + sum(y)), 1)",
    query_domain=BINARY,
    point_domain=BINARY,
    claims=CLAIMS - {"triangle"},
    summary="1 - 2 |intersection| / (|X| + |Y|) of rows of zeros and ones",
    reference="scipy.spatial.distance.dice",
    notes="Two empty sets are at distance 0, where SciPy gives NaN. For amounts see bray_curtis.",
)
