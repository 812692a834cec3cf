"""Made-up points: each family has the property it is named for, and depends on its seed only."""

from __future__ import annotations

import numpy as np
import pytest

from anear.data import synthetic
from anear.data.synthetic import FAMILIES, make
from anear.errors import ArgumentError


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make(family, 200, 7, seed=3)
    assert rows.shape == (200, 7)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert np.isfinite(rows).all()
    assert np.array_equal(rows, make(family, 200, 7, seed=3))
    assert not np.array_equal(rows, make(family, 200, 7, seed=4))
    assert make(family, 1, 1, dtype=np.float64).dtype == np.float64
    monkeypatch.setattr(synthetic, "_BLOCK", 70)
    assert make(family, 200, 7, seed=3).shape == rows.shape
    with pytest.raises(ArgumentError, match="n and dimension must be at least 1, not 0 and 3"):
        make(family, 0, 3)


def test_what_the_families_promise() -> None:
    assert make("cube", 500, 4).min() >= 0
    assert np.allclose(np.linalg.norm(make("sphere", 500, 4), axis=1), 1, atol=1e-6)
    assert make("half-space", 500, 4)[:, 0].min() >= 0.5
    histograms = make("simplex", 500, 50, concentration=0.01)
    assert histograms.min() > 0
    assert np.allclose(histograms.sum(axis=1), 1, atol=1e-5)
    assert set(np.unique(make("lattice", 500, 4, side=3))) == {0, 1, 2}
    assert len(np.unique(make("duplicates", 500, 4), axis=0)) == 50
    assert len(np.unique(make("clusters", 500, 4, spread=0, centres=5), axis=0)) == 5


def test_wrong_options() -> None:
    for family, options in [("simplex", {"concentration": 0}), ("clusters", {"centres": 0}), ("lattice", {"side": 0})]:
        with pytest.raises(ArgumentError, match=next(iter(options))):
            make(family, 5, 5, **options)
    with pytest.raises(ArgumentError, match="family is 'ball'; allowed are cube, normal"):
        make("ball", 5, 5)
