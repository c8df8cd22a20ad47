"""People who miss a yes/no target, alone in a combination of three yes/no columns: their age, by asking two targets the same question.

One target is seen for all, the other one misses for some. At the same coefficients, none for the targets themselves, the answers differ by
the rows that miss the second one, of which no count of the whole file tells. Pairs: SIMICE.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
from decoders import best_linear, logistic_weight
from played_site import begin, coefficients, design, upload
from victims import MEAN_AGE, SD_AGE, Tally, Values, ages, n_wanted, seeds

N: Final = 4000
N_MISSING: Final = 500
FLAGS: Final = ("diabetes", "smoker", "stroke")
COMBINATIONS: Final = np.array(list(itertools.product((0.0, 1.0), repeat=len(FLAGS))))
QUESTIONS: Final = 16
UNITS: Final = {"age": (MEAN_AGE, SD_AGE)}


def people(seed: int) -> tuple[dict[str, Values], int]:
    """A file, and the row of the victim: the only one of those who miss the event with all three flags. Pairs of flags are common."""
    random = np.random.default_rng(seed)
    flags = COMBINATIONS[random.integers(len(COMBINATIONS), size=N)]
    misses = np.zeros(N, dtype=bool)
    misses[random.choice(N, N_MISSING, replace=False)] = True
    victim, *others = np.flatnonzero(misses & flags.all(axis=1))
    flags[others, np.arange(len(others)) % len(FLAGS)] = 0.0
    outcome, event = (random.random((2, N)) < 0.5).astype(float)
    event[misses] = np.nan
    return {**dict(zip(FLAGS, flags.T, strict=True)), "age": ages(random, N), "outcome": outcome, "event": event}, int(victim)


def attack(site: Any) -> dict[str, Any]:
    """Recover ages until enough victims were tried."""
    tally = Tally()
    for seed in seeds():
        if tally.victims >= n_wanted(10) or tally.stopped >= 10:
            break
        data, victim = people(seed)
        if upload(site, data, {"outcome": "binary", "event": "binary"}):
            begin(site, UNITS)
            count, age = _only_one(site, seed)
            tally.count(age - data["age"][victim], also=abs(count - 1) < 0.3)
        else:
            tally.stopped += 1
    return tally.as_dict()


def _only_one(site: Any, seed: int) -> tuple[float, float]:
    """How many of those who miss the event have all three flags, and their age."""
    random = np.random.default_rng(seed)
    weights, answers = [], []
    while len(answers) < QUESTIONS:
        beta = {**dict(zip(FLAGS, 1.8 * random.normal(size=len(FLAGS)), strict=True)), "1": 1.5 * random.normal()}
        eta = COMBINATIONS @ [beta[flag] for flag in FLAGS] + beta["1"]
        if np.abs(eta).max() > 6.0:
            continue
        try:
            everybody, shown = (_sums(site, target, beta) for target in ("outcome", "event"))
        except site.Refused:
            return np.nan, MEAN_AGE
        weights.append(logistic_weight(eta))
        answers.append(everybody - shown)
    expected = np.full(len(COMBINATIONS), N_MISSING / len(COMBINATIONS))
    error = np.full(QUESTIONS, 1e-4)
    count, total = np.array(answers).T
    n = best_linear(np.array(weights), count, error, expected, 4 * expected)[-1]
    sums = best_linear(np.array(weights), total, error, 0 * expected, 4 * np.sqrt(expected))[-1]
    return float(n), float(MEAN_AGE + SD_AGE * sums)


def _sums(site: Any, target: str, beta: dict[str, float]) -> Values:
    """Σw and Σw·age over the rows that show a target."""
    names = design(site, target)
    H = site.ask("score", target=target, beta=coefficients(names, beta))["score"]["H"]
    return np.array([H[-1, -1], H[names.index("age"), -1]])
