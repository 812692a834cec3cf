"""``import anear`` costs next to nothing, and brings in nothing a user may not have asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "llvmlite",
    "scipy",
    "pandas",
    "rich",
    "typer",
    "h5py",
    "pyarrow",
    "sklearn",
    "matplotlib",
    "torch",
    "ml_dtypes",
)


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_import_brings_in_nothing_heavy() -> None:
    assert run(f"import anear, sys; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_import_takes_less_than_a_fifth_of_a_second() -> None:
    """CPU time of the import itself, NumPy's own share not counted; the best of five, since others use the machine."""
    code = "import time, numpy; t = time.process_time(); import anear; print(time.process_time() - t)"
    assert any(float(run(code)) < 0.2 for _ in range(5))


@pytest.mark.parametrize("name", ["anear.formula", "anear.spaces", "anear.data"])
def test_parts_import_on_their_own(name: str) -> None:
    run(f"import {name}")


def test_a_formula_can_be_written_before_anything_else_is_imported() -> None:
    code = "import anear, sys; anear.formula('sum(x*y)'); print({'anear._core', 'anear.data'} & set(sys.modules))"
    assert run(code) == "set()"


def test_every_public_name_is_there_when_asked_for() -> None:
    import anear

    assert set(anear.__all__) <= set(dir(anear))
    for name in anear.__all__:
        code = f"import anear; value = anear.{name}; print(value is anear.{name}, callable(anear.formula))"
        assert run(code) == "True True"
    with pytest.raises(AttributeError, match="'anear' has no attribute 'nothing'"):
        anear.nothing  # noqa: B018


def test_submodules_do_not_hide_public_names() -> None:
    """anear.formula is a function and a package, and stays the function whatever is imported when."""
    code = "import anear.index.index, anear.formula.parse, anear.data; import anear; print(anear.formula('sum(x)'))"
    assert run(code) == "sum(x)"
