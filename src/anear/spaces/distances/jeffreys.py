"""Jeffreys' divergence: Kullback-Leibler in both directions, added."""

from anear.spaces.domain import POSITIVE
from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="jeffreys",
    aliases=("jeffrey", "j_divergence", "symmetric_kl", "symmetrised_kl", "symmetrized_kl"),
    formula="sum((x - y) * log(x / y))",
    query_domain=POSITIVE,
    point_domain=POSITIVE,
    claims=CLAIMS - {"triangle"},
    summary="sum((x - y) * log(x / y)): kldiv in both directions, added",
    reference="Cha's survey (2007)",
    notes="Zeros are refused on both sides; without the check one zero gives inf, two zeros NaN.",
)
