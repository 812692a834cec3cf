"""KeOps' symbolic tensors on the CPU: a K-NN script of KeOps runs after a change of import.

    from pykeops.numpy import LazyTensor, Vi, Vj, Pm        # becomes
    from anear.compat.keops import LazyTensor, Vi, Vj, Pm   # also for pykeops.torch

``argKmin``, ``Kmin`` and their kin become exact searches by compiled code; sums over i or j are added up in float64.

    LazyTensor --operations--> vectors (formulas of query and point fields) --problem--> formulas of x and y, arrays
                                                                               |
                                                        reductions: Index.search, pairwise in blocks

What is different from KeOps: derivatives, complex numbers, batch dimensions, block-sparse ranges and linear solvers are
refused; NaN is never among the smallest or largest values; where there are fewer than K values the rest is -1 and inf.

>>> import numpy as np
>>> x, y = np.random.default_rng(0).random((2, 1000, 3))
>>> Vi(x).sqdist(Vj(y)).argKmin(10, dim=1).shape
(1000, 10)
"""

from __future__ import annotations

from anear.compat.keops.lazytensor import LazyTensor, Pm, Reduction, Vi, Vj

__all__ = ["LazyTensor", "Pm", "Reduction", "Vi", "Vj"]
