"""A lower bound of a mean that holds whenever one stops looking: the statistics of recall certificates.

A gambler who believes that the mean of numbers in [0, 1] exceeds m stakes a part of a fortune on each of them: it
becomes K * (1 + l * (value - m)), which does not grow on average where the mean is m or less, if 0 <= l <= 1/m. So K
ever reaches 1/a with a chance of at most a (Ville's inequality, 1939), however often one looks and whenever one stops:
all m at which it did are refuted, together at confidence 1 - a. The fortune here is the average of gamblers with
different l, among whom one is good for every spread of the values.

Source: I. Waudby-Smith, A. Ramdas: Estimating means of bounded random variables by betting, J. R. Stat. Soc. B 86
(2024), https://arxiv.org/abs/2010.09686; the average over bets goes back to T. Cover's universal portfolios (1991).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["lower_bound"]

# What each gambler stakes, of the most that leaves no debts.
_STAKES: Final = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
_HALVINGS: Final = 40


def lower_bound(counts: npt.NDArray[np.int64], confidence: float = 0.95) -> float:
    """What the mean of the population is at least, at ``confidence``, whenever the sample was stopped to grow.

    Parameters
    ----------
    counts : how many of the sample were 0/k, 1/k, ..., k/k; drawn independently, or without replacement.
    confidence : between 0 and 1.

    Returns
    -------
    The bound for the sample as it is. The largest of the bounds at several stages of a growing sample is one as well.

    Examples
    --------
    >>> round(lower_bound(np.array([0, 0, 200])), 3), round(lower_bound(np.array([0, 5, 195])), 3)
    (0.974, 0.959)
    >>> lower_bound(np.array([100, 0, 0]))
    0.0
    """
    values = np.linspace(0.0, 1.0, len(counts))
    goal = -math.log1p(-confidence)
    low, high = 0.0, 1.0
    # The fortune falls as m rises, so what is refuted is an interval that begins at 0.
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _fortune(counts, values, middle) >= goal:
            low = middle
        else:
            high = middle
    return low if low > 0 else 0.0


def _fortune(counts: npt.NDArray[np.int64], values: npt.NDArray[np.float64], m: float) -> float:
    """The logarithm of the gamblers' average fortune, who all had 1 and thought the mean to be more than ``m``."""
    growth = np.log1p(np.outer(_STAKES / m, values - m)) @ counts
    return float(np.logaddexp.reduce(growth) - math.log(len(_STAKES)))
