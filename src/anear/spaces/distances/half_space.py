"""Hyperbolic geometry on the upper half-space."""

from anear.spaces.domain import UPPER_HALF_SPACE
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="half_space",
    aliases=("hyperbolic", "hyperbolic_half_space", "upper_half_space", "poincare_half_space"),
    formula="arcosh(1 + sum((x - y)**2) / (2 * x[0] * y[0]))",
    query_domain=UPPER_HALF_SPACE,
    point_domain=UPPER_HALF_SPACE,
    claims=METRIC,
    summary="arcosh(1 + sum((x - y)**2) / (2 x[0] y[0])): hyperbolic distance, column 0 is the height",
    reference="Cannon, Floyd, Kenyon and Parry, Hyperbolic geometry, 1997",
    notes="A height that is not positive is refused; without the check it gives NaN or a meaningless number. Distances "
    "below about 1e-7 are rounded: 1 + r cannot hold them.",
)
