"""People alone in a combination of an ordered column and two yes/no columns: their age, by polite logistic questions.

Pairs: SIMICE. `VICTIMS=200 SEED=1 tidegate probe --central tests/disclosure/reviewers/ordered_levels.py --pair algorithms/SIMICE ...`
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from cell_questions import Cells, ask_about_cells
from decoders import best_linear
from played_site import begin, coefficients, design, upload
from victims import MEAN_AGE, SD_AGE, Tally, Values, ages, n_wanted, seeds

N: Final = 1000
LEVELS: Final = 10
FALL: Final = 0.45
QUESTIONS: Final = 400
UNITS: Final = {"visits": (2.0, 1.4), "age": (MEAN_AGE, SD_AGE), "lab": (6.7, 1.4)}


def people(seed: int) -> dict[str, Values]:
    """Visits fall off geometrically, so that the highest counts have single people; the outcome and a lab value are missing for some."""
    random = np.random.default_rng(seed)
    visits = np.minimum(random.geometric(FALL, N) - 1, LEVELS - 1).astype(float)
    sex, smoker = (random.random(N) < 0.5).astype(float), (random.random(N) < 0.4).astype(float)
    age = ages(random, N)
    outcome = (random.random(N) < 1 / (1 + np.exp(-(age - MEAN_AGE) / SD_AGE))).astype(float)
    lab = np.round(age / SD_AGE + random.normal(size=N), 2)
    outcome[random.choice(N, 150, replace=False)] = np.nan
    lab[random.choice(N, 300, replace=False)] = np.nan
    return {"visits": visits, "sex": sex, "smoker": smoker, "age": age, "outcome": outcome, "lab": lab}


def cells() -> Cells:
    """All combinations; how many are in each is known from the attacker's own rows."""
    v, s, m = (grid.ravel() for grid in np.meshgrid(np.arange(LEVELS), [0, 1], [0, 1], indexing="ij"))
    expected = 850 * FALL * (1 - FALL) ** v * 0.5 * np.where(m == 1, 0.4, 0.6)
    return Cells({"visits": (v - 2) / 1.4, "sex": s.astype(float), "smoker": m.astype(float)}, expected)


def attack(site: Any) -> dict[str, Any]:
    """Recover ages until enough victims were tried."""
    tally = Tally()
    for seed in seeds():
        if tally.victims >= n_wanted(12) or tally.stopped >= 10:
            return tally.as_dict()
        _attack_file(site, seed, tally)
    return tally.as_dict()


def _attack_file(site: Any, seed: int, tally: Tally) -> None:
    data = people(seed)
    if not upload(site, data, {"outcome": "binary", "lab": "continuous"}, sweeps=60):
        tally.stopped += 1
        return
    begin(site, UNITS)
    around = cells()
    names = design(site, "outcome")

    def renew() -> None:
        site.tell("impute_binary", target="outcome", beta=coefficients(names, {}))

    found = ask_about_cells(site, "outcome", around, ["age"], QUESTIONS, np.random.default_rng(seed), renew=renew)
    prior = around.expected
    count = best_linear(found.weights, found.sums["1"], found.error("1"), prior, prior + 1)
    total = best_linear(found.weights, found.sums["age"], found.error("age"), np.zeros(len(prior)), np.sqrt(prior) + 1)
    shows = ~np.isnan(data["outcome"])
    for cell, (v, s, m) in enumerate(np.column_stack([around.coded["visits"] * 1.4 + 2, around.coded["sex"], around.coded["smoker"]])):
        inside = shows & (data["visits"] == round(v)) & (data["sex"] == s) & (data["smoker"] == m)
        if inside.sum() == 1:
            age = MEAN_AGE + SD_AGE * total[cell]
            tally.count(age - data["age"][inside][0], also=abs(count[cell] - 1) < 0.5)
