"""The earth mover's distance of histograms over bins in a line."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="wasserstein",
    aliases=("wasserstein_1d", "emd_1d", "earth_mover_1d"),
    formula="sum(abs(cumsum(x - y)))",
    claims=METRIC,
    summary="earth mover's distance of histograms over bins one unit apart",
    reference="scipy.stats.wasserstein_distance on the bin numbers, with the histograms as weights",
    notes="Meant for rows of equal sum. Where the sums differ, the difference counts as moved past the last bin.",
)
