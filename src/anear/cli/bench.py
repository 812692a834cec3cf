"""``anear bench``: how fast anear is on this machine. What it is compared with elsewhere stands in benchmarks/."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import numpy as np
import typer

from anear.cli import options
from anear.cli.output import print_json, print_table, table
from anear.cli.progress import Bars
from anear.evaluate.throughput import distance_rates, search_rates
from anear.spaces import names

__all__ = ["bench"]

bench = typer.Typer(help="Measure how fast anear is on this machine.", no_args_is_help=True, rich_markup_mode=None)

# Distances of the same cost as these, on the spaces people compare libraries on: flat, spherical, L1, hyperbolic.
EXACT_CASES = (("sqeuclidean", 3), ("sqeuclidean", 10), ("sqeuclidean", 100), ("manhattan", 10), ("cosine", 10))


@bench.command("distances")
def bench_distances(
    distance: Annotated[
        list[str] | None, typer.Argument(help="Names or formulas; without any, every named one.")
    ] = None,
    dimensions: Annotated[int, typer.Option(min=1, help="Columns of the rows.")] = 128,
    seconds: Annotated[float, typer.Option(min=0.001, help="How long each measurement lasts.")] = 0.1,
    json: options.Json = False,
) -> None:
    """Million distances a second of CPU time, one row a distance."""
    rates = []
    with Bars(shown=False if json else None) as bars:
        report = bars.task("measuring")
        total = len(distance or names())
        for rate in distance_rates(distance, dimensions, seconds):
            rates.append(rate)
            report(len(rates), total)
    if json:
        print_json([asdict(rate) for rate in rates])
        return
    shown = table("Million distances a CPU second", "distance", "D", "matrix", "batch", "one query", left=("distance",))
    for rate in rates:
        shown.add_row(rate.name, str(rate.dimensions), f"{rate.matrix:.1f}", f"{rate.batch:.1f}", f"{rate.single:.1f}")
    print_table(shown)


@bench.command("exact")
def bench_exact(
    points: Annotated[int, typer.Option(min=1, help="How many points.")] = 100_000,
    queries: Annotated[int, typer.Option(min=1, help="How many queries.")] = 480,
    seconds: Annotated[float, typer.Option(min=0.001, help="How long each measurement lasts.")] = 0.5,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Exact k-NN search of random points: queries a second, and CPU time a query."""
    rng = np.random.default_rng(0)
    cases = []
    for distance, dimensions in EXACT_CASES:
        rows = rng.standard_normal((points + queries, dimensions), dtype=np.float32)
        cases.append((distance, rows[:points], rows[points:]))
    rates = list(search_rates(cases, num_threads=threads, seconds=seconds))
    if json:
        print_json([asdict(rate) for rate in rates])
        return
    columns = ("distance", "D", "k", "queries/s", "CPU us a query", "build s")
    shown = table(f"Exact search among {points:,} random points", *columns, left=("distance",))
    for rate in rates:
        cells = f"{rate.rate:,.0f}", f"{rate.cpu:,.1f}", f"{rate.build:.3f}"
        shown.add_row(rate.name, str(rate.dimensions), str(rate.k), *cells)
    print_table(shown)
