"""Hyperbolic geometry on the hyperboloid, the Lorentz model."""

from anear.spaces.domain import HYPERBOLOID
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="hyperboloid",
    aliases=("lorentz", "lorentz_model"),
    # Rounding can carry the product of equal rows below 1, where arcosh is NaN.
    formula="arcosh(maximum(x[0] * y[0] - sum(x[1:] * y[1:]), 1))",
    query_domain=HYPERBOLOID,
    point_domain=HYPERBOLOID,
    claims=METRIC,
    summary="arcosh(x[0] y[0] - sum(x[1:] y[1:])): hyperbolic distance on x[0]**2 - sum(x[1:]**2) = 1",
    reference="Nickel and Kiela, Learning continuous hierarchies in the Lorentz model, 2018",
    notes="Rows off the hyperboloid by more than 0.1 % are refused. The product cancels: half_space and poincare_ball "
    "resolve near rows better.",
)
