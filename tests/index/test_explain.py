"""What the compiler says it found out."""

from __future__ import annotations

import re

import numpy as np
import pytest

import anear
from anear import query_field, x, y

NAMED = [d.name for d in anear.distances() if not any(p.required for p in d.parameters)]


def lines(text: str) -> dict[str, str]:
    """The lines of an explanation by their labels, continued lines joined."""
    found: dict[str, str] = {}
    label = ""
    for line in text.splitlines():
        if line.startswith("  ") and not line.startswith("      "):
            label = line[2:].split("  ")[0].strip()
            found[label] = line[2:].removeprefix(label).strip()
        elif label and line.startswith("      "):
            found[label] += " " + line.strip()
    return found


@pytest.mark.parametrize("name", NAMED)
def test_every_named_distance_is_explained(name: str) -> None:
    explanation = anear.explain(name)
    text = str(explanation)
    found = lines(text)
    distance = next(d for d in anear.distances() if d.name == name)
    assert explanation.name == name
    assert text.startswith(f"{name}:")
    assert all(alias in found["also called"] for alias in distance.aliases)
    labels = {"formula", "queries", "points", "ordered by", "for each pair", "rounding", "memory"}
    assert labels <= set(found)
    assert all(len(line) <= 110 for line in text.splitlines() if " " in line.strip())
    # what the text says was prepared is what pairs are made of, under the names it gives
    assert "query0" not in text
    assert "point0" not in text
    for label in ("once a query", "once a point"):
        if re.match(r"[qp]\d+ = ", found.get(label, "")):
            assert found[label].split(" = ")[0] in found["for each pair"]


def test_euclidean() -> None:
    found = lines(anear.explain("l2").text)
    assert found["formula"] == "sqrt(sum((x - y)**2))"
    assert found["ordered by"] == "sum((x - y) * (x - y)), with which it rises: distance = sqrt(rank)"
    assert found["for each pair"] == "p1 + sum(q0 * y)   (an inner product)"
    assert found["once a point"] == "p1 = sum(y * y)"
    assert found["memory"] == "D + 1 numbers a point, beside the points themselves"
    assert "sqrt(4 * sum(x * x)) * max over points of sqrt(sum(y * y))" in found["rounding"]
    assert found["triangle"].startswith("proved")
    assert found["translation invariant"].startswith("proved")


def test_a_divergence_over_positive_numbers() -> None:
    explanation = anear.explain("itakura_saito")
    assert "Properties (of positive numbers)" in explanation.text
    assert explanation.properties.symmetric == "refuted"
    assert "an inner product" in explanation.text
    found = lines(explanation.text)
    assert "numbers > 0" in found["points"]


def test_what_is_claimed_on_a_domain_is_not_refuted_outside_of_it() -> None:
    found = lines(anear.explain("yule").text)
    assert found["non negative"].startswith("stated")
    assert found["rounding"].startswith("not bounded by a proof, so it is computed in float64, its error beside it")


def test_a_formula_of_ones_own() -> None:
    found = anear.explain(
        (np.array([1.0, 2.0, 3.0]) * abs(x - y)).sum() / anear.point_field("s") + query_field("v", 3)[0]
    )
    assert found.name is None
    assert found.text.startswith("a formula of your own")
    assert "point_data: s" in found.text
    assert "query_data: v (3 numbers)" in found.text
    assert lines(anear.explain("sum(y)").text)["memory"] == "1 numbers a point, beside the points themselves"


def test_parameters_are_put_in() -> None:
    assert lines(anear.explain("lp", p=3).text)["formula"].startswith("sum(abs(x - y) ** 3)")
    assert str(anear.explain("lp:p=3")) == str(anear.explain("lp", p=3))
    assert "VI" in anear.explain("mahalanobis", VI=np.eye(3)).text


def test_an_index_explains_itself() -> None:
    rng = np.random.default_rng(0)
    near = rng.random((6000, 8)).astype(np.float32)
    far = near + (rng.integers(0, 2, (6000, 1)) * 1e7).astype(np.float32)
    for points, expanded in ((near, True), (far, False)):
        index = anear.Index(points, "euclidean")
        text = index.explain().text
        assert ("inner product" in text) == expanded
        assert f"{index.nbytes / 6000:.0f} bytes a point, beside the 32 of the point itself" in text


def test_mistakes() -> None:
    with pytest.raises(anear.ArgumentError, match="euclidean"):
        anear.explain("euclidian")
    with pytest.raises(anear.FormulaError, match="vector"):
        anear.explain("x - y")
    with pytest.raises(anear.ArgumentError, match="distance is 3"):
        anear.explain(3)  # type: ignore[arg-type]


def test_what_codes_cost_is_said() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(3000, 16)).astype(np.float32)
    points[0] = 1e4  # one far point spends the codes on nothing
    for data, low, high in ((points[1:], 90.0, 100.0), (points, 0.0, 60.0)):
        text = anear.Index(data, method="hnsw", options={"codes": 8}).explain().text
        line = " ".join(text[text.index("  codes") :].split())
        share = float(line.split("meets, ")[1].split("%")[0])
        assert low < share < high
    text = anear.Index(points, method="hnsw", options={"codes": 4}).explain().text
    assert 60.0 < float(text[text.index("meets, ") + 7 :].split("%")[0]) < 90.0
    assert "  codes" not in anear.Index(points, method="hnsw").explain().text
