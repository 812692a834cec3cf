"""NMSLIB's alpha-beta divergence: the mixed moment that kernel estimators of divergences are made of."""

from anear.spaces.domain import NON_NEGATIVE, POSITIVE, Domain
from anear.spaces.space import Distance, Parameter, swapped


def _formula(alpha: float, beta: float) -> str:
    return f"sum(y**{alpha + 1.0!r} * x**{beta!r})"


def _query_domain(alpha: float, beta: float) -> Domain:
    return NON_NEGATIVE if beta >= 0 else POSITIVE


def _point_domain(alpha: float, beta: float) -> Domain:
    return NON_NEGATIVE if alpha >= -1 else POSITIVE


def _claims(alpha: float, beta: float) -> frozenset[str]:
    return frozenset({"non_negative", "symmetric"} if alpha + 1 == beta else {"non_negative"})


_LEFT = Distance(
    name="alpha_beta",
    aliases=("abdiv", "abdiv_slow", "abdiv_fast", "alphabetadiv_slow", "alphabetadiv_fast"),
    formula=_formula,
    parameters=(
        Parameter("alpha", "the point's power, less 1", default=1.0, high_open=True),
        Parameter("beta", "the query's power", default=1.0, high_open=True),
    ),
    query_domain=_query_domain,
    point_domain=_point_domain,
    claims=_claims,
    summary="sum(y**(alpha + 1) * x**beta)",
    reference="NMSLIB abdiv_fast; Poczos et al., Nonparametric kernel estimators for image classification, 2012",
    notes="A moment rather than a distance: equal rows are not at distance 0. Smaller is nearer, as in NMSLIB. A zero "
    "under a negative power is refused.",
)

DISTANCES = (
    _LEFT,
    swapped(
        _LEFT,
        name="alpha_beta_rq",
        aliases=("abdiv_slowrq", "abdiv_fastrq", "alphabetadiv_slowrq", "alphabetadiv_fastrq"),
        summary="sum(x**(alpha + 1) * y**beta)",
    ),
)
