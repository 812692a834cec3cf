"""The square of L2."""

from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="sqeuclidean",
    aliases=("squared_euclidean", "l2sqr", "l2sqr_sift", "squared_l2"),
    formula="sum((x - y)**2)",
    claims=CLAIMS - {"triangle"},
    summary="squared Euclidean distance",
    reference="NMSLIB l2sqr_sift; scipy.spatial.distance.sqeuclidean; FAISS METRIC_L2",
)
