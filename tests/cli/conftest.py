"""Small files and a way to run the command line as a user does, without starting a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from anear.cli.main import run


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def anear_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def command(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """points.npy (200, 5), queries.npy (7, 5): histograms in float32."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(5), 207).astype(np.float32) + np.float32(1e-3)
    np.save(folder / "points.npy", rows[:200])
    np.save(folder / "queries.npy", rows[200:])
    return folder
