"""Numbers of points that do not fit 31 bits. The points lie in a file of zeros that takes no room on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.codegen.calling import Called

import anear
from anear.errors import ArgumentError
from anear.formula import formula

_MANY = 2**31 + 1000


@pytest.fixture
def zeros(tmp_path: Path) -> np.ndarray:
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.truncate(_MANY)
    return np.memmap(path, np.uint8, "r+", shape=(_MANY, 1))


def test_kernels_read_rows_behind_the_first_2_to_the_31(zeros: np.ndarray) -> None:
    zeros[[0, 2**31 - 1, 2**31, _MANY - 1], 0] = [1, 2, 3, 4]
    called = Called(formula("sum(abs(x - y))"), 1, "uint8")
    ids = np.array([_MANY - 1, 0, 2**31, 2**31 - 1, 2**31 + 1])
    query = called.queries(np.zeros((1, 1), np.uint8))[:1].copy()
    assert called.gather(query, zeros, ids).tolist() == [4, 1, 3, 2, 0]


@pytest.mark.parametrize("method", ["hnsw", "ivf"])
def test_methods_whose_own_numbers_have_a_sign_refuse_more(zeros: np.ndarray, method: str) -> None:
    with pytest.raises(ArgumentError, match=f"{_MANY} points are too many for this method; it takes 2146435072"):
        anear.Index(zeros, "manhattan", method=method)
