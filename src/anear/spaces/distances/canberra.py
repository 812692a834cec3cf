"""Manhattan distance with each coordinate relative to its size."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="canberra",
    formula="sum(where(x != y, abs(x - y) / (abs(x) + abs(y)), 0))",
    claims=METRIC,
    summary="sum(|x - y| / (|x| + |y|)), 0/0 = 0",
    reference="scipy.spatial.distance.canberra",
    notes="Each coordinate adds at most 1, and exactly 1 where one side is 0 or the signs differ.",
)
