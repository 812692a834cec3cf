"""The compiled core (core/bindings): private to ``anear.index``. Raises the errors of ``anear.errors``."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Progress = Callable[[int, int], object]

class Code:
    """Machine code loaded into this process; it stays as long as something refers to it."""

    @property
    def symbols(self) -> dict[str, int]:
        """Addresses of the global functions by name."""
    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""

class Table:
    """A kernel table: what a compiled distance can do."""

    def __init__(self, fields: dict[str, int], codes: list[Code]) -> None:
        """Set the fields of KernelTable (core/kernel/abi.h) by name: numbers and addresses. Keeps ``codes`` alive."""

class Estimate:
    """A table that computes a rank, and how far it may be off."""

    def __init__(
        self,
        table: Table,
        parameters: NDArray[np.float64],
        slack_slots: NDArray[np.int32],
        slack_scale: float,
        relative: float,
        offset_slot: int,
    ) -> None: ...

class Boxes:
    """What boxes are made of, and the tables that bound ranks over them."""

    def __init__(
        self,
        lower: Estimate,
        upper: Estimate | None,
        low: NDArray[Any],
        high: NDArray[Any],
        storage: str,
        split: NDArray[Any],
        split_storage: str,
        extras: int,
    ) -> None: ...

class Balls:
    """What balls are made of: the table that bounds ranks over them, and distances."""

    def __init__(
        self,
        table: Table,
        parameters: NDArray[np.float64],
        reach: Table,
        reach_parameters: NDArray[np.float64],
        means: bool,
    ) -> None: ...

class RowForm:
    """How prepared points lie as rows, and the points as queries."""

    def __init__(
        self,
        pieces: NDArray[np.int32],
        raw: bool,
        objects: NDArray[Any],
        storage: str,
        raw_queries: bool = False,
        symmetric: bool = False,
        never_negative: bool = False,
    ) -> None: ...
    def build_by(self, estimate: Estimate, form: RowForm, code_form: CodeForm | None = None) -> None:
        """What a graph is built by, where that is not what it is searched with."""

class CodeForm:
    """What codes are made of, and for formulas that are no inner product the kernel that decodes them."""

    def __init__(
        self,
        table: Table,
        parameters: NDArray[np.float64],
        terms: NDArray[np.int32],
        kernel: Table | None = None,
        kernel_parameters: NDArray[np.float64] | None = None,
        bits: int = 8,
        levels_at: int = -1,
        objects: int = 0,
        whole: bool = False,
    ) -> None: ...

class PlainQueries:
    """What plain queries hold: finite numbers of a type, all of them above a bound, perhaps not all zero."""

    def __init__(self, type: str, above: float, not_zero: bool, calls: ShortCalls | None = None) -> None: ...

class Index:
    """A method built over rows, which it keeps alive.

    ``rows`` is a C-contiguous 2-D array of ``storage`` (bfloat16: viewed as uint16); ``progress(done, total)`` is
    called about ten times a second from the calling thread, False or an exception cancels.
    """

    def __init__(
        self,
        method: str,
        rows: NDArray[Any],
        storage: str,
        search: Table,
        exact: Table,
        search_parameters: NDArray[np.float64],
        exact_parameters: NDArray[np.float64],
        slack_slots: NDArray[np.int32],
        slack_scale: float,
        relative: float,
        parameters: dict[str, float],
        num_threads: int = 0,
        progress: _Progress | None = None,
        offset_slot: int = -1,
        boxes: Boxes | None = None,
        balls: Balls | None = None,
        row_form: RowForm | None = None,
        code_form: CodeForm | None = None,
        stored: dict[str, NDArray[Any]] = ...,
        look: bool = True,
    ) -> None: ...
    def knn(
        self,
        queries: NDArray[Any],
        query_storage: str,
        k: int,
        num_threads: int = 0,
        exclude: NDArray[np.uint32] | None = None,
        allow: NDArray[np.uint8] | None = None,
        distance_type: str = "float32",
        progress: _Progress | None = None,
        parameters: dict[str, float] = ...,
        effort: NDArray[np.int32] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """(ids, distances), both (queries, k); -1 and inf where there are fewer.

        A tree fills ``effort``: the blocks it looked at for each query, negative where it gave up.
        """
    def add(
        self,
        rows: NDArray[Any],
        storage: str,
        row_form: RowForm | None = None,
        num_threads: int = 0,
        progress: _Progress | None = None,
    ) -> None:
        """Takes in the rows behind those there are, while others search; ``rows`` are all of them."""
    def remove(
        self,
        points: NDArray[np.uint32],
        row_form: RowForm | None = None,
        num_threads: int = 0,
        progress: _Progress | None = None,
    ) -> None:
        """Leaves points out from now on, while others search."""
    def check(self) -> tuple[bool, int, int, list[str]]:
        """(sound, live points, points in reach, faults in words)."""
    @property
    def points(self) -> int:
        """How many points it has ever had, those removed as well."""
    @property
    def live(self) -> int:
        """How many points were not removed."""
    def one(
        self,
        query: object,
        queries: PlainQueries,
        k: object,
        num_threads: object,
        ef: object,
        give_up: float = 0.0,
        rerank: object = None,
    ) -> tuple[NDArray[np.int64], NDArray[Any]] | None:
        """(ids, distances) of one plain query, (k,), or of some, (queries, k); None if they or a number are not plain.
        With ``give_up`` ids are -1 where a query gave up; below 0: none does, and the queries' ``calls`` are not asked.
        """

    def range(
        self,
        queries: NDArray[Any],
        query_storage: str,
        radius_rank: NDArray[np.float64],
        radius: NDArray[np.float64],
        exclude: NDArray[np.uint32] | None = None,
        allow: NDArray[np.uint8] | None = None,
        num_threads: int = 0,
        distance_type: str = "float32",
        progress: _Progress | None = None,
        parameters: dict[str, float] = ...,
        effort: NDArray[np.int32] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
        """(ids, distances, offsets): query q's answers lie at offsets[q]:offsets[q + 1]."""
    def count(
        self,
        queries: NDArray[Any],
        query_storage: str,
        radius_rank: NDArray[np.float64],
        sure_rank: NDArray[np.float64],
        radius: NDArray[np.float64],
        exclude: NDArray[np.uint32] | None = None,
        allow: NDArray[np.uint8] | None = None,
        num_threads: int = 0,
        progress: _Progress | None = None,
        parameters: dict[str, float] = ...,
        effort: NDArray[np.int32] | None = None,
    ) -> NDArray[np.int64]:
        """How many points each query has within its radius."""
    def listed(
        self,
        queries: NDArray[Any],
        query_storage: str,
        radius_rank: NDArray[np.float64],
        sure_rank: NDArray[np.float64],
        radius: NDArray[np.float64],
        distances: bool,
        num_threads: int = 0,
        progress: _Progress | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64] | None, NDArray[np.int64]]:
        """Ids within each query's radius, rising, or with distances in any order: (ids, distances or None, offsets)."""

    def listed_one(
        self,
        query: object,
        queries: PlainQueries,
        radius_rank: float,
        sure_rank: float,
        radius: float,
        num_threads: object,
    ) -> NDArray[np.int64] | None:
        """The ids within a radius of one plain query, rising; None if it or a number is not plain."""

    def join(
        self,
        queries: NDArray[Any],
        query_storage: str,
        radius_rank: float,
        sure_rank: float,
        radius: float,
        distances: bool,
        num_threads: int = 0,
        progress: _Progress | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
        """Pairs of points within a radius of each other, each once, and their distances or None."""

    def pairs(
        self,
        queries: NDArray[Any],
        query_storage: str,
        radius_rank: NDArray[np.float64],
        sure_rank: NDArray[np.float64],
        radius: NDArray[np.float64],
        num_threads: int = 0,
        progress: _Progress | None = None,
    ) -> NDArray[np.int64]:
        """How many pairs of a query and a point lie within each radius; the radii rise."""
    def sums(
        self,
        queries: NDArray[Any],
        query_storage: str,
        value: Table,
        parameters: NDArray[np.float64],
        value_queries: NDArray[np.float64],
        atol: NDArray[np.float64],
        rtol: float,
        weights: NDArray[np.float64] | None = None,
        num_threads: int = 0,
        progress: _Progress | None = None,
    ) -> NDArray[np.float64]:
        """The sum over all points of a falling function of the rank, which `value` computes, for each query."""
    @property
    def order(self) -> NDArray[np.int64]:
        """The points' ids in the order in which the method keeps them."""
    @property
    def maxima(self) -> NDArray[np.float64]:
        """Largest values over all points that enter the rounding bound."""
    @property
    def computed(self) -> tuple[int, int, int]:
        """Distances computed: while building, then by all searches so far (scanned, exact)."""
    @property
    def visits(self) -> tuple[int, int, int]:
        """Of a tree, by all searches so far: nodes whose children were bounded, leaves scanned, nodes and leaves of
        which the bound alone told enough.
        """
    @property
    def parts(self) -> dict[str, NDArray[Any]]: ...
    @property
    def nbytes(self) -> int:
        """Bytes held beside the rows."""

class Flat(Index):
    """Exact search by scanning every point."""

    def __init__(
        self,
        rows: NDArray[Any],
        storage: str,
        search: Table,
        exact: Table,
        search_parameters: NDArray[np.float64],
        exact_parameters: NDArray[np.float64],
        slack_slots: NDArray[np.int32],
        slack_scale: float,
        relative: float,
        num_threads: int = 0,
        progress: _Progress | None = None,
        offset_slot: int = -1,
    ) -> None: ...

class ShortCall:
    """Calls with so few queries of one kind. They take but microseconds, so most of them go the way that took less
    before, down a tree or to a scan, without a look at anything; one in so many is timed.
    """

    def __init__(
        self, give_up: float, tree: float, scan: float, every: int = 32, until_scans: bool = False
    ) -> None: ...
    def next(self) -> tuple[bool, bool]:
        """Whether a call is scanned for, and whether its time is wanted. Now and then some calls go the way that has
        been slower, for it may no longer be.
        """

    def learn(self, scanned: bool, took: float) -> None:
        """What a call took, in nanoseconds of the caller's thread."""

    def doubt(self) -> None:
        """The next call is to be looked at."""
    @property
    def scans(self) -> bool:
        """Which way calls go."""
    @property
    def over(self) -> bool:
        """Whether calls are no longer to go by this: those that do ``until_scans``, once scans take less."""
    @property
    def tree(self) -> float:
        """Nanoseconds that calls took in the tree, the latest counting most."""
    @property
    def scan(self) -> float:
        """The same of scans."""
    @property
    def give_up(self) -> float:
        """With how many blocks a query gives up."""

class ShortCalls:
    """What calls with few plain queries, of a tree or of a scan, go by: most of those to method "auto".

    ``completed()`` is a function of (query, queries, k, num_threads, found), or None: it answers where some of those
    ``found`` by the tree have no answer, and where there is no scan yet.
    """

    def __init__(self, completed: Callable[[], Callable[..., Any] | None]) -> None: ...
    def add(self, k: int, queries: int, call: ShortCall) -> None:
        """From now on calls for so many neighbours with so many queries go by ``call``."""

    def scan_by(self, scan: Index) -> None:
        """``scan`` is an index over the same points."""

def load_code(object_bytes: bytes) -> Code:
    """Load an ELF64 relocatable object compiled for this machine; RuntimeError if it is damaged."""

def host_features() -> list[str]:
    """Vector instruction sets of this processor, by LLVM's names."""

def allow_features(features: list[str]) -> None:
    """Use no others of the processor's instruction sets in what is built from now on."""

def num_threads() -> int:
    """ANEAR_NUM_THREADS, else the processors this process may use."""

def task_times(function: Callable[[], object]) -> tuple[float, float]:
    """Call a function on this thread alone; CPU seconds of all tasks in it, and of the longest chain of them."""

def methods() -> dict[str, dict[str, Any]]:
    """What methods there are, with their parameters."""

def gather(
    table: Table,
    query_row: NDArray[Any],
    query_storage: str,
    rows: NDArray[Any],
    storage: str,
    ids: NDArray[np.uint32],
    parameters: NDArray[np.float64],
) -> NDArray[Any]:
    """Run the table's gather kernel: values of one query (1, columns) to the rows ``ids``."""

def pair(table: Table, a: NDArray[Any], b: NDArray[Any], parameters: NDArray[np.float64]) -> float:
    """Run the table's pair kernel on two rows of the storage type."""

def all_finite(rows: NDArray[Any], storage: str, num_threads: int = 1) -> bool:
    """Whether no number of the rows is NaN or infinite."""

def pairwise(
    queries: NDArray[Any],
    query_storage: str,
    points: NDArray[Any],
    point_storage: str,
    table: Table,
    parameters: NDArray[np.float64],
    out: NDArray[Any],
    num_threads: int = 0,
    progress: _Progress | None = None,
    guarded: Table | None = None,
    guarded_parameters: NDArray[np.float64] | None = None,
    exact: Table | None = None,
    exact_parameters: NDArray[np.float64] | None = None,
) -> None:
    """Fill ``out`` (float32 or float64) with what the table's store kernels compute for every query and point.

    With ``guarded`` and ``exact`` the guarded table's store kernel does it; where that gives NaN, exact's gather.
    """

def knn_graph(
    rows: NDArray[Any],
    storage: str,
    search: Estimate,
    exact: Table,
    exact_parameters: NDArray[np.float64],
    row_form: RowForm,
    k: int,
    parameters: dict[str, float],
    distance_type: str,
    num_threads: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[Any]]: ...
