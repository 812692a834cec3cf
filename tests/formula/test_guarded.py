"""The guarded form is the formula or NaN, and NaN where digits would be lost."""

from __future__ import annotations

import numpy as np
import pytest

from anear.formula import formula
from anear.formula.interpret import evaluate
from anear.formula.plan import reconstruct
from anear.index.stages import stages_of
from anear.spaces.lookup import all_distances, resolve

GUARDED = [d for d in all_distances() if not d.parameters and stages_of(d.bind({}).expr, True).guarded is not None]


def test_the_distances_that_gain_from_it() -> None:
    names = {d.name for d in GUARDED}
    assert {"euclidean", "sqeuclidean", "angular", "hellinger", "kldiv", "itakura_saito"} <= names
    assert not {"negdotprod", "cosine", "chi_square", "canberra"} & names


@pytest.mark.parametrize("distance", GUARDED, ids=lambda d: d.name)
def test_the_formula_or_nan(distance) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    x, y = (0.05 + 0.2 * rng.random((n, 6)) for n in (9, 30))
    if distance.name == "hyperboloid":
        x, y = (np.concatenate([np.sqrt(1 + (z**2).sum(1, keepdims=True)), z], axis=1) for z in (x, y))
    y[:3] = x[:3]
    expr = distance.bind({}).expr
    plan = stages_of(expr, True).guarded
    assert plan is not None
    with np.errstate(all="ignore"):
        guarded, exact = evaluate(reconstruct(plan), x, y), evaluate(expr, x, y)
    assert plan.guarded
    found = ~np.isnan(guarded)
    np.testing.assert_allclose(guarded[found], exact[found], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["euclidean", "sqeuclidean", "angular", "hellinger"])
def test_what_is_near_is_left_out(name: str) -> None:
    rng = np.random.default_rng(2)
    x = 1 + rng.random((20, 6))
    plan = stages_of(resolve(name).expr, True).guarded
    assert plan is not None
    whole = reconstruct(plan)
    assert np.isnan(np.diag(evaluate(whole, x, x))).all()
    assert np.isnan(np.diag(evaluate(whole, x, x + 1e-4))).all()
    assert not np.isnan(np.diag(evaluate(whole, x, x * [50, 0, 50, 0, 0, 0]))).all()


def test_what_may_be_undefined_is_left_alone_unless_the_data_are_known() -> None:
    assert stages_of(formula("sum(y * log(y / x))"), False).guarded is None
    assert stages_of(formula("sqrt(sum((x - y)**2))"), False).guarded is not None
