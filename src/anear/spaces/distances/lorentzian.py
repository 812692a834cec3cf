"""Manhattan distance with a logarithm on each coordinate, so that single large differences count less."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="lorentzian",
    formula="sum(log1p(abs(x - y)))",
    claims=METRIC,
    summary="sum(log(1 + |x - y|))",
    reference="Cha's survey (2007)",
    notes="Natural logarithm. For the distance of hyperbolic geometry on the Lorentz model see hyperboloid.",
)
