"""The naive twins against SciPy and scikit-learn's definitions, so that both sides are judged by a third."""

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial import distance as scipy_distance
from tests.reference.distances import REFERENCE
from tests.reference.samples import amounts, binary, full_shares, positive, real, shares

SPATIAL = {
    "manhattan": "cityblock",
    "euclidean": "euclidean",
    "sqeuclidean": "sqeuclidean",
    "chebyshev": "chebyshev",
    "minkowski": "minkowski",
    "seuclidean": "seuclidean",
    "cosine": "cosine",
    "correlation": "correlation",
    "canberra": "canberra",
    "bray_curtis": "braycurtis",
    "hamming": "hamming",
}
BOOLEAN = ("jaccard", "dice", "rogers_tanimoto", "russell_rao", "sokal_sneath", "yule")


@pytest.mark.parametrize("name", SPATIAL)
def test_spatial(name: str) -> None:
    rng = np.random.default_rng(1)
    twin = REFERENCE[name]
    q, p = twin.queries(rng, 6, 7), twin.points(rng, 9, 7)
    function = getattr(scipy_distance, SPATIAL[name])
    for params in twin.cases(rng, 7):
        expected = [[function(a, b, **params) for b in p] for a in q]
        np.testing.assert_allclose(twin.matrix(q, p, params), np.nan_to_num(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", BOOLEAN)
def test_boolean(name: str) -> None:
    rng = np.random.default_rng(2)
    q, p = binary(rng, 8, 9)[1:], binary(rng, 9, 9)[1:]
    function = getattr(scipy_distance, name.replace("_", ""))
    expected = [[function(a.astype(bool), b.astype(bool)) for b in p] for a in q]
    np.testing.assert_allclose(REFERENCE[name].matrix(q, p), expected, rtol=1e-14)


def test_mahalanobis() -> None:
    rng = np.random.default_rng(3)
    q, p = real(rng, 5, 4), real(rng, 6, 4)
    half = rng.normal(size=(4, 4))
    spread = half @ half.T + np.eye(4)
    expected = scipy_distance.cdist(q, p, "mahalanobis", VI=np.linalg.inv(spread))
    np.testing.assert_allclose(REFERENCE["mahalanobis"].matrix(q, p, {"V": spread}), expected, rtol=1e-10)


def test_divergences() -> None:
    rng = np.random.default_rng(4)
    p, q = shares(rng, 6, 8), full_shares(rng, 5, 8)
    pairs = np.broadcast_arrays(p[None], q[:, None])
    np.testing.assert_allclose(REFERENCE["kldiv"].matrix(q, p), special.rel_entr(*pairs).sum(-1), rtol=1e-11)
    np.testing.assert_allclose(REFERENCE["kldiv_rq"].matrix(p, q), special.rel_entr(*pairs).sum(-1).T, rtol=1e-11)
    np.testing.assert_allclose(REFERENCE["kldivgen"].matrix(q, p), special.kl_div(*pairs).sum(-1), rtol=1e-11)
    root = scipy_distance.cdist(q, p, "jensenshannon")
    np.testing.assert_allclose(REFERENCE["jensen_shannon_metric"].matrix(q, p), root, rtol=1e-10)
    np.testing.assert_allclose(REFERENCE["jensen_shannon"].matrix(q, p), root**2, rtol=1e-10)


def test_renyi_approaches_kullback_leibler() -> None:
    rng = np.random.default_rng(5)
    p, q = full_shares(rng, 6, 8), full_shares(rng, 5, 8)
    near = REFERENCE["renyi"].matrix(q, p, {"alpha": 1.0 + 1e-7})
    np.testing.assert_allclose(near, REFERENCE["kldiv"].matrix(q, p), rtol=1e-4)


def test_chi_square_and_haversine_as_in_scikit_learn() -> None:
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    rng = np.random.default_rng(6)
    q, p = amounts(rng, 5, 6), amounts(rng, 7, 6)
    np.testing.assert_allclose(REFERENCE["chi_square"].matrix(q, p), -pairwise.additive_chi2_kernel(q, p), rtol=1e-12)
    places = REFERENCE["haversine"].points(rng, 6, 2)
    expected = pairwise.haversine_distances(places[:3], places)
    np.testing.assert_allclose(REFERENCE["haversine"].matrix(places[:3], places), expected, rtol=1e-12, atol=1e-12)


def test_cumulative() -> None:
    rng = np.random.default_rng(7)
    q, p = shares(rng, 4, 6), full_shares(rng, 5, 6)
    bins = np.arange(6)
    for name, function in (("wasserstein", stats.wasserstein_distance), ("energy", stats.energy_distance)):
        expected = [[function(bins, bins, a, b) for b in p] for a in q]
        np.testing.assert_allclose(REFERENCE[name].matrix(q, p), expected, rtol=1e-10)


def test_hyperbolic_models_agree() -> None:
    """The three models of hyperbolic space are isometric: mapped rows are equally far apart."""
    rng = np.random.default_rng(8)
    on = REFERENCE["hyperboloid"].points(rng, 7, 4)
    ball = on[:, 1:] / (1.0 + on[:, :1])
    # the ball inverted at (-1, 0, ...), with its radius scaled to sqrt(2), is the half-space x[0] > 0
    shifted = ball + np.array([1.0, 0.0, 0.0])
    half = 2.0 * shifted / (shifted**2).sum(axis=1, keepdims=True) - np.array([1.0, 0.0, 0.0])
    expected = REFERENCE["hyperboloid"].matrix(on, on)
    np.testing.assert_allclose(REFERENCE["poincare_ball"].matrix(ball, ball), expected, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(REFERENCE["half_space"].matrix(half, half), expected, rtol=1e-9, atol=1e-7)


def test_beta_divergence_is_continuous() -> None:
    rng = np.random.default_rng(9)
    q, p = positive(rng, 4, 5), positive(rng, 5, 5)
    twin = REFERENCE["beta_divergence"]
    for beta in (0.0, 1.0):
        near = twin.matrix(q, p, {"beta": beta + 1e-6})
        np.testing.assert_allclose(twin.matrix(q, p, {"beta": beta}), near, rtol=1e-3)
