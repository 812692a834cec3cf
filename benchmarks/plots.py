"""The picture of the exact search benchmark: one panel a case, queries a second against k."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["queries_against_k"]

_COLUMNS = 4
_COLOURS = {
    "anear": "#d62728",
    "faiss": "#1f77b4",
    "keops": "#2ca02c",
    "torch": "#ff7f0e",
    "jax": "#9467bd",
    "sklearn": "#8c564b",
    "scipy": "#e377c2",
    "hnswlib": "#7f7f7f",
    "nmslib": "#17becf",
}
_STYLES = {"brute": "-", "tree": "--", "approximate": ":"}


def queries_against_k(records: Sequence[dict[str, Any]], path: Path, subtitle: str) -> Path | None:
    """Draw and write the picture; None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    cases = list(dict.fromkeys(record["case"] for record in records))
    height = -(-len(cases) // _COLUMNS)
    width = min(_COLUMNS, len(cases))
    figure = Figure(figsize=(4.2 * width, 3.4 * height + 1), layout="constrained")
    panels = figure.subplots(height, width, squeeze=False).ravel()
    for panel, case in zip(panels, cases, strict=False):
        _panel(panel, [record for record in records if record["case"] == case])
    for panel in panels[len(cases) :]:
        panel.set_axis_off()
    figure.suptitle(f"Exact k-NN search, queries a CPU second\n{subtitle}", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path


def _panel(panel: Any, records: Sequence[dict[str, Any]]) -> None:
    drawn: dict[str, int] = {}
    for name in dict.fromkeys(record["contestant"] for record in records):
        mine = sorted((record for record in records if record["contestant"] == name), key=lambda record: record["k"])
        family = name.split()[0]
        drawn[family] = drawn.get(family, 0) + 1
        panel.plot(
            [record["k"] for record in mine],
            [1e6 / record["cpu_us"] for record in mine],
            _STYLES[mine[0]["kind"]],
            color=_COLOURS.get(family, "black"),
            marker="o^sd"[drawn[family] - 1],
            markersize=4,
            linewidth=2.2 if family == "anear" else 1.1,
            label=name,
        )
    panel.set(xscale="log", yscale="log", title=f"{records[0]['title']}", xlabel="k", ylabel="queries a second")
    panel.title.set_fontsize(9)
    ks = sorted({record["k"] for record in records})
    panel.set_xticks(ks, [str(k) for k in ks])
    panel.minorticks_off()
    panel.grid(alpha=0.3)
    panel.legend(fontsize=6)
