"""Real files of other makers, where they lie beside the repository, and the images that come with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anear.data import read

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
IMAGES = ROOT / "src" / "anear" / "cli" / "demo_data"

beside = pytest.mark.skipif(not SHARED.is_dir(), reason="no folder ../shared/data with real data sets")


def test_images_of_the_demo() -> None:
    images = read(IMAGES / "test-images.idx3.gz")
    labels = read(IMAGES / "test-labels.idx1.gz")
    assert images.rows.shape == (1000, 784)
    assert images.rows.dtype == np.uint8
    assert np.array_equal(np.unique(labels.rows), np.arange(10))


@beside
@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("nmslib/final8_10K.txt", (10_000, 8), "float32"),
        ("nmslib/final128_query1K.txt", (1_000, 128), "float32"),
        ("nmslib/glove.6B.100d_100.txt", (100, 100), "float32"),
        ("nmslib_format/fashion_t10k_1K_labelled.txt", (1_000, 784), "float32"),
        ("fashion-mnist/t10k-images-idx3-ubyte.gz", (10_000, 784), "uint8"),
        ("fashion-mnist/t10k-labels-idx1-ubyte.gz", (10_000,), "uint8"),
        ("text/movie_minilm_f16.npy", (15_662, 384), "float16"),
        ("points/region_growing_scene.npy", (50_000, 3), "float32"),
    ],
)
def test_shapes(name: str, shape: tuple[int, ...], dtype: str) -> None:
    rows = read(SHARED / name).rows
    assert rows.shape == shape
    assert rows.dtype == dtype


@beside
def test_text_and_idx_hold_the_same_images() -> None:
    text = read(SHARED / "nmslib_format" / "fashion_t10k_1K_labelled.txt")
    images = read(SHARED / "fashion-mnist" / "t10k-images-idx3-ubyte.gz", limit=1000)
    labels = read(SHARED / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz", limit=1000)
    assert np.array_equal(text.rows, images.rows)
    assert np.array_equal(text.labels, labels.rows)


@beside
def test_text_against_numpy() -> None:
    path = SHARED / "nmslib" / "final8_10K.txt"
    assert np.array_equal(read(path).rows, np.loadtxt(path, np.float32))


@beside
def test_words() -> None:
    path = SHARED / "nmslib" / "glove.6B.100d_100.txt"
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    found = read(path)
    assert found.names == [line[0] for line in lines]
    assert np.array_equal(found.rows, np.array([line[1:] for line in lines], np.float64).astype(np.float32))
