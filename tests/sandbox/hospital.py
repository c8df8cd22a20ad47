"""Files of one made-up hospital as matrices of numbers, and their sketches."""

from __future__ import annotations

import csv
import mmap
from pathlib import Path

import numpy as np

from sandbox.gate.region import Region
from sandbox.gate.sketch import sketch_columns
from sandbox.gate.tiles import Tiles
from sandbox.wire.sketches import FileSketch

SECRET = b"a secret of the site, 32 bytes.."
NAMES = ("age", "bmi", "chol", "sbp", "crp", "height", "sex", "disease", "smoking", "diabetes")
HEART = Path(__file__).parents[1] / "data" / "heart"


def hospital(n: int, seed: int) -> np.ndarray:
    """`n` patients as a hospital writes them down, shape (n, 10): whole years and one or two decimals, three columns with missing cells."""
    random = np.random.default_rng(seed)
    age = np.round(np.clip(random.normal(60, 13, n), 18, 99))
    bmi = np.round(random.normal(27, 5, n) + 0.03 * age, 1)
    chol = np.round(random.gamma(20, 10, n) + 0.5 * age)
    sbp = np.round(random.normal(120, 18, n) + 0.3 * age)
    crp = np.round(random.lognormal(1, 1, n), 2)
    height = np.round(random.normal(172, 9, n), 1)
    sex = (random.random(n) < 0.5) * 1.0
    disease = (random.random(n) < 1 / (1 + np.exp((60 - age) / 10))) * 1.0
    smoking = np.floor(random.random(n) * 3)
    diabetes = (random.random(n) < 0.2) * 1.0
    rows = np.column_stack([age, bmi, chol, sbp, crp, height, sex, disease, smoking, diabetes])
    for column, share in ((2, 0.2), (4, 0.3), (7, 0.1)):
        rows[random.random(n) < share, column] = np.nan
    return rows


def heart(name: str) -> np.ndarray:
    """One of the four hospitals of the heart disease study, shape (rows, 11)."""
    with (HEART / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return np.array([[float(cell) if cell not in ("", "NA") else np.nan for cell in row[1:]] for row in list(csv.reader(file))[1:]])


def sketch_of(rows: np.ndarray, names: tuple[str, ...] | None = None, secret: bytes = SECRET) -> FileSketch:
    """The sketch of a matrix, shape (rows, columns)."""
    tiles = Tiles(Region(mmap.mmap(-1, 4 * rows.nbytes + (8 << 20))), rows.shape[1])
    tiles.append(rows)
    return sketch_columns(names or ((*NAMES, "more")[: rows.shape[1]]), tiles, range(rows.shape[1]), secret)
