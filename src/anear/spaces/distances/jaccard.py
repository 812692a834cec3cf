"""Jaccard's distance of sets, given as rows of zeros and ones."""

from anear.spaces.domain import BINARY
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="jaccard",
    # With w, the similarity of dice, it is 2 - 2 / (2 - w): a search ranks by w, where the product stands once.
    formula="2 - 2 / (2 - minimum(where(sum(x) + sum(y) > 0, 2 * dot(x, y) / (sum(x) + sum(y)), 1), 1))",
    query_domain=BINARY,
    point_domain=BINARY,
    claims=METRIC,
    summary="1 - |intersection| / |union| of rows of zeros and ones",
    reference="scipy.spatial.distance.jaccard on booleans",
    notes="Other numbers than 0 and 1 are refused: soergel and tanimoto take amounts. Two empty sets are at 0.",
)
