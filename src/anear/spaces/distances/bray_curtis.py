"""The share of what two samples do not have in common."""

from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="bray_curtis",
    aliases=("sorensen",),
    formula="where(sum(abs(x - y)) > 0, sum(abs(x - y)) / sum(abs(x + y)), 0)",
    claims=CLAIMS - {"triangle"},
    summary="sum(|x - y|) / sum(|x + y|), 0/0 = 0",
    reference="scipy.spatial.distance.braycurtis",
    notes="From 0 to 1 for rows without negative numbers. Two rows of zeros are at distance 0, where SciPy gives NaN.",
)
