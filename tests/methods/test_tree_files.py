"""Trees travel as the points and options they are made of; hostile options get an error that says what is allowed."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.index.support import same
from tests.index.test_damaged_files import forged, text

import anear

RNG = np.random.default_rng(20)
POINTS = RNG.random((700, 3)).astype(np.float32)
QUERIES = RNG.random((9, 3)).astype(np.float32)
SPLITS = ("auto", "spread", "round_robin", "geodesic")


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("distance", ["kldivgen", "sum(abs(x - y)) * point_field('s')", "minkowski:p=3"])
def test_saved_pickled_and_copied(distance: str, split: str, tmp_path: Path) -> None:
    data = {"s": RNG.random(700).astype(np.float32)} if "field" in distance else None
    index = anear.Index(POINTS, distance, method="kd_tree", options={"split": split}, point_data=data)
    found, inside = index.search(QUERIES, 10), index.range_search(QUERIES, 0.1)
    index.save(tmp_path / "a")
    for other in (
        anear.load(tmp_path / "a"),
        anear.load(tmp_path / "a", mmap=True),
        pickle.loads(pickle.dumps(index)),
        copy.deepcopy(index),
    ):
        np.testing.assert_array_equal(other.order, index.order)
        assert same(other.search(QUERIES, 10), found)
        assert same(other.range_search(QUERIES, 0.1), inside)
        assert "kd_tree" in repr(other)
        assert "kd_tree" in repr(pickle.loads(pickle.dumps(other)))


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_is_exact(split: str) -> None:
    flat = anear.Index(POINTS, "itakura_saito").search(QUERIES, 20)
    tree = anear.Index(POINTS, "itakura_saito", method="kd_tree", options={"split": split})
    assert same(tree.search(QUERIES, 20), flat)


FORGERIES: dict[str, Any] = {
    "no json": "{",
    "deep": "[" * 100_000,
    "a list": '["split"]',
    "a number": "7",
    "nothing": "null",
    "unknown": '{"leaf_size": 40}',
    "other value": '{"split": "widest"}',
    "a list as value": '{"split": ["spread"]}',
    "an object as value": '{"split": {"a": [1, {}]}}',
    "a truth": '{"split": true}',
    "no value": '{"split": null}',
    "long": json.dumps({"x" * 100_000: "y" * 100_000}),
    "code": '{"__class__": "os.system"}',
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_options(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    anear.Index(POINTS, "manhattan", method="kd_tree").save(path)
    path.write_bytes(forged(path.read_bytes(), text(options=FORGERIES[name])))
    if name == "nothing":  # as if none had been given
        assert same(anear.load(path).search(QUERIES, 3), anear.Index(POINTS, "manhattan").search(QUERIES, 3))
        return
    with pytest.raises(anear.FileFormatError) as raised:
        anear.load(path)
    assert len(str(raised.value)) < 3000


def test_forged_methods(tmp_path: Path) -> None:
    path = tmp_path / "a"
    anear.Index(POINTS, "manhattan", method="kd_tree").save(path)
    whole = path.read_bytes()
    for method, options in (
        ("flat", '{"split": "spread"}'),
        ("kd-tree", "{}"),
        ("", "{}"),
        ("ball_tree", '{"split": 1}'),
    ):
        path.write_bytes(forged(whole, text(method=method, options=options)))
        with pytest.raises(anear.FileFormatError):
            anear.load(path)
    path.write_bytes(forged(whole, text(formula="prod(x - y)", distance="[null, {}]")))
    with pytest.raises(anear.FileFormatError, match="needs a bound"):
        anear.load(path)


def test_wrong_options_are_told_what_is_allowed() -> None:
    for options, message in (
        ({"leaf_size": 40}, "kd_tree has split"),
        ({"split": "widest"}, "allowed: auto, spread, round_robin, geodesic"),
        ({"split": 3}, "allowed: auto, spread, round_robin, geodesic"),
        ({"split": None}, "allowed: auto, spread, round_robin, geodesic"),
        ({3: 4}, "kd_tree has split"),
        ([("split", "spread")], "a dict of the method's own parameters"),
        ("spread", "a dict of the method's own parameters"),
    ):
        with pytest.raises(anear.ArgumentError, match="options") as raised:
            anear.Index(POINTS, "manhattan", method="kd_tree", options=options)  # type: ignore[arg-type]
        assert message in str(raised.value)
    for method in ("kdtree", "KD_TREE", "", 3, ["kd_tree"]):
        with pytest.raises(anear.ArgumentError, match=r"method is .*; allowed: .*flat, .*kd_tree"):
            anear.Index(POINTS, "manhattan", method=method)  # type: ignore[arg-type]
    with pytest.raises(anear.ArgumentError, match="flat has none"):
        anear.Index(POINTS, "manhattan", method="flat", options={"split": "spread"})


@pytest.mark.parametrize("formula", ["prod(x - y)", "sum(mod(y, x)) * prod(y - x)"])
def test_without_a_bound_another_method_is_named(formula: str) -> None:
    with pytest.raises(anear.ArgumentError, match="needs a bound") as raised:
        anear.Index(POINTS, formula, method="kd_tree")
    assert "method='flat' serves it" in str(raised.value)
    assert len(anear.Index(POINTS, formula)) == 700
