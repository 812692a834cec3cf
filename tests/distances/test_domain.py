"""What is refused, and how the message says so."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from anear.errors import ArgumentError, DomainError
from anear.spaces import domain as domains
from anear.spaces.domain import Domain

CASES: list[tuple[Domain, list[float], list[float]]] = [
    (domains.REAL, [-1e30, 0.0, 1.0], []),
    (domains.NON_NEGATIVE, [0.0, 1e-30, 5.0], [-1e-30, -1.0]),
    (domains.POSITIVE, [1e-30, 5.0], [0.0, -0.0, -1.0]),
    (domains.UNIT_INTERVAL, [0.0, 0.5, 1.0], [-0.1, 1.1]),
    (domains.INTEGERS, [-3.0, 0.0, 7.0], [0.5]),
    (domains.BINARY, [0.0, 1.0], [0.5, 2.0, -1.0]),
]


@pytest.mark.parametrize(("domain", "good", "bad"), CASES, ids=lambda c: c.name if isinstance(c, Domain) else "")
def test_values(domain: Domain, good: list[float], bad: list[float]) -> None:
    rows = np.resize(np.array(good), (40, 7))
    domain.check(rows, "points", "test")
    for value in bad:
        broken = rows.copy()
        broken[31, 4] = value
        with pytest.raises(DomainError, match=rf"points\[31, 4\] is {value!r}, but test .*check_domain=False"):
            domain.check(broken, "points", "test")


@pytest.mark.parametrize("kind", ["float64", "float32", "float16", ml_dtypes.bfloat16, "int8"])
def test_every_storage_type(kind: str) -> None:
    rows = np.full((5, 3), 2).astype(kind)
    domains.POSITIVE.check(rows, "points", "test")
    rows[3, 2] = 0
    with pytest.raises(DomainError, match=r"points\[3, 2\] is 0.0"):
        domains.POSITIVE.check(rows, "points", "test")


def test_far_down_a_tall_array_and_in_column_order() -> None:
    rows = np.ones((300_000, 2), dtype=np.float32)
    rows[299_999, 1] = -1
    for array in (rows, np.asfortranarray(rows), rows[:, ::-1][:, ::-1]):
        with pytest.raises(DomainError, match=r"queries\[299999, 1\] is -1.0, but kldiv"):
            domains.NON_NEGATIVE.check(array, "queries", "kldiv")


def test_a_single_row_and_no_rows() -> None:
    with pytest.raises(DomainError, match=r"query\[0, 1\]"):
        domains.NON_NEGATIVE.check(np.array([1.0, -1.0]), "query", "kldiv")
    domains.NON_NEGATIVE.check(np.empty((0, 3)), "points", "kldiv")
    domains.UNIT_BALL.check(np.empty((0, 3)), "points", "poincare_ball")


def test_nan_is_decided_elsewhere_and_does_not_hide_others() -> None:
    rows = np.array([[np.nan, 1.0], [2.0, 3.0]])
    for domain in (domains.NON_NEGATIVE, domains.POSITIVE, domains.UPPER_HALF_SPACE, domains.NON_ZERO):
        domain.check(rows, "points", "test")
    rows[1, 1] = -3.0
    with pytest.raises(DomainError, match=r"points\[1, 1\]"):
        domains.NON_NEGATIVE.check(rows, "points", "test")


def test_rules_on_rows_and_columns() -> None:
    with pytest.raises(DomainError, match=r"points\[1\] has the norm 1.0, but poincare_ball .* rows of norm < 1"):
        domains.UNIT_BALL.check(np.array([[0.1, 0.2], [0.6, 0.8]]), "points", "poincare_ball")
    domains.UPPER_HALF_SPACE.check(np.array([[0.1, -2.0]]), "points", "half_space")
    with pytest.raises(DomainError, match=r"points\[0, 0\] is 0.0, but half_space takes only numbers > 0 in column 0"):
        domains.UPPER_HALF_SPACE.check(np.array([[0.0, 2.0]]), "points", "half_space")
    with pytest.raises(DomainError, match=r"points\[2\] has the largest magnitude 0.0"):
        domains.NON_ZERO.check(np.array([[0, 1], [1, 0], [0, 0]]), "points", "cosine")
    with pytest.raises(DomainError, match=r"points\[0\] has the spread"):
        domains.NON_CONSTANT.check(np.array([[3.0, 3.0], [1.0, 2.0]]), "points", "correlation")
    with pytest.raises(DomainError, match="hyperboloid"):
        domains.HYPERBOLOID.check(np.array([[1.5, 0.0]]), "points", "hyperboloid")
    with pytest.raises(DomainError, match=r"points\[0, 0\] is -1.0"):
        domains.HYPERBOLOID.check(np.array([[-1.0, 0.0]]), "points", "hyperboloid")


def test_latitude_and_longitude() -> None:
    north_pole = np.array([[np.pi / 2, np.pi]], dtype=np.float32)
    domains.LATITUDE_LONGITUDE.check(north_pole, "points", "haversine")
    with pytest.raises(DomainError, match=r"points\[0, 0\] is 52.5, but haversine takes only latitude .* in radians"):
        domains.LATITUDE_LONGITUDE.check(np.array([[52.5, 13.4]]), "points", "haversine")
    with pytest.raises(ArgumentError, match="points has 3 columns, but haversine takes 2"):
        domains.LATITUDE_LONGITUDE.check(np.zeros((4, 3)), "points", "haversine")
    with pytest.raises(ArgumentError, match="points has 1 columns, but correlation takes at least 2"):
        domains.NON_CONSTANT.check(np.zeros((4, 1)), "points", "correlation")


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(-4, 4, width=16)),
    st.sampled_from([c[0] for c in CASES]),
)
def test_refuses_exactly_what_its_rules_refuse(rows: np.ndarray, domain: Domain) -> None:
    refused = any(rule.refused(rows).any() for rule in domain.rules)
    if refused:
        with pytest.raises(DomainError):
            domain.check(rows, "points", "test")
    else:
        domain.check(rows, "points", "test")
