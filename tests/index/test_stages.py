"""The stages of a formula are the same whether they were run or found in the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from anear.index import stages
from anear.spaces.lookup import all_distances


@pytest.mark.parametrize("distance", [d for d in all_distances() if not d.parameters], ids=lambda d: d.name)
def test_stored_and_found(distance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("ANEAR_CACHE", str(tmp_path))
    expr = distance.bind({}).expr
    run = stages._run(expr, True)
    stages.stages_of.cache_clear()
    first = stages.stages_of(expr, True)
    assert list(tmp_path.rglob("*.o"))
    stages.stages_of.cache_clear()
    monkeypatch.setattr(stages, "_run", None)  # a second run would fail
    assert stages.stages_of(expr, True) == first == run
    stages.stages_of.cache_clear()
