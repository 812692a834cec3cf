"""The points of the benchmark of approximate search: images, sets made like well-known ones, words, topics."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CASES", "GraphCase"]

Rows = npt.NDArray[Any]
REAL = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class GraphCase:
    """Points and queries of one set; ``distance`` by anear's name, which the peers' names are looked up by."""

    title: str
    distance: str
    rows: Callable[[int], Rows]
    points: int
    queries: int = 1000

    def data(self, points: int | None = None) -> tuple[Rows, Rows]:
        """Points, and queries that are none of them."""
        n = min(points or self.points, self.points)
        rows = self.rows(n + self.queries)
        order = np.random.default_rng(1).permutation(len(rows))
        queries, points_ = order[: self.queries], order[self.queries :][:n]
        return np.ascontiguousarray(rows[points_]), np.ascontiguousarray(rows[queries])


def _fashion(_: int) -> Rows:
    """Images of 28 x 28 grey values."""
    parts = []
    for name in ("train", "t10k"):
        with gzip.open(REAL / "fashion-mnist" / f"{name}-images-idx3-ubyte.gz") as file:
            parts.append(np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784))
    return np.concatenate(parts).astype(np.float32)


def _sift_like(n: int) -> Rows:
    """Gradient histograms have clusters, some twenty dimensions of their own, no negative numbers and a ceiling."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n // 100, 24))
    latent = centres[rng.integers(0, len(centres), n)] + 0.7 * rng.normal(size=(n, 24))
    rows = latent @ rng.normal(size=(24, 128)) + 0.5 * rng.normal(size=(n, 128))
    return np.clip(np.rint(20.0 + 12.0 * rows), 0, 218).astype(np.float32)


def _glove_like(n: int) -> Rows:
    """Word vectors have heavy tails, and directions of very different weight."""
    rng = np.random.default_rng(0)
    weights = 1.0 / np.sqrt(1.0 + 0.08 * np.arange(100))
    rows = rng.standard_t(5, size=(n, 100)) * weights
    return (rows * rng.lognormal(0.0, 0.3, (n, 1))).astype(np.float32)


def _file(*path: str) -> Callable[[int], Rows]:
    return lambda _: np.asarray(np.load(REAL.joinpath(*path)), np.float32)


def _dirichlet(dimensions: int, concentration: float) -> Callable[[int], Rows]:
    """Histograms, kept away from zero."""

    def sample(n: int) -> Rows:
        rng = np.random.default_rng(0)
        rows = rng.standard_gamma(concentration, (n, dimensions)) + 1e-6
        return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)

    return sample


def _topics(title: str, distance: str, rows: Callable[[int], Rows], points: int) -> GraphCase:
    return GraphCase(title, distance, rows, points)


CASES = {
    "fashion": GraphCase("Fashion-MNIST, L2", "euclidean", _fashion, 60_000),
    "sift": GraphCase("SIFT-like x 128, L2", "euclidean", _sift_like, 100_000),
    "glove": GraphCase("GloVe-like x 100, cosine", "cosine", _glove_like, 100_000),
    "words": GraphCase("word2vec x 50, cosine", "cosine", _file("words", "books_word2vec_50d.npy"), 10**6),
    "sentences": GraphCase("MiniLM sentences, cosine", "cosine", _file("text", "movie_minilm_f16.npy"), 10**6),
    "sift-1m": GraphCase("SIFT-like 1M x 128, L2", "euclidean", _sift_like, 10**6),
    "glove-1m": GraphCase("GloVe-like 1M x 100, cosine", "cosine", _glove_like, 10**6),
}
for _name, _distance in (("kl", "kldiv"), ("js", "jensen_shannon"), ("is", "itakura_saito")):
    CASES[f"{_name}-8"] = _topics(f"{_distance}, 500k x 8", _distance, _dirichlet(8, 0.5), 500_000)
    CASES[f"{_name}-128"] = _topics(f"{_distance}, 100k x 128", _distance, _dirichlet(128, 0.1), 100_000)
    CASES[f"{_name}-lda"] = _topics(
        f"{_distance}, LDA topics", _distance, _file("topics", "movie_lda128_5k.npy"), 10**6
    )
