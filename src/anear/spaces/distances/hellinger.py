"""Hellinger's distance, and its square."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import CLAIMS, METRIC, Distance

DISTANCES = (
    Distance(
        name="hellinger",
        formula="sqrt(0.5 * sum((sqrt(x) - sqrt(y))**2))",
        query_domain=NON_NEGATIVE,
        point_domain=NON_NEGATIVE,
        claims=METRIC,
        summary="sqrt(sum((sqrt(x) - sqrt(y))**2) / 2)",
        reference="Hellinger, Neue Begruendung der Theorie quadratischer Formen, 1909",
        notes="At most 1 for rows that sum to 1, where it is sqrt(1 - sum(sqrt(x * y))). Cha's survey has twice this.",
    ),
    Distance(
        name="squared_hellinger",
        aliases=("sqhellinger",),
        formula="0.5 * sum((sqrt(x) - sqrt(y))**2)",
        query_domain=NON_NEGATIVE,
        point_domain=NON_NEGATIVE,
        claims=CLAIMS - {"triangle"},
        summary="sum((sqrt(x) - sqrt(y))**2) / 2: the square of hellinger",
    ),
)
