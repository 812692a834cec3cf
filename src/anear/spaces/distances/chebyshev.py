"""L-infinity: the largest difference of a coordinate."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="chebyshev",
    aliases=("linf", "infinity", "l_infinity", "chebychev", "chessboard"),
    formula="max(abs(x - y))",
    claims=METRIC,
    summary="largest absolute difference (L-infinity)",
    reference="NMSLIB linf; scipy.spatial.distance.chebyshev",
)
