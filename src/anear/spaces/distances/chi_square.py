"""The symmetric chi-square distance of histograms."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="chi_square",
    aliases=("chi2", "squared_chi", "additive_chi2", "triangular_discrimination"),
    formula="sum(where(x != y, (x - y)**2 / (x + y), 0))",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=CLAIMS - {"triangle"},
    summary="sum((x - y)**2 / (x + y)), 0/0 = 0",
    reference="Cha's survey (2007) (squared chi-square); the negative of scikit-learn's additive_chi2_kernel",
    notes="Symmetric, without a factor 1/2 or 2. The one-sided forms are pearson_chi_square and neyman_chi_square.",
)
