"""The options that commands share: spelt, explained and limited once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AllowNan",
    "CheckDomain",
    "DistanceText",
    "Json",
    "LimitPoints",
    "LimitQueries",
    "Method",
    "Out",
    "Params",
    "PointData",
    "Points",
    "Queries",
    "QueryData",
    "SelfSearch",
    "Threads",
]

Points = Annotated[
    Path,
    typer.Option(
        "--points",
        help="Data file (npy, npz, fvecs, fbin, IDX, HDF5, Parquet, CSV, text ...), or file:key for an array in it.",
    ),
]
Queries = Annotated[
    Path | None, typer.Option("--queries", help="Data file with the queries, in any of the same formats.")
]
SelfSearch = Annotated[
    bool, typer.Option("--self", help="The points are the queries, and no point finds itself (instead of --queries).")
]
DistanceText = Annotated[
    str,
    typer.Option(
        "--distance",
        "-d",
        help="A name ('anear distances' lists them) or a formula of query x and point y: 'sum(abs(x - y))'.",
    ),
]
Method = Annotated[
    str,
    typer.Option(
        help="How to search: flat scans every point; kd_tree and ball_tree leave out what a bound excludes, as exactly"
        " and far faster in few dimensions."
    ),
]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="A parameter of a named distance: p=3, w=[1, 2] or w=@file. May be repeated."),
]
PointData = Annotated[
    list[str] | None,
    typer.Option("--point-data", help="Values of a point_field of the formula: s=@file. May be repeated."),
]
QueryData = Annotated[
    list[str] | None,
    typer.Option("--query-data", help="Values of a query_field of the formula: s=@file. May be repeated."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write the result to this .npz file.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads to use; without it ANEAR_NUM_THREADS, else every core.")
]
LimitPoints = Annotated[int | None, typer.Option("--limit-points", min=1, help="Read only so many points.")]
LimitQueries = Annotated[int | None, typer.Option("--limit-queries", min=1, help="Read only so many queries.")]
CheckDomain = Annotated[
    bool, typer.Option("--check-domain/--no-check-domain", help="Refuse values on which the distance is not defined.")
]
AllowNan = Annotated[bool, typer.Option("--allow-nan", help="Accept NaN and infinity in the data.")]
