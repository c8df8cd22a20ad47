"""People alone at a value of one ordered column of a dozen values: their age, by polite logistic questions about that column alone.

Pairs: SIMICE, SIMI.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from cell_questions import Cells, ask_about_cells
from decoders import bounded
from played_site import begin, coefficients, design, upload
from victims import MEAN_AGE, SD_AGE, Tally, Values, ages, n_wanted, seeds

N: Final = 1000
LEVELS: Final = 12
QUESTIONS: Final = 200
MIDDLE: Final = (LEVELS - 1) / 2
HALF: Final = LEVELS * 0.19
UNITS: Final = {"score": (MIDDLE, HALF), "age": (MEAN_AGE, SD_AGE)}


def people(seed: int) -> dict[str, Values]:
    """A bell over the values, with a quarter of them left to one person each."""
    random = np.random.default_rng(seed)
    rare = random.choice(np.arange(1, LEVELS - 1), LEVELS // 4, replace=False)
    share = np.exp(-0.5 * ((np.arange(LEVELS) - MIDDLE) / HALF) ** 2)
    share[rare] = 0.0
    score = random.choice(LEVELS, N, p=share / share.sum()).astype(float)
    score[random.choice(N, len(rare), replace=False)] = rare
    return {"score": score, "age": ages(random, N), "outcome": (random.random(N) < 0.5).astype(float)}


def attack(site: Any) -> dict[str, Any]:
    """Recover ages until enough victims were tried."""
    tally = Tally()
    for seed in seeds():
        if tally.victims >= n_wanted(12) or tally.stopped >= 10:
            break
        _attack_file(site, seed, tally)
    return tally.as_dict()


def _attack_file(site: Any, seed: int, tally: Tally) -> None:
    data = people(seed)
    if not upload(site, data, {"outcome": "binary"}, sweeps=60):
        tally.stopped += 1
        return
    begin(site, UNITS)
    values = np.arange(LEVELS)
    expected = np.exp(-0.5 * ((values - MIDDLE) / HALF) ** 2)
    cells = Cells({"score": (values - MIDDLE) / HALF}, N * expected / expected.sum())
    names = design(site, "outcome")

    def renew() -> None:
        site.tell("impute_binary", target="outcome", beta=coefficients(names, {}))

    found = ask_about_cells(site, "outcome", cells, ["age"], QUESTIONS, np.random.default_rng(seed), least=30.0, steepest=18.0, renew=renew)
    if not len(found.weights):
        count = total = np.zeros(LEVELS)
    else:
        count = bounded(found.weights, found.sums["1"], found.error("1"), np.zeros(LEVELS), np.full(LEVELS, float(N)))
        total = bounded(found.weights, found.sums["age"], found.error("age"), -4 * count - 1e-9, 4 * count + 1e-9)
    for value in values:
        inside = data["score"] == value
        if inside.sum() == 1:
            age = MEAN_AGE + SD_AGE * total[value]
            tally.count(age - data["age"][inside][0], also=abs(count[value] - 1) < 0.3)
