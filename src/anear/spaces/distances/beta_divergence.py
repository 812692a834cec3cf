"""The beta divergences of matrix factorisation: Itakura-Saito, Kullback-Leibler and squared L2 in one family."""

from anear.spaces.domain import NON_NEGATIVE, POSITIVE, Domain
from anear.spaces.space import NON_NEGATIVE_ZERO, Distance, Parameter


def _formula(beta: float) -> str:
    if beta == 0:
        return "sum(y / x - log(y / x) - 1)"
    if beta == 1:
        return "sum(xlogy(y, y / x) - y + x)"
    if beta == 2:
        return "0.5 * sum((x - y)**2)"
    return (
        f"sum(y**{beta!r} + {beta - 1.0!r} * x**{beta!r} - {beta!r} * y * x**{beta - 1.0!r}) / {beta * (beta - 1.0)!r}"
    )


def _query_domain(beta: float) -> Domain:
    return NON_NEGATIVE if beta > 1 else POSITIVE


def _point_domain(beta: float) -> Domain:
    return NON_NEGATIVE if beta > 0 else POSITIVE


def _claims(beta: float) -> frozenset[str]:
    return NON_NEGATIVE_ZERO | {"symmetric"} if beta == 2 else NON_NEGATIVE_ZERO


DISTANCE = Distance(
    name="beta_divergence",
    formula=_formula,
    parameters=(
        Parameter("beta", "2: half of sqeuclidean; 1: kldivgen; 0: itakura_saito", default=2.0, high_open=True),
    ),
    query_domain=_query_domain,
    point_domain=_point_domain,
    claims=_claims,
    summary="beta divergence of the point from the query",
    reference="Fevotte and Idier, Algorithms for nonnegative matrix factorization with the beta-divergence, 2011; "
    "scikit-learn's NMF(beta_loss=...)",
    notes="A zero under a negative power or a logarithm is refused.",
)
