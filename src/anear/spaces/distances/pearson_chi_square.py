"""The one-sided chi-square statistics: Pearson's, and Neyman's with the sides exchanged."""

from anear.spaces.domain import POSITIVE, REAL
from anear.spaces.space import NON_NEGATIVE_ZERO, Distance, swapped

_PEARSON = Distance(
    name="pearson_chi_square",
    aliases=("pearson_chi2",),
    formula="sum((x - y)**2 / x)",
    query_domain=POSITIVE,
    point_domain=REAL,
    claims=NON_NEGATIVE_ZERO,
    summary="sum((y - x)**2 / x): the point is observed, the query expected",
    reference="Cha's survey (2007)",
    notes="A zero in the row that is divided by is refused; without the check it gives inf, or NaN for two zeros.",
)

DISTANCES = (
    _PEARSON,
    swapped(
        _PEARSON,
        name="neyman_chi_square",
        aliases=("neyman_chi2", "pearson_chi_square_rq"),
        summary="sum((y - x)**2 / y): the query is observed, the point expected",
    ),
)
