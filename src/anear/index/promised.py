"""What an index says of its recall, and how to measure it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import numpy.typing as npt

from anear import _core
from anear.errors import ArgumentError
from anear.index.arguments import neighbour_count, real_number, threads, whole_number
from anear.index.methods import APPROXIMATE, Built
from anear.index.promise import Certificate, Promise

if TYPE_CHECKING:
    from anear.index.ids import Ids
    from anear.index.index import Index
    from anear.index.trial import Trial

__all__ = ["Promised", "search_limits"]

_RECALL: Final = 0.95
_MOST: Final = 1 << 20  # queries of an audit, at the most


class Promised:
    """An index that knows how much of the truth it finds."""

    _promise: Promise | None
    _built: Built
    _method: str
    _options: Mapping[str, Any]
    _rows: npt.NDArray[Any]
    _ids: Ids | None

    if TYPE_CHECKING:

        def __len__(self) -> int: ...
        def _queries(self, queries: Any, data: Mapping[str, Any] | None) -> tuple[npt.NDArray[Any], bool]: ...

    @property
    def certificate(self) -> Certificate | None:
        """What is proved of the recall, and of which queries; None where it was not measured.

        Examples
        --------
        >>> import numpy as np
        >>> from anear import Index
        >>> print(Index(np.eye(3), recall=0.9).certificate)
        recall 1: all queries: the method is exact
        """
        return None if self._promise is None else self._promise.certificate

    def certify(
        self,
        recall: float = _RECALL,
        k: int = 10,
        *,
        sample_queries: Any = None,
        confidence: float = 0.95,
        seed: int = 1,
        num_threads: int | None = None,
    ) -> Certificate:
        """Measure how wide a graph must be walked through for a recall, prove it, and have searches use that width.

        Parameters
        ----------
        recall, k, sample_queries : as for ``Index``.
        confidence : of the lower bound, between 0 and 1.
        seed : of the choice of queries. A certificate of the best of several seeds would be worth nothing.
        num_threads : as for ``Index``.

        Returns
        -------
        The certificate; also kept as :attr:`certificate`. Where it does not hold, searches use the widest walk.

        Examples
        --------
        >>> import numpy as np
        >>> from anear import Index
        >>> points = np.random.default_rng(0).random((3000, 8), np.float32)
        >>> index = Index(points, method="hnsw")
        >>> index.certify(recall=0.9).holds
        True
        >>> ids = index.search(points[:5], min_recall=0.85).ids
        """
        from anear.index.asking import Given
        from anear.index.certify import certified, exact_promise

        wanted = real_number(recall, "recall", 0.0, 1.0)
        sure = _confidence(confidence)
        k, team, seed = neighbour_count(k, len(self)), threads(num_threads), whole_number(seed, "seed", 2**53)
        if self._method not in APPROXIMATE:
            self._promise = exact_promise(wanted, k, sure, len(self), seed)
            return self._promise.certificate
        trial, built = _trial(self, team), self._built
        given = None if sample_queries is None else trial.queries(sample_queries, "sample_queries")
        self._promise = certified(
            lambda asked, ef: trial.answers(built, asked, k, ef),
            lambda asked: trial.gold(asked, k),
            trial.made_up(built, seed) if given is None else Given(given, seed),
            wanted,
            k,
            len(self),
            confidence=sure,
            seed=seed,
        )
        return self._promise.certificate

    def audit(
        self,
        queries: Any,
        k: int | None = None,
        *,
        ef: int | None = None,
        confidence: float = 0.95,
        num_threads: int | None = None,
    ) -> Certificate:
        """Compare what searches find for these queries with an exact scan.

        Queries that were never used to choose anything, such as those of last week, tell whether what was certified
        still is so. :attr:`certificate` stays as it is.

        Parameters
        ----------
        queries : as for ``search``; a sample of those whose recall is in question, drawn at random.
        k : None: that of the certificate, or 10.
        ef : the width audited; None: what searches use.
        confidence, num_threads : as for :meth:`certify`.

        Returns
        -------
        A certificate of the recall of queries drawn as these were. Exact methods get theirs without measuring.

        Examples
        --------
        >>> import numpy as np
        >>> from anear import Index
        >>> points = np.random.default_rng(0).random((3000, 8), np.float32)
        >>> audited = Index(points, method="hnsw").audit(np.random.default_rng(1).random((200, 8)))
        >>> audited.queries, audited.estimate > 0.9
        (200, True)
        """
        from anear.index.asking import Given
        from anear.index.certify import certified, exact_promise

        before = self.certificate
        recall = _RECALL if before is None else before.recall
        k = neighbour_count((10 if before is None else before.k) if k is None else k, len(self))
        sure, team = _confidence(confidence), threads(num_threads)
        limits = search_limits(self, k, None, ef, None, None)
        trial = _trial(self, team)
        rows = self._queries(queries, None)[0]
        if self._method not in APPROXIMATE:
            return exact_promise(recall, k, sure, len(self), 0).certificate
        width = max(int(limits.get("ef", _usual_width(self._method, self._options))), k)
        return certified(
            lambda asked, step: trial.answers(self._built, asked, k, step),
            lambda asked: trial.gold(asked, k),
            Given(rows, 0, pilots=False),
            recall,
            k,
            len(self),
            confidence=sure,
            ladder=(width,),
            most=_MOST,
            thorough=True,
        ).certificate


def search_limits(index: Promised, k: int, max_leaves: Any, ef: Any, rerank: Any, min_recall: Any) -> dict[str, float]:
    """The search-time parameters that are given, checked, or what a promise makes of them."""
    method, promise = index._method, index._promise
    limits: dict[str, float] = {}
    if max_leaves is not None:
        if method == "flat" or method in APPROXIMATE:
            raise ArgumentError(f"max_leaves is for trees; this index has method={method!r}")
        if min_recall is not None:
            raise ArgumentError("max_leaves leaves out what it may; it cannot be given together with min_recall")
        limits["max_leaves"] = float(whole_number(max_leaves, "max_leaves", 2**31))
    if ef is not None:
        if method not in APPROXIMATE:
            raise ArgumentError(f"ef is for approximate methods; this index has method={method!r}")
        if min_recall is not None:
            raise ArgumentError("min_recall chooses ef; they cannot be given together")
        limits["ef"] = float(whole_number(ef, "ef", 2**31))
    elif min_recall is not None:
        limits |= _promised(method, promise, real_number(min_recall, "min_recall", 0.0, 1.0), k)
    elif promise is not None and promise.certificate.ef is not None:
        limits["ef"] = float(promise.usual_ef(k) or k)
    if rerank is not None:
        if not index._built.bits:
            raise ArgumentError("rerank is for indexes with codes; this one has none")
        limits["rerank"] = float(whole_number(rerank, "rerank", 2**31))
    return limits


def _promised(method: str, promise: Promise | None, min_recall: float, k: int) -> dict[str, float]:
    if method not in APPROXIMATE:
        return {}
    if promise is None:
        raise ArgumentError(
            "min_recall needs an index whose recall was measured: Index(..., recall=0.95), or index.certify(0.95)"
        )
    ef = promise.ef(min_recall, k)
    return {} if ef is None else {"ef": float(ef)}


def _usual_width(method: str, options: Mapping[str, Any]) -> float:
    """The width where nothing is said: an option of the method, or what the core declares."""
    declared = {one["name"]: one["default"] for one in _core.methods()[method]["search_parameters"]}
    return float(options.get("ef_search", options.get("probes", declared["ef"])))


def _confidence(value: Any) -> float:
    confidence = real_number(value, "confidence", 0.0, 1.0)
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence is {value!r}; allowed: a number between 0 and 1, such as 0.95")
    return confidence


def _trial(index: Promised, team: int) -> Trial:
    from anear.index.trial import Trial

    if len(index) == 0:
        raise ArgumentError("recall cannot be measured: all points of the index were removed")
    ids, rows = index._ids, index._rows
    live = None if ids is None or len(ids) == len(rows) else ids.live_places
    return Trial(cast("Index", index), team, live=live)
