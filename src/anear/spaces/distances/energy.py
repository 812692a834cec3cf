"""Szekely's energy distance of histograms over bins in a line."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="energy",
    aliases=("energy_1d", "energy_distance"),
    formula="sqrt(2 * sum(cumsum(x - y)**2))",
    claims=METRIC,
    summary="energy distance of histograms over bins one unit apart",
    reference="scipy.stats.energy_distance on the bin numbers, with the histograms as weights",
    notes="Meant for rows of equal sum; sqrt(2) times the Cramer-von Mises distance.",
)
