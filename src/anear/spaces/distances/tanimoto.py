"""Tanimoto's distance for real numbers: Jaccard's with the inner product in place of the intersection."""

from anear.spaces.space import CLAIMS, Distance

DISTANCE = Distance(
    name="tanimoto",
    # With w = 2 x.y / (x.x + y.y) <= 1 it is 2 - 2 / (2 - w): a search ranks by w, where the product stands once.
    formula=("2 - 2 / (2 - minimum(where(dot(x, x) + dot(y, y) > 0, 2 * dot(x, y) / (dot(x, x) + dot(y, y)), 1), 1))"),
    claims=CLAIMS - {"triangle"},
    summary="1 - x.y / (x.x + y.y - x.y), 0/0 = 1 (equal rows)",
    reference="Cha's survey (2007) (the inner-product form)",
    notes="On zeros and ones it is jaccard. From 0 to 4/3 where signs differ. Two rows of zeros are at distance 0.",
)
