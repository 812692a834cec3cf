"""Lin's K divergence: Kullback-Leibler from the average of both."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import Distance, swapped

_LEFT = Distance(
    name="k_divergence",
    formula="sum(xlogy(y, 2 * y / (x + y)))",
    query_domain=NON_NEGATIVE,
    point_domain=NON_NEGATIVE,
    claims=frozenset({"zero_on_diagonal"}),
    summary="Kullback-Leibler divergence of the point from the average of both",
    reference="Cha's survey (2007); Lin, Divergence measures based on the Shannon entropy, 1991",
    notes="Finite where zeros make kldiv infinite. 0 log 0 = 0. Never negative for rows of equal sum.",
)

DISTANCES = (
    _LEFT,
    swapped(
        _LEFT,
        name="k_divergence_rq",
        aliases=(),
        summary="Kullback-Leibler divergence of the query from the average of both",
    ),
)
