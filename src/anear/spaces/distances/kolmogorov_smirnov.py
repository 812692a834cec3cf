"""The largest difference of two cumulative histograms."""

from anear.spaces.space import METRIC, Distance

DISTANCE = Distance(
    name="kolmogorov_smirnov",
    aliases=("ks",),
    formula="max(abs(cumsum(x - y)))",
    claims=METRIC,
    summary="largest difference of the cumulative histograms",
    reference="Kolmogorov, Sulla determinazione empirica di una legge di distribuzione, 1933",
    notes="Meant for rows that sum to 1.",
)
