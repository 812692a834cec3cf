"""The Itakura-Saito divergence of spectra, both ways round."""

from anear.spaces.domain import POSITIVE
from anear.spaces.space import NON_NEGATIVE_ZERO, Distance, swapped

_LEFT = Distance(
    name="itakura_saito",
    aliases=("itakurasaitofast", "itakurasaitoslow"),
    formula="sum(y / x - log(y / x) - 1)",
    query_domain=POSITIVE,
    point_domain=POSITIVE,
    claims=NON_NEGATIVE_ZERO,
    summary="Itakura-Saito divergence, sum(y / x - log(y / x) - 1)",
    reference="NMSLIB itakurasaitofast",
    notes="Zeros are refused on both sides; without the check they give inf or NaN.",
)

DISTANCES = (
    _LEFT,
    swapped(
        _LEFT,
        name="itakura_saito_rq",
        aliases=("itakurasaitofastrq", "itakurasaitoslowrq"),
        summary="Itakura-Saito divergence, sum(x / y - log(x / y) - 1)",
    ),
)
