"""What bad input gets: exit code 2, one message that names the option or the argument, no traceback, no output file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]

P = ["--points", "{points}"]
BOTH = [*P, "--queries", "{queries}"]
L1 = ["-d", "manhattan"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["knn", *BOTH], "--distance"),
        (["knn", *BOTH, "-d", "euclidian"], "'euclidean'"),
        (["knn", *BOTH, "-d", "sum(abs(x - "], "column"),
        (["knn", *BOTH, "-d", "abs(x - y)"], "vector"),
        (["knn", *BOTH, "-d", "minkowski", "-p", "q=3"], "'q'"),
        (["knn", *BOTH, "-d", "minkowski", "-p", "p"], "name=value"),
        (["knn", *BOTH, "-d", "minkowski", "-p", "p=three"], "p=three"),
        (["knn", *BOTH, "-d", "minkowski", "-p", "p=1", "-p", "p=2"], "twice"),
        (["knn", *BOTH, *L1, "-k", "0"], "-k"),
        (["knn", *BOTH, *L1, "-k", "many"], "many"),
        (["knn", *BOTH, *L1, "--threads", "0"], "--threads"),
        (["knn", *P, *L1], "--self"),
        (["knn", *BOTH, *L1, "--self"], "--self"),
        (["knn", *P, "--self", *L1, "--limit-queries", "3"], "--limit-queries"),
        (["knn", "--points", "nowhere.npy", "--self", *L1], "nowhere.npy"),
        (["knn", "--points", "{text}", "--self", *L1], "not-numbers.npy"),
        (["knn", *P, "--queries", "{narrow}", *L1], "4"),
        (["knn", "--points", "{nan}", "--self", *L1], "nan"),
        (["knn", "--points", "{negative}", "--self", "-d", "kldiv"], "[3, 1]"),
        (["knn", *BOTH, *L1, "--out", "r.txt"], ".npz"),
        (["knn", *BOTH, *L1, "--out", "no/such/r.npz"], "folder"),
        (["knn", *BOTH, "-d", "sum(x * y) * point_field('s')"], "'s'"),
        (["range", *BOTH, *L1], "--radius"),
        (["range", *BOTH, *L1, "--radius", "nan"], "radius"),
        (["explain", "nothing-like-it"], "nothing-like-it"),
        (["bench", "distances", "nothing-like-it"], "nothing-like-it"),
        (["demo", "--formula", "sum(x -"], "column"),
        (["demo", "--labels", "{points}"], "--data"),
        (["searhc"], "searhc"),
        (["knn", "--poinst", "x"], "--poinst"),
    ],
)
def test_bad_input(arguments: list[str], says: str, anear_command: Command, files: Path, tmp_path: Path) -> None:
    rows = np.load(files / "points.npy")
    paths = {"points": files / "points.npy", "queries": files / "queries.npy"}
    for name, array in (
        ("narrow", rows[:, :4]),
        ("nan", np.where(np.arange(200)[:, None] == 2, np.nan, rows)),
        ("negative", np.where((np.arange(200)[:, None] == 3) & (np.arange(5) == 1), np.float32(-1), rows)),
    ):
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], array)
    paths["text"] = tmp_path / "not-numbers.npy"
    paths["text"].write_text("these are no numbers")
    done = anear_command(
        *(argument.format(**paths) if argument.startswith("{") else argument for argument in arguments)
    )
    assert done.code == 2
    assert says in done.err
    assert done.err.startswith("anear: ")
    assert "Traceback" not in done.err
    assert done.out == ""


def test_opting_out(anear_command: Command, files: Path, tmp_path: Path) -> None:
    rows = np.load(files / "points.npy")
    rows[3, 1], rows[4, 2] = -1, np.nan
    np.save(tmp_path / "odd.npy", rows)
    given = ["knn", "--points", tmp_path / "odd.npy", "--self", "-d", "kldiv", "-k", 1, "--json"]
    assert anear_command(*given, "--allow-nan").code == 2
    assert anear_command(*given, "--no-check-domain").code == 2
    assert anear_command(*given, "--allow-nan", "--no-check-domain").code == 0


def test_nothing_gives_help(anear_command: Command) -> None:
    done = anear_command()
    assert "knn" in done.out + done.err


def test_missing_extra_is_explained() -> None:
    """Without typer the command says what to install."""
    code = "import sys; sys.modules['typer'] = None; from anear.cli.main import run; sys.exit(run(['--version']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'anear[cli]'" in done.stderr


def test_closed_pipe() -> None:
    """`anear distances | head -1` ends quietly."""
    process = subprocess.Popen(
        [sys.executable, "-m", "anear.cli", "distances"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(20) in (0, 141)
    process.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a single process")
def test_ctrl_c(tmp_path: Path) -> None:
    """A search that would take minutes ends within a second of Ctrl-C, with exit code 130 and without a traceback."""
    np.save(tmp_path / "many.npy", np.random.default_rng(0).random((60_000, 64), dtype=np.float32))
    command = ["knn", "--points", str(tmp_path / "many.npy"), "--self", "-d", "sum(abs(x - y) ** 1.3)", "--json"]
    # A test run in the background is told to ignore Ctrl-C, and its children with it.
    process = subprocess.Popen(
        [sys.executable, "-m", "anear.cli", *command],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        time.sleep(4)
        assert process.poll() is None, "the search was over before it could be interrupted"
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert time.monotonic() - start < 5  # a second of ours, and some for a machine with other things to do
    assert process.returncode == 130
    assert err == b""
