"""``anear demo``: real images searched under several distances, one of them the user's own formula.

For each distance: how well the nearest neighbours tell the class, how fast the search is beside NumPy and scikit-learn
in the same run, and whether all of them found the same.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

import anear
from anear.cli import options
from anear.cli.demo_peers import Timing, agrees, numpy_peer, sklearn_peer, timed
from anear.cli.inputs import read
from anear.cli.output import print_json, print_table, table
from anear.cli.progress import Bars
from anear.errors import AnearError, ArgumentError
from anear.spaces import resolve

__all__ = ["demo"]

DATA = Path(__file__).parent / "demo_data"
NAMED = ("euclidean", "manhattan", "cosine", "chi_square")
FORMULA = "sum((sqrt(x) - sqrt(y)) ** 2)"
PICTURED = 8


@dataclass(frozen=True)
class _Images:
    points: npt.NDArray[Any]
    labels: npt.NDArray[Any] | None
    queries: npt.NDArray[Any]
    query_labels: npt.NDArray[Any] | None


@dataclass(frozen=True)
class _Row:
    """What one distance gave; ``refused`` says why it gave nothing."""

    distance: str
    refused: str = ""
    accuracy: float | None = None
    anear: Timing | None = None
    numpy: Timing | None = None
    sklearn: Timing | None = None
    same_answers: bool | None = None


def demo(
    formula: Annotated[str, typer.Option(help="A distance of your own, of query x and point y.")] = FORMULA,
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="Neighbours that vote.")] = 10,
    out: Annotated[Path, typer.Option(help="Folder for the picture.")] = Path("demo-output"),
    data: Annotated[Path | None, typer.Option(help="Your own points instead of the images that came along.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Their classes, where --data does not hold them.")] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Your own queries; without them every fifth point is one.")
    ] = None,
    query_labels: Annotated[Path | None, typer.Option(help="The classes of --queries.")] = None,
    budget: Annotated[float, typer.Option(min=0.1, help="Seconds to spend on each slow peer.")] = 5.0,
    json: options.Json = False,
) -> None:
    """Search real images under four distances and a formula of yours: accuracy, speed beside NumPy and scikit-learn."""
    resolve(formula)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[_Row] = []
    with Bars(shown=False if json else None) as bars:
        images = _load(bars, data, labels, queries, query_labels)
        if k > len(images.points):
            raise ArgumentError(f"-k is {k}, but there are only {len(images.points)} points")
        report = bars.task("comparing")
        for name in (*NAMED, formula):
            row, ids = _compare(name, images, k, budget)
            rows.append(row)
            report(len(rows), len(NAMED) + 1)
    picture = out / "neighbours.png"
    drawn = ids is not None and _draw(picture, formula, images, ids)
    if json:
        print_json({"rows": [asdict(row) for row in rows], "picture": str(picture) if drawn else None})
        return
    _print(rows, images, k)
    if drawn:
        print(f"{PICTURED} queries and their neighbours under {formula}: {picture}")


def _load(
    bars: Bars, data: Path | None, labels: Path | None, queries: Path | None, query_labels: Path | None
) -> _Images:
    """The images that came along, or the user's own files."""
    if data is None:
        if labels or queries or query_labels:
            raise ArgumentError("--labels, --queries and --query-labels go with --data FILE")
        data, labels = DATA / "train-images.idx3.gz", DATA / "train-labels.idx1.gz"
        queries, query_labels = DATA / "test-images.idx3.gz", DATA / "test-labels.idx1.gz"
    rows, classes = _labelled(bars, "--data", data, "--labels", labels)
    if queries is not None:
        return _Images(rows, classes, *_labelled(bars, "--queries", queries, "--query-labels", query_labels))
    held_out = np.arange(len(rows)) % 5 == 4
    if not held_out.any():
        raise ArgumentError(f"--data {str(data)!r} has {len(rows)} rows; with fewer than 5, --queries FILE is needed")
    if classes is None:
        return _Images(rows[~held_out], None, rows[held_out], None)
    return _Images(rows[~held_out], classes[~held_out], rows[held_out], classes[held_out])


def _labelled(
    bars: Bars, option: str, path: Path, label_option: str, label_path: Path | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    found = read(path, option, bars)
    labels = found.labels
    if label_path is not None:
        labels = np.asarray(read(label_path, label_option, bars).rows).ravel()
        if len(labels) != len(found.rows):
            raise ArgumentError(f"{label_option} has {len(labels)} entries, but {option} has {len(found.rows)} rows")
    return found.rows, labels


def _compare(name: str, images: _Images, k: int, budget: float) -> tuple[_Row, npt.NDArray[Any] | None]:
    """One row of the table, and the neighbours it stands on."""
    resolved = resolve(name)
    try:
        index = anear.Index(images.points, distance=name)
        found, _, ours = timed(lambda q: index.search(q, k), images.queries, np.inf)
    except AnearError as error:
        return _Row(name, refused=str(error)), None
    answers = (found.ids, found.distances)
    timings: dict[str, Timing] = {}
    same = True
    for peer, search in (
        ("numpy", numpy_peer(resolved.name, resolved.expr, images.points, k)),
        ("sklearn", sklearn_peer(resolved.name, resolved.expr, images.points, k)),
    ):
        if search is not None:
            with np.errstate(all="ignore"):
                theirs, _, timings[peer] = timed(search, images.queries, budget)
            same = same and agrees(answers, theirs)
    return _Row(name, "", _accuracy(found.ids, images), ours, same_answers=same, **timings), found.ids


def _accuracy(ids: npt.NDArray[Any], images: _Images) -> float | None:
    """The share of queries whose neighbours' most frequent class is theirs; among equals the nearest decides."""
    if images.labels is None or images.query_labels is None:
        return None
    votes, cast = images.labels[ids], ids >= 0
    counts = ((votes[:, :, None] == votes[:, None, :]) & cast[:, None, :]).sum(axis=2) * cast
    winners = votes[np.arange(len(votes)), counts.argmax(axis=1)]
    return float(((winners == images.query_labels) & cast[:, 0]).mean())


def _draw(picture: Path, formula: str, images: _Images, ids: npt.NDArray[Any]) -> bool:
    """The picture of the first queries; False when matplotlib is not there to draw it."""
    try:
        from anear.cli.demo_picture import draw

        few = slice(0, PICTURED)
        labels = images.query_labels[few] if images.query_labels is not None else None
        draw(picture, formula, images.queries[few], images.points, ids[few], labels, images.labels)
    except ModuleNotFoundError:
        return False
    return True


def _print(rows: list[_Row], images: _Images, k: int) -> None:
    shape = f"{len(images.points):,} points, {len(images.queries):,} queries, {images.points.shape[1]} dimensions"
    columns = ("distance", "accuracy", "anear", "NumPy", "scikit-learn", "same answers")
    title = f"{shape}, k = {k}, {os.cpu_count()} cores: queries a second (CPU ms a query)"
    shown = table(title, *columns, left=("distance", "same answers"))
    for row in rows:
        if row.refused:
            shown.add_row(row.distance, "", "", "", "", row.refused)
            continue
        shown.add_row(
            row.distance,
            "" if row.accuracy is None else f"{100 * row.accuracy:.1f} %",
            *(_cell(timing) for timing in (row.anear, row.numpy, row.sklearn)),
            "yes" if row.same_answers else "NO",
        )
    print_table(shown)


def _cell(timing: Timing | None) -> str:
    return "not installed" if timing is None else f"{timing.rate:,.0f} ({timing.cpu:.3g})"
