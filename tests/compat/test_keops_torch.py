"""torch tensors in, torch tensors out."""

from __future__ import annotations

from typing import Any

import pytest

from anear.compat.keops import LazyTensor, Pm, Vi, Vj
from anear.errors import ArgumentError

torch: Any = pytest.importorskip(
    "torch", reason="torch is large and no requirement; these tests run where it is installed"
)


def clouds() -> tuple[Any, Any]:
    torch.manual_seed(0)
    return torch.rand(30, 3), torch.rand(50, 3)


def test_results_are_tensors() -> None:
    x, y = clouds()
    formula, dense = Vi(x).sqdist(Vj(y)), ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)
    values, ids = formula.Kmin_argKmin(4, dim=1)
    expected = dense.topk(4, largest=False)
    assert ids.dtype == torch.int64
    assert torch.equal(ids, expected.indices)
    torch.testing.assert_close(values, expected.values)
    torch.testing.assert_close(formula.sum(dim=1), dense.sum(1, keepdim=True))
    torch.testing.assert_close(formula.logsumexp(dim=0), dense.logsumexp(0)[:, None])
    torch.testing.assert_close((-formula).exp() @ y, torch.exp(-dense) @ y)
    torch.testing.assert_close((-formula).exp() @ y[:, 0], torch.exp(-dense) @ y[:, 0])


def test_one_tensor_is_enough() -> None:
    x, y = clouds()
    assert isinstance(Vi(x.numpy()).sqdist(Vj(y)).argKmin(2, dim=1), torch.Tensor)
    assert isinstance((Vi(x.numpy()) * Pm(torch.ones(3))).sum(dim=1), torch.Tensor)
    assert isinstance(Vi(0, 3).sqdist(Vj(1, 3)).argKmin(2, dim=1)(x, y), torch.Tensor)


def test_tensors_as_operands() -> None:
    x, _ = clouds()
    w = torch.tensor([1.0, 2.0, 4.0])
    for formula, dense in (
        (w * Vi(x), w * x),
        (w - Vi(x), w - x),
        (w / Vi(x), w / x),
        (w + LazyTensor(x[:, None, :]), w + x),
        (torch.tensor(2.0) * Vi(x), 2 * x),
        (w ** Vi(x), w**x),
        ((w | Vi(x)), (w * x).sum(-1, keepdim=True)),
        (w < 4 * Vi(x), (w < 4 * x).float()),
    ):
        torch.testing.assert_close(formula.sum(dim=1), dense)


def test_tensors_of_other_layouts() -> None:
    x, _ = clouds()
    torch.testing.assert_close(Vi(x.T.contiguous().T[::2]).sum(dim=1), x[::2])
    for wrong in (x.half(), x.int(), x.to_sparse()):
        with pytest.raises(ArgumentError, match="allowed: dense, float32 or float64"):
            Vi(wrong)
    with pytest.raises(ArgumentError, match=r"device meta; copy it to the CPU first: x\.cpu\(\)"):
        Vi(x.to("meta"))


def test_gradients_are_refused_and_not_lost() -> None:
    x, y = clouds()
    x.requires_grad_()
    with pytest.raises(ArgumentError, match=r"x requires gradients, .*x\.detach\(\)"):
        Vi(x)
    with torch.no_grad():
        assert Vi(x).sqdist(Vj(y)).argKmin(1, dim=1).shape == (30, 1)
