"""L1: the sum of the coordinates' differences."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="manhattan",
    aliases=("l1", "cityblock", "taxicab"),
    formula="sum(abs(x - y))",
    claims=METRIC,
    summary="sum of absolute differences (L1)",
    reference="NMSLIB l1; scipy.spatial.distance.cityblock",
)
