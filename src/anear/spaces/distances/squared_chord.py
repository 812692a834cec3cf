"""Euclidean distance of the square roots: Matusita's distance, and its square."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import CLAIMS, METRIC, Distance

DISTANCES = (
    Distance(
        name="squared_chord",
        formula="sum((sqrt(x) - sqrt(y))**2)",
        query_domain=NON_NEGATIVE,
        point_domain=NON_NEGATIVE,
        claims=CLAIMS - {"triangle"},
        summary="sum((sqrt(x) - sqrt(y))**2)",
        reference="Cha's survey (2007)",
    ),
    Distance(
        name="matusita",
        formula="sqrt(sum((sqrt(x) - sqrt(y))**2))",
        query_domain=NON_NEGATIVE,
        point_domain=NON_NEGATIVE,
        claims=METRIC,
        summary="sqrt(sum((sqrt(x) - sqrt(y))**2))",
        reference="Cha's survey (2007)",
    ),
)
