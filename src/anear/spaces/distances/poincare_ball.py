"""Hyperbolic geometry on the unit ball."""

from anear.spaces.domain import UNIT_BALL
from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="poincare_ball",
    aliases=("poincare", "poincare_disk"),
    formula="arcosh(1 + 2 * sum((x - y)**2) / ((1 - sum(x**2)) * (1 - sum(y**2))))",
    query_domain=UNIT_BALL,
    point_domain=UNIT_BALL,
    claims=METRIC,
    summary="arcosh(1 + 2 |x - y|**2 / ((1 - |x|**2) (1 - |y|**2))): hyperbolic distance in the unit ball",
    reference="Nickel and Kiela, Poincare embeddings for learning hierarchical representations, 2017",
    notes="Rows of norm 1 or more are refused; without the check they give NaN, inf or a meaningless number. Distances "
    "below about 1e-7 are rounded: 1 + r cannot hold them.",
)
