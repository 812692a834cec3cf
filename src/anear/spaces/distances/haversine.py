"""The shortest way over a sphere between two places given as latitude and longitude."""

from anear.spaces.domain import LATITUDE_LONGITUDE
from anear.spaces.space import METRIC, Distance, Parameter


def _formula(radius: float) -> str:
    # Rounding can carry the square of antipodes past 1, where arcsin is NaN.
    square = "sin((x[0] - y[0]) / 2)**2 + cos(x[0]) * cos(y[0]) * sin((x[1] - y[1]) / 2)**2"
    return f"{2.0 * radius!r} * arcsin(sqrt(minimum({square}, 1)))"


DISTANCE = Distance(
    name="haversine",
    aliases=("great_circle",),
    formula=_formula,
    parameters=(
        Parameter("radius", "the sphere's radius (Earth: 6371)", default=1.0, low=0.0, low_open=True, high_open=True),
    ),
    query_domain=LATITUDE_LONGITUDE,
    point_domain=LATITUDE_LONGITUDE,
    claims=METRIC,
    summary="great-circle distance of (latitude, longitude) in radians",
    reference="scikit-learn's haversine",
    notes="Two columns, latitude first, in radians: use numpy.radians on degrees, which are refused where they leave "
    "the range. Longitudes may run from -2 pi to 2 pi.",
)
