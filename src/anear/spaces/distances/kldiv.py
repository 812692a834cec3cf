"""The Kullback-Leibler divergence, both ways round."""

from anear.spaces.domain import NON_NEGATIVE, POSITIVE
from anear.spaces.space import Distance, swapped

_LEFT = Distance(
    name="kldiv",
    aliases=("kl", "kullback_leibler", "kldivfast", "kldivslow"),
    formula="sum(xlogy(y, y / x))",
    query_domain=POSITIVE,
    point_domain=NON_NEGATIVE,
    claims=frozenset({"zero_on_diagonal"}),
    summary="Kullback-Leibler divergence of the point from the query, sum(y * log(y / x))",
    reference="NMSLIB kldivfast; scipy.special.rel_entr",
    notes="Natural logarithm. 0 log 0 = 0. Rows need not sum to 1, but only then is it never negative. A zero in the "
    "denominator's row is refused; without the check it gives inf, or 0 where the numerator is 0 too.",
)

DISTANCES = (
    _LEFT,
    swapped(
        _LEFT,
        name="kldiv_rq",
        aliases=("kldivfastrq", "kldivslowrq", "kl_rq"),
        summary="Kullback-Leibler divergence of the query from the point, sum(x * log(x / y))",
    ),
)
