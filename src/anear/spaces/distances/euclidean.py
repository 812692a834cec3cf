"""L2: the length of the straight line."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="euclidean",
    aliases=("l2",),
    formula="sqrt(sum((x - y)**2))",
    claims=METRIC,
    summary="length of the straight line between the two (L2)",
    reference="NMSLIB l2; scipy.spatial.distance.euclidean",
    notes="A search ranks by the square, so this costs no more than sqeuclidean.",
)
