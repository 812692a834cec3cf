"""Pearson's and Neyman's chi-square, added."""

from anear.spaces.domain import POSITIVE
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="additive_symmetric_chi_square",
    aliases=("additive_symmetric_chi2",),
    formula="sum((x - y)**2 * (1 / x + 1 / y))",
    query_domain=POSITIVE,
    point_domain=POSITIVE,
    claims=CLAIMS - {"triangle"},
    summary="sum((x - y)**2 * (x + y) / (x * y))",
    reference="Cha's survey (2007)",
    notes="Zeros are refused on both sides; without the check they give inf or NaN.",
)
