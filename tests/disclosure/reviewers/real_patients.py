"""Real patients (heart disease, `tests/data/heart`): all five measurements of those alone in a combination of levels.

A patient counts as recovered when age (to the year), resting pressure and heart rate (to 1), cholesterol (to 2) and ST depression (to .1)
all come out. Pairs: SIMICE.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from cell_questions import Cells, ask_about_cells
from decoders import best_linear
from played_site import begin, coefficients, design, upload
from victims import Tally, Values, n_wanted, seeds

HEART: Final = Path(__file__).parents[2] / "data" / "heart"
LEVELS: Final = {"sex": (0, 1), "cp": (1, 2, 3, 4), "restecg": (0, 1), "exang": (0, 1), "fbs": (0, 1)}
CONTINUOUS: Final = {"age": (54.0, 9.0), "trestbps": (132.0, 18.0), "chol": (247.0, 52.0), "thalach": (145.0, 24.0), "oldpeak": (0.9, 1.1)}
"""Centre and scale: what central's own patients have."""
CLOSE: Final = {"trestbps": 1.01, "chol": 2.01, "thalach": 1.01, "oldpeak": 0.11}
HOSPITALS: Final = (("cleveland", ("sex", "cp", "exang", "fbs")), ("cleveland", ("sex", "cp", "restecg", "exang", "fbs")))
QUESTIONS: Final = 400
TARGET: Final = "disease"


def patients(hospital: str) -> dict[str, Values]:
    """A hospital's file. Two values of the electrocardiogram are merged, as the remedy of a small cell says."""
    with (HEART / f"{hospital}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {name: np.array([np.nan if row[name] == "NA" else float(row[name]) for row in rows]) for name in rows[0] if name != "patient"}
    found["restecg"] = np.minimum(found["restecg"], 1.0)
    return found


def attack(site: Any) -> dict[str, Any]:
    """Ask about every hospital and set of columns, again with other questions when more victims are wanted."""
    tally = Tally(guess=0.0)
    for seed in seeds():
        for hospital, columns in HOSPITALS:
            if tally.victims >= n_wanted(10) or tally.stopped >= 10:
                return tally.as_dict()
            _attack_hospital(site, patients(hospital), columns, seed, tally)
    return tally.as_dict()


def _attack_hospital(site: Any, data: dict[str, Values], columns: Sequence[str], seed: int, tally: Tally) -> None:
    ignored = [name for name in data if name not in (TARGET, *columns, *CONTINUOUS)]
    if not upload(site, data, {TARGET: "binary", "chol": "continuous"}, sweeps=60, ignored=ignored):
        tally.stopped += 1
        return
    begin(site, CONTINUOUS)
    grid = np.array(list(itertools.product(*(LEVELS[name] for name in columns))), dtype=float)
    expected = len(data["age"]) * _shares(grid, columns)
    names = design(site, TARGET)

    def renew() -> None:
        site.tell("impute_binary", target=TARGET, beta=coefficients(names, {}))

    cells = Cells(dict(zip(columns, grid.T, strict=True)), expected)
    found = ask_about_cells(site, TARGET, cells, list(CONTINUOUS), QUESTIONS, np.random.default_rng(seed), renew=renew)
    count = best_linear(found.weights, found.sums["1"], found.error("1"), expected, 4 * expected + 1)
    totals = {
        name: best_linear(found.weights, found.sums[name], found.error(name), 0 * expected, 4 * np.sqrt(expected) + 1)
        for name in CONTINUOUS
    }
    for cell, levels in enumerate(grid):
        (who,) = np.nonzero((np.column_stack([data[name] for name in columns]) == levels).all(axis=1))
        if len(who) == 1:
            told = {name: centre + scale * totals[name][cell] for name, (centre, scale) in CONTINUOUS.items()}
            is_whole = all(abs(told[name] - data[name][who[0]]) <= step for name, step in CLOSE.items() if not np.isnan(data[name][who[0]]))
            tally.count(told["age"] - data["age"][who[0]], also=is_whole and abs(count[cell] - 1) < 0.4)


def _shares(grid: Values, columns: Sequence[str]) -> Values:
    """How common each combination is, as the attacker's own hospital has it, column by column."""
    own = patients("va_long_beach")
    return np.prod(
        [[np.nanmean(np.append(own[name] == level, 0.5)) for level in grid[:, place]] for place, name in enumerate(columns)], axis=0
    )
