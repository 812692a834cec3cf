"""What the tests of methods may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from anear import _core

HOST = _core.host_features()


@pytest.fixture(params=[[], ["avx2"], HOST], ids=["plain", "avx2", "all"])
def features(request: pytest.FixtureRequest) -> Iterator[None]:
    """The core's loops over codes for each kind of processor that this one can stand for."""
    if not set(request.param) <= set(HOST):
        pytest.skip(f"this processor lacks {request.param}")
    _core.allow_features(request.param)
    yield
    _core.allow_features(HOST)
