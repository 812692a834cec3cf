"""The demo's picture: some queries, each with its neighbours, a row a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["draw"]

RIGHT, WRONG, PLAIN = "#2a9d3a", "#d62828", "#888888"


def draw(
    out: Path,
    title: str,
    queries: npt.NDArray[Any],
    points: npt.NDArray[Any],
    ids: npt.NDArray[Any],
    query_labels: npt.NDArray[Any] | None,
    labels: npt.NDArray[Any] | None,
) -> None:
    """Write a PNG: the query on the left, then its neighbours; framed green where it has the query's class, else red.

    Rows whose length is a square number are shown as images, others as curves. Needs matplotlib.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = ids.shape[0], ids.shape[1] + 1
    figure = Figure(figsize=(columns * 0.9, rows * 0.95 + 0.5))
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for i in range(rows):
        _cell(axes[i, 0], queries[i], "black")
        for j, neighbour in enumerate(ids[i]):
            if neighbour < 0:
                axes[i, j + 1].axis("off")
                continue
            colour = PLAIN
            if labels is not None and query_labels is not None:
                colour = RIGHT if labels[neighbour] == query_labels[i] else WRONG
            _cell(axes[i, j + 1], points[neighbour], colour)
    axes[0, 0].set_title("query", fontsize=8)
    axes[0, 1].set_title("nearest", fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.tight_layout(pad=0.6)
    figure.savefig(out, dpi=130)


def _cell(axis: Any, row: npt.NDArray[Any], colour: str) -> None:
    side = round(len(row) ** 0.5)
    if side * side == len(row) and side > 2:
        axis.imshow(np.asarray(row).reshape(side, side), cmap="gray_r", interpolation="nearest")
    else:
        axis.plot(np.asarray(row), linewidth=0.7, color="black")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(color=colour, linewidth=2.2)
