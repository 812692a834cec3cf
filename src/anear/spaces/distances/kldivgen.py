"""The generalised Kullback-Leibler divergence (I-divergence), both ways round."""

from anear.spaces.domain import NON_NEGATIVE, POSITIVE
from anear.spaces.space import NON_NEGATIVE_ZERO, Distance, swapped

_LEFT = Distance(
    name="kldivgen",
    aliases=("kldivgenfast", "kldivgenslow", "generalized_kl", "generalised_kl", "i_divergence"),
    formula="sum(xlogy(y, y / x) - y + x)",
    query_domain=POSITIVE,
    point_domain=NON_NEGATIVE,
    claims=NON_NEGATIVE_ZERO,
    summary="generalised Kullback-Leibler divergence, sum(y * log(y / x) - y + x)",
    reference="NMSLIB kldivgenfast; scipy.special.kl_div",
    notes="For rows that need not sum to 1; equals kldiv where both sums agree. 0 log 0 = 0. A zero in the "
    "denominator's row is refused; without the check it gives inf, or 0 where the numerator is 0 too.",
)

DISTANCES = (
    _LEFT,
    swapped(
        _LEFT,
        name="kldivgen_rq",
        aliases=("kldivgenfastrq", "kldivgenslowrq"),
        summary="generalised Kullback-Leibler divergence, sum(x * log(x / y) - x + y)",
    ),
)
