"""The commands that search and that tell about distances."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

import anear
from anear.cli import options
from anear.cli.bench import bench
from anear.cli.demo import demo
from anear.cli.inputs import assignments, fields, read, value
from anear.cli.output import check_out, print_json, print_table, save_npz, table
from anear.cli.progress import Bars
from anear.codegen.cache import cache_directory, clear_cache
from anear.errors import ArgumentError
from anear.evaluate.throughput import example
from anear.spaces import all_distances, resolve
from anear.spaces.space import CLAIMS

__all__ = ["commands"]

SHOWN_QUERIES = 10

commands = typer.Typer(
    name="anear",
    help="Nearest neighbours under any distance: write it as a formula, and it is compiled.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
commands.add_typer(bench, name="bench")
commands.command()(demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"anear {anear.__version__}")
        raise typer.Exit


@commands.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    pass


@commands.command()
def knn(
    points: options.Points,
    distance: options.DistanceText,
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="How many neighbours of each query.")] = 10,
    queries: options.Queries = None,
    self_search: options.SelfSearch = False,
    radius: Annotated[float | None, typer.Option(help="Leave out neighbours farther away than this.")] = None,
    method: options.Method = "flat",
    param: options.Params = None,
    point_data: options.PointData = None,
    query_data: options.QueryData = None,
    out: options.Out = None,
    json: options.Json = False,
    threads: options.Threads = None,
    limit_points: options.LimitPoints = None,
    limit_queries: options.LimitQueries = None,
    check_domain: options.CheckDomain = True,
    allow_nan: options.AllowNan = False,
) -> None:
    """Find the k nearest points of each query, exactly."""
    search = _Search(
        points, queries, self_search, distance, method, param, point_data, query_data, limit_points, limit_queries
    )
    search.check(out)
    with Bars(shown=False if json else None) as bars:
        index, asked = search.load(bars, threads, check_domain, allow_nan)
        start = time.perf_counter(), time.process_time()
        progress = bars.task("searching")
        if asked is None:
            ids, distances = index.self_search(k, num_threads=threads, progress=progress)
        else:
            ids, distances = index.search(
                asked, k, **search.query_options(bars), num_threads=threads, progress=progress
            )
        took = _Took.since(start)
    _warn_of_nan(ids, min(k, len(index) - (asked is None)))
    if radius is not None:
        beyond = ~(distances <= radius)
        ids, distances = np.where(beyond, -1, ids), np.where(beyond, np.inf, distances)
    arrays = {"ids": ids, "distances": distances}
    _report(arrays, {"distance": distance, "method": method, "k": k}, took, len(ids), out, json)
    if not json and out is None:
        _show_neighbours([row[row >= 0] for row in ids[:SHOWN_QUERIES]], list(distances), len(ids))


@commands.command("range")
def range_search(
    points: options.Points,
    distance: options.DistanceText,
    radius: Annotated[float, typer.Option(help="Find every point at most this far away.")],
    queries: options.Queries = None,
    self_search: options.SelfSearch = False,
    method: options.Method = "flat",
    param: options.Params = None,
    point_data: options.PointData = None,
    query_data: options.QueryData = None,
    out: options.Out = None,
    json: options.Json = False,
    threads: options.Threads = None,
    limit_points: options.LimitPoints = None,
    limit_queries: options.LimitQueries = None,
    check_domain: options.CheckDomain = True,
    allow_nan: options.AllowNan = False,
) -> None:
    """Find every point within a radius of each query, exactly.

    The hits of query i are ids[offsets[i]:offsets[i + 1]], nearest first.
    """
    search = _Search(
        points, queries, self_search, distance, method, param, point_data, query_data, limit_points, limit_queries
    )
    search.check(out)
    with Bars(shown=False if json else None) as bars:
        index, asked = search.load(bars, threads, check_domain, allow_nan)
        start = time.perf_counter(), time.process_time()
        progress = bars.task("searching")
        if asked is None:
            everyone = np.arange(len(index))
            found = index.range_search(index.points, radius, exclude=everyone, num_threads=threads, progress=progress)
        else:
            more = search.query_options(bars)
            found = index.range_search(asked, radius, **more, num_threads=threads, progress=progress)
        took = _Took.since(start)
    arrays = {"ids": found.ids, "distances": found.distances, "offsets": found.offsets}
    count = len(found.offsets) - 1
    _report(arrays, {"distance": distance, "method": method, "radius": radius}, took, count, out, json)
    if not json and out is None:
        parts = [slice(found.offsets[i], found.offsets[i + 1]) for i in range(min(count, SHOWN_QUERIES))]
        _show_neighbours([found.ids[p] for p in parts], [found.distances[p] for p in parts], count)


@commands.command()
def distances(json: options.Json = False) -> None:
    """List every named distance: its formula, other names and properties."""
    listed = all_distances()
    if json:
        print_json([_distance_entry(entry) for entry in listed])
        return
    names = ("distance", "formula, parameters, other names", "defined on", "holds")
    shown = table(None, *names, left=names)
    shown.show_lines = shown.expand = True
    shown.columns[0].no_wrap = True
    for column, share in zip(shown.columns[1:], (5, 2, 2), strict=True):
        column.ratio = share
    for entry in map(_distance_entry, listed):
        about = [entry["formula"], *(f"  {p['name']}: {p['allowed']}" for p in entry["parameters"])]
        if entry["aliases"]:
            about.append(f"  also {', '.join(entry['aliases'])}")
        metric = len(entry["properties"]) == len(CLAIMS)
        holds = "a metric" if metric else ", ".join(entry["properties"])
        shown.add_row(entry["name"], "\n".join(about), entry["point_domain"], holds.replace("_", " "))
    print_table(shown)


@commands.command()
def explain(
    distance: Annotated[str, typer.Argument(help="A name or a formula.")],
    param: options.Params = None,
    json: options.Json = False,
) -> None:
    """Say what the compiler found out about a distance."""
    with Bars(shown=False) as bars:
        text = str(anear.explain(distance, **_parameters(param, bars)))
    if json:
        print_json({"distance": distance, "explanation": text})
    else:
        print(text)


@commands.command()
def cache(
    path: Annotated[bool, typer.Option("--path", help="Print only the folder's name.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Delete every compiled kernel.")] = False,
    json: options.Json = False,
) -> None:
    """Show, or empty, the folder of compiled kernels."""
    folder = cache_directory()
    if folder is None:
        raise ArgumentError("ANEAR_CACHE is off: compiled kernels are kept nowhere")
    removed = clear_cache() if clear else 0
    sizes = [file.stat().st_size for file in folder.glob("??/*.o")]
    if json:
        print_json({"path": str(folder), "files": len(sizes), "bytes": sum(sizes), "removed": removed})
    elif path:
        print(folder)
    elif clear:
        print(f"removed {removed} kernels from {folder}")
    else:
        print(f"{folder}: {len(sizes)} kernels, {sum(sizes) / 1e6:.1f} MB")


@dataclass(frozen=True)
class _Took:
    """Seconds of wall clock and of CPU that a search took."""

    wall: float
    cpu: float

    @staticmethod
    def since(start: tuple[float, float]) -> _Took:
        return _Took(time.perf_counter() - start[0], time.process_time() - start[1])


@dataclass(frozen=True)
class _Search:
    """What both searches are asked on the command line."""

    points: Path
    queries: Path | None
    self_search: bool
    distance: str
    method: str
    param: list[str] | None
    point_data: list[str] | None
    query_data: list[str] | None
    limit_points: int | None
    limit_queries: int | None

    def check(self, out: Path | None) -> None:
        """Refuse what can be refused before a file is read."""
        check_out(out)
        if self.self_search == (self.queries is not None):
            raise ArgumentError("give either --queries FILE or --self")
        if self.self_search and (self.limit_queries or self.query_data):
            raise ArgumentError("--self takes no --limit-queries and no --query-data: the points are the queries")
        with Bars(shown=False) as bars:
            resolve(self.distance, **_parameters(self.param, bars))

    def load(
        self, bars: Bars, threads: int | None, check_domain: bool, allow_nan: bool
    ) -> tuple[anear.Index, npt.NDArray[Any] | None]:
        """The index over the points, and the queries unless the points are their own."""
        rows = read(self.points, "--points", bars, self.limit_points).rows
        asked = None if self.queries is None else read(self.queries, "--queries", bars, self.limit_queries).rows
        for name, given in (("--points", rows), ("--queries", asked)):
            if given is not None and given.ndim != 2:
                raise ArgumentError(f"{name} holds {given.ndim}-dimensional data; rows of coordinates are needed")
        if asked is not None and asked.shape[1] != rows.shape[1]:
            raise ArgumentError(f"--queries has {asked.shape[1]} columns, but --points has {rows.shape[1]}")
        index = anear.Index(
            rows,
            distance=self.distance,
            method=self.method,
            point_data=fields("--point-data", self.point_data or [], bars),
            num_threads=threads,
            progress=bars.task("preparing"),
            check_domain=check_domain,
            allow_nan=allow_nan,
            **_parameters(self.param, bars),
        )
        return index, asked

    def query_options(self, bars: Bars) -> dict[str, Any]:
        """What belongs to the queries, as the API's keywords."""
        return {"query_data": fields("--query-data", self.query_data or [], bars)}


def _parameters(entries: list[str] | None, bars: Bars) -> dict[str, Any]:
    return {name: value("--param", name, text, bars) for name, text in assignments("--param", entries or []).items()}


def _report(
    arrays: dict[str, npt.NDArray[Any]], asked: dict[str, Any], took: _Took, count: int, out: Path | None, json: bool
) -> None:
    """Write and print what was found; a sentence on stderr says how long it took."""
    if out is not None:
        save_npz(out, arrays)
    if json:
        written: dict[str, Any] = {"out": str(out)} if out is not None else arrays
        print_json({**asked, "queries": count, "seconds": took.wall, "cpu_seconds": took.cpu, **written})
        return
    rate = count / took.wall if took.wall > 0 else 0.0
    print(f"{count} queries in {took.wall:.3g} s, {rate:,.0f} a second ({took.cpu:.3g} s of CPU time)", file=sys.stderr)
    if out is not None:
        print(f"wrote {out}", file=sys.stderr)


def _warn_of_nan(ids: npt.NDArray[Any], wanted: int) -> None:
    """Say so where distances were not numbers: a formula may be undefined on the data (0 * log(0))."""
    short = int((ids[:, :wanted] < 0).any(axis=1).sum())
    if short:
        print(
            f"warning: {short} of {len(ids)} queries have fewer than {wanted} neighbours, for their distances to the"
            f" other points are NaN: the formula is not defined there (xlogy(a, b) is a * log(b) with 0 log 0 = 0)",
            file=sys.stderr,
        )


def _show_neighbours(ids: list[npt.NDArray[Any]], distances: list[npt.NDArray[Any]], count: int) -> None:
    shown = table(
        None, "query", "neighbours, nearest first: id (distance)", left=("neighbours, nearest first: id (distance)",)
    )
    for query, (row, at) in enumerate(zip(ids, distances, strict=False)):
        more = f" ... {len(row) - 10} more" if len(row) > 10 else ""
        shown.add_row(str(query), ", ".join(f"{i} ({d:.6g})" for i, d in zip(row[:10], at, strict=False)) + more)
    print_table(shown)
    if count > len(ids):
        print(
            f"{count - len(ids)} more queries; --out FILE.npz keeps them all, --json prints them all", file=sys.stderr
        )


def _distance_entry(entry: anear.spaces.Distance) -> dict[str, Any]:
    incomplete = any(p.required for p in entry.parameters)
    bound = example(entry, 2) if incomplete else entry.bind()
    return {
        "name": entry.name,
        "formula": entry.summary if incomplete else entry.formula_text(),
        "summary": entry.summary,
        "aliases": list(entry.aliases),
        "parameters": [
            {"name": p.name, "meaning": p.meaning, "allowed": p.allowed, "default": p.default, "required": p.required}
            for p in entry.parameters
        ],
        "query_domain": bound.query_domain.allowed,
        "point_domain": bound.point_domain.allowed,
        "properties": sorted(bound.claims),
        "reference": entry.reference,
        "notes": entry.notes,
    }
