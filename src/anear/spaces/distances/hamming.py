"""The share of coordinates that differ."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="hamming",
    aliases=("matching", "simple_matching"),
    formula="mean(x != y)",
    claims=METRIC,
    summary="share of coordinates that differ",
    reference="scipy.spatial.distance.hamming",
    notes="Numbers are compared exactly. Multiply by the number of columns for a count.",
)
