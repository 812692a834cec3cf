"""Looking for NaN and infinity."""

from __future__ import annotations

import numpy as np
import pytest

from anear import _core


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("storage", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("place", [0, 7, 16, 36])
def test_finds_one_value_wherever_it_is(place: int, storage: str, value: float) -> None:
    # the largest numbers and subnormal ones beside it are finite
    wide = storage if storage != "bfloat16" else "float32"
    rows = np.full(37, np.finfo(wide).smallest_subnormal, wide)
    rows[::2] = np.finfo(wide).max if storage != "bfloat16" else 3e38
    bits = (lambda a: (a.view(np.uint32) >> 16).astype(np.uint16)) if storage == "bfloat16" else np.asarray
    assert _core.all_finite(bits(rows).reshape(1, -1), storage)
    rows[place] = value
    assert not _core.all_finite(bits(rows).reshape(-1, 1), storage)


def test_whole_numbers_are_finite() -> None:
    assert _core.all_finite(np.full((3, 5), 255, np.uint8), "uint8")
    assert _core.all_finite(np.full((3, 5), -1, np.int8), "int8")
