"""Made-up rows lie where the distances are defined, and are the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from anear.evaluate.samples import sample
from anear.evaluate.throughput import example
from anear.spaces import Distance, all_distances


@pytest.mark.parametrize("distance", all_distances(), ids=lambda distance: distance.name)
@pytest.mark.parametrize("dimensions", [2, 17])
def test_every_distance_is_defined_on_its_sample(distance: Distance, dimensions: int) -> None:
    resolved = example(distance, dimensions)
    for side, domain in (("queries", resolved.query_domain), ("points", resolved.point_domain)):
        rows = sample(domain, 500, dimensions)
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
        assert len(rows) == 500
        domain.check(rows, side, distance.name)


def test_seeds() -> None:
    domain = all_distances()[0].bind().point_domain
    np.testing.assert_array_equal(sample(domain, 20, 3, seed=1), sample(domain, 20, 3, seed=1))
    assert (sample(domain, 20, 3, seed=1) != sample(domain, 20, 3, seed=2)).any()
