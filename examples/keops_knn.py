"""A KeOps script on a CPU: `from pykeops.numpy import ...` becomes the import of anear below, and nothing else.

Classifies points by the majority of their neighbours under the four dissimilarities of KeOps' own K-NN example.
"""

from __future__ import annotations

import numpy as np

from anear.compat.keops import LazyTensor, Vi, Vj

rng = np.random.default_rng(0)
centres = rng.uniform(1, 3, (3, 8))
labels = rng.integers(3, size=21_000)
points = np.exp(rng.normal(np.log(centres[labels]), 0.6)).astype(np.float32)  # positive, as the half-space wants them
train, test = points[:20_000], points[20_000:]

x_i = LazyTensor(test[:, None, :])  # (1000, 1, 8)
y_j = LazyTensor(train[None, :, :])  # (1, 20000, 8)
dissimilarities = {
    "Euclidean": ((x_i - y_j) ** 2).sum(-1),
    "Manhattan": (x_i - y_j).abs().sum(-1),
    "cosine": -(x_i.normalize() | y_j.normalize()),
    "hyperbolic": ((x_i - y_j) ** 2).sum(-1) / (x_i[0] * y_j[0]),
}
for name, D_ij in dissimilarities.items():
    neighbours = D_ij.argKmin(15, dim=1)  # (1000, 15)
    votes = (labels[neighbours][:, :, None] == np.arange(3)).sum(axis=1)
    print(f"{name:10}  {np.mean(votes.argmax(axis=1) == labels[20_000:]):.1%} classified correctly")

# Kernel sums go the same way: the smoothed share of each class near each test point, without the matrix of 20 million.
shares = (-dissimilarities["Euclidean"] / 2).exp() @ np.eye(3, dtype=np.float32)[labels[:20_000]]
print(f"kernel sum  {np.mean(shares.argmax(axis=1) == labels[20_000:]):.1%} classified correctly")

# Symbols without data: a search that is written first and given its arrays later.
search = ((Vi(0, 8) - Vj(1, 8)) ** 2).sum(-1).argKmin(1, dim=1)
print("nearest of the first test points:", search(test[:5], train).ravel())
