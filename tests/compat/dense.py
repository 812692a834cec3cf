"""The naive twin of KeOps' symbolic tensors: the whole array (M, N, D) in float64, operated on at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


class Dense:
    """Vectors for every i and j, by NumPy; the methods that the symbolic tensors have, by the same names."""

    __array_ufunc__ = None

    def __init__(self, values: Any) -> None:
        array = np.asarray(values, np.float64)
        self.a: Array = array if array.ndim == 3 else array.reshape(1, 1, -1)

    def _with(self, function: Callable[..., Array], *others: Any) -> Dense:
        with np.errstate(all="ignore"):
            return Dense(function(self.a, *(o.a if isinstance(o, Dense) else Dense(o).a for o in others)))

    def _joined(self, function: Callable[[Array, Array], Array], other: Any) -> Dense:
        """``function`` of two arrays of the same M and N."""
        b = other.a if isinstance(other, Dense) else Dense(other).a
        rows = np.broadcast_shapes(self.a.shape[:2], b.shape[:2])
        return Dense(function(*(np.broadcast_to(z, rows + z.shape[2:]) for z in (self.a, b))))

    def __add__(self, o: Any) -> Dense:
        return self._with(np.add, o)

    def __sub__(self, o: Any) -> Dense:
        return self._with(np.subtract, o)

    def __mul__(self, o: Any) -> Dense:
        return self._with(np.multiply, o)

    def __truediv__(self, o: Any) -> Dense:
        return self._with(np.divide, o)

    def __pow__(self, o: Any) -> Dense:
        return self._with(np.power, o)

    def __radd__(self, o: Any) -> Dense:
        return Dense(o) + self

    def __rsub__(self, o: Any) -> Dense:
        return Dense(o) - self

    def __rmul__(self, o: Any) -> Dense:
        return Dense(o) * self

    def __rtruediv__(self, o: Any) -> Dense:
        return Dense(o) / self

    def __rpow__(self, o: Any) -> Dense:
        return Dense(o) ** self

    def __neg__(self) -> Dense:
        return self._with(np.negative)

    def __or__(self, o: Any) -> Dense:
        return (self * o).sum(-1)

    def __ror__(self, o: Any) -> Dense:
        return self | o

    def __lt__(self, o: Any) -> Dense:
        return self._with(np.less, o)

    def __le__(self, o: Any) -> Dense:
        return self._with(np.less_equal, o)

    def __gt__(self, o: Any) -> Dense:
        return self._with(np.greater, o)

    def __ge__(self, o: Any) -> Dense:
        return self._with(np.greater_equal, o)

    def __eq__(self, o: object) -> Dense:  # type: ignore[override]
        return self._with(np.equal, o)

    def __ne__(self, o: object) -> Dense:  # type: ignore[override]
        return self._with(np.not_equal, o)

    def __abs__(self) -> Dense:
        return self.abs()

    def __getitem__(self, key: Any) -> Dense:
        key = key[-1] if isinstance(key, tuple) else key
        return Dense(self.a[..., key] if isinstance(key, slice) else self.a[..., key : key + 1])

    def __getattr__(self, name: str) -> Callable[..., Dense]:
        functions: dict[str, Callable[..., Array]] = {
            "abs": np.abs,
            "acos": np.arccos,
            "asin": np.arcsin,
            "atan": np.arctan,
            "atan2": np.arctan2,
            "clamp": np.clip,
            "cos": np.cos,
            "exp": np.exp,
            "ifelse": lambda c, a, b: np.where(c >= 0, a, b),
            "log": np.log,
            "mod": lambda a, m, d=0.0: a - m * np.floor((a - d) / m),
            "relu": lambda a: np.maximum(a, 0),
            "rsqrt": lambda a: np.where(a == 0, 0, 1 / np.sqrt(a)),
            "sign": np.sign,
            "sin": np.sin,
            "sinc": np.sinc,
            "sinxdivx": lambda a: np.sinc(a / np.pi),
            "sqrt": np.sqrt,
            "square": np.square,
            "step": lambda a: a >= 0,
            "xlogx": lambda a: np.where(a == 0, 0, a * np.log(np.where(a == 0, 1, a))),
            "min": lambda a: a.min(-1, keepdims=True),
            "max": lambda a: a.max(-1, keepdims=True),
            "argmin": lambda a: a.argmin(-1, keepdims=True),
            "argmax": lambda a: a.argmax(-1, keepdims=True),
            "sqnorm2": lambda a: (a**2).sum(-1, keepdims=True),
            "norm2": lambda a: np.linalg.norm(a, axis=-1, keepdims=True),
            "normalize": lambda a: (
                a / np.where((a == 0).all(-1, keepdims=True), 1, np.linalg.norm(a, axis=-1, keepdims=True))
            ),
        }
        if name not in functions:
            raise AttributeError(name)
        return lambda *others: self._with(functions[name], *others)

    @property
    def ndim(self) -> int:
        return int(self.a.shape[-1])

    def sum(self, axis: int = -1, dim: int = -1) -> Dense:
        return Dense(self.a.sum(-1, keepdims=True))

    def round(self, decimals: int = 0) -> Dense:
        scale = 10.0**decimals
        return Dense(np.sign(self.a) * np.floor(np.abs(self.a) * scale + 0.5) / scale)

    def power(self, o: Any) -> Dense:
        return self**o

    def norm(self, dim: int) -> Dense:
        return self.norm2()

    def sqdist(self, o: Any) -> Dense:
        return (self - o).sqnorm2()

    def weightedsqnorm(self, w: Any) -> Dense:
        w = w if isinstance(w, Dense) else Dense(w)
        size = self.a.shape[-1]
        if size > 1 and w.a.shape[-1] == size * size:
            return self | w.matvecmult(self)
        return (w * self * self).sum(-1)

    def weightedsqdist(self, o: Any, w: Any) -> Dense:
        return (self - o).weightedsqnorm(w)

    def concat(self, o: Any) -> Dense:
        return self._joined(lambda a, b: np.concatenate([a, b], axis=-1), o)

    def tensorprod(self, o: Any) -> Dense:
        return self._joined(lambda a, b: (a[..., :, None] * b[..., None, :]).reshape(*a.shape[:2], -1), o)

    def matvecmult(self, o: Any) -> Dense:
        return self._joined(lambda m, b: (m.reshape(*m.shape[:2], -1, b.shape[-1]) @ b[..., None])[..., 0], o)

    def vecmatmult(self, o: Any) -> Dense:
        return self._joined(lambda b, m: (b[..., None, :] @ m.reshape(*m.shape[:2], b.shape[-1], -1))[..., 0, :], o)

    def one_hot(self, size: int) -> Dense:
        return Dense(self.round().a == np.arange(size))

    def elem(self, i: int) -> Dense:
        return self[i]

    def extract(self, i: int, d: int) -> Dense:
        return self[i : i + d]

    def over(self, dim: int, shape: tuple[int, int]) -> Array:
        """(queries, points, D) of a reduction over i (0) or j (1), of an array of this M and N."""
        whole = np.broadcast_to(self.a, shape + self.a.shape[2:])
        return whole if dim == 1 else whole.swapaxes(0, 1)
