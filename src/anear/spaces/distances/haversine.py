"""The shortest way over a sphere between two places given as latitude and longitude."""

from anear.spaces.domain import LATITUDE_LONGITUDE
from anear.spaces.space import METRIC, Distance, Parameter


def _formula(radius: float) -> str:
    """Twice the radius times arcsin of half the chord.

    The chord joins the two places as points of the unit sphere, whose three coordinates are computed once for each
    place. The usual sin((x[0] - y[0]) / 2)**2 + cos(x[0]) * cos(y[0]) * sin((x[1] - y[1]) / 2)**2 is the square of half
    of it and takes two sines a pair. Rounding can carry antipodes past 1, where arcsin is NaN.
    """
    chord = (
        "sqrt((sin(x[0]) - sin(y[0]))**2"
        " + (cos(x[0]) * cos(x[1]) - cos(y[0]) * cos(y[1]))**2"
        " + (cos(x[0]) * sin(x[1]) - cos(y[0]) * sin(y[1]))**2)"
    )
    return f"{2.0 * radius!r} * arcsin(minimum(0.5 * {chord}, 1))"


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
