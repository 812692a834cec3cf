"""Renyi divergences: a family that holds Kullback-Leibler as its limit at alpha = 1."""

from anear.spaces.domain import NON_NEGATIVE, POSITIVE, Domain
from anear.spaces.space import Distance, Parameter, swapped


def _formula(alpha: float) -> str:
    return f"log(sum(y**{alpha!r} * x**{1.0 - alpha!r})) / {alpha - 1.0!r}"


def _query_domain(alpha: float) -> Domain:
    return NON_NEGATIVE if alpha < 1 else POSITIVE


def _claims(alpha: float) -> frozenset[str]:
    return frozenset({"symmetric"}) if alpha == 0.5 else frozenset()


_LEFT = Distance(
    name="renyi",
    aliases=("renyidiv", "renyidiv_slow", "renyidiv_fast", "renyi_divergence"),
    formula=_formula,
    parameters=(
        Parameter(
            "alpha",
            "the order; near 1 it approaches kldiv",
            default=0.5,
            low=0.0,
            low_open=True,
            high_open=True,
            excluded=(1.0,),
        ),
    ),
    query_domain=_query_domain,
    point_domain=NON_NEGATIVE,
    claims=_claims,
    summary="Renyi divergence of the point from the query, log(sum(y**alpha * x**(1 - alpha))) / (alpha - 1)",
    reference="NMSLIB renyidiv_fast",
    notes="Meant for rows that sum to 1: only then is it never negative, and zero for equal rows. With alpha > 1 a "
    "zero in the denominator's row is refused. Rows without a common support are at distance inf for alpha < 1.",
)

DISTANCES = (
    _LEFT,
    swapped(
        _LEFT,
        name="renyi_rq",
        aliases=("renyidiv_slowrq", "renyidiv_fastrq"),
        summary="Renyi divergence of the query from the point, log(sum(x**alpha * y**(1 - alpha))) / (alpha - 1)",
    ),
)
