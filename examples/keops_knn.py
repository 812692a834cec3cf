"""KeOps' k-NN example on a CPU: `from pykeops.numpy import LazyTensor` becomes the import below, and nothing else."""

from __future__ import annotations

import numpy as np

from anear.compat.keops import LazyTensor

rng = np.random.default_rng(0)
train = rng.standard_normal((20_000, 3)).astype(np.float32)
test = rng.standard_normal((1_000, 3)).astype(np.float32)

x_i = LazyTensor(test[:, None, :])  # (1000, 1, 3)
y_j = LazyTensor(train[None, :, :])  # (1, 20000, 3)
distances = ((x_i - y_j) ** 2).sum(-1)
print(distances.argKmin(5, dim=1)[:3])
