"""The inner product with its sign turned, so that the largest comes first."""

from anear.spaces.space import Distance

DISTANCE = Distance(
    name="negdotprod",
    aliases=("inner_product", "ip", "dot_product", "dot", "mips", "negative_inner_product"),
    formula="-dot(x, y)",
    claims=frozenset({"symmetric"}),
    summary="negative inner product: maximum inner product search",
    reference="NMSLIB negdotprod; FAISS METRIC_INNER_PRODUCT with the sign turned",
    notes="Not a distance in the strict sense: values are negative where the inner product is positive.",
)
