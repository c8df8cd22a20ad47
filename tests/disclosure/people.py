"""People of known ages, and what an attacker does to count them: shared by the sweeps by questions and by draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
from scipy.optimize import nnls

from policies import Policy, built_in
from tests.disclosure.played import Site, Values

DEFAULT: Final = built_in("default")
OFF: Final = msgspec.structs.replace(
    built_in("research"),
    name="off",
    max_abs_eta=1e9,
    score_grid=0.0,
    gram_grid=0.0,
    min_weight_sum=0.0,
    max_evaluations_per_fit=10**6,
    min_difference_group=0,
    refusal_budget=10**6,
)
AGES: Final = np.arange(18, 87)
CENTRE: Final = 52.0
WIDTH: Final = 14.0


def people(seed: int = 5, n: int = 1000) -> dict[str, Values]:
    """Ages with isolated records in the tails, a continuous column seen for all, a binary one missing for a fifth."""
    random = np.random.default_rng(seed)
    age = np.clip(np.round(random.normal(CENTRE, WIDTH, n)), 18, 86)
    y = np.round(random.normal(size=n), 2)
    b = (random.random(n) < 1 / (1 + np.exp(-(age - CENTRE) / WIDTH))).astype(float)
    b[random.random(n) < 0.2] = np.nan
    return {"age": age, "y": y, "b": b}


def begun(site: Callable[..., Site], policy: Policy, sweeps: int = 2, data: dict[str, Values] | None = None) -> Site:
    """A site with these people whose job has begun; ages in units of their sd."""
    played = site(data or people(), {"y": "continuous", "b": "binary"}, policy, sweeps=sweeps)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0])
    return played


def step_at(threshold: float, steepness: float) -> list[float]:
    """Coefficients of (age, y, intercept) that put a logistic step at an age."""
    return [steepness * WIDTH, 0.0, -steepness * (threshold - CENTRE)]


def isolated(age: Values) -> Values:
    """Ages that one person has."""
    values, counts = np.unique(age, return_counts=True)
    return values[counts == 1]


def polite(cap: float, number: int, seed: int) -> list[list[float]]:
    """Coefficients of (age, y, intercept) that stay inside a cap for every age that occurs: steps as steep as they may be, everywhere."""
    random = np.random.default_rng(seed)
    low, high = (AGES[0] - CENTRE) / WIDTH, (AGES[-1] - CENTRE) / WIDTH
    found = []
    for _ in range(number):
        slope = random.choice([-1, 1]) * random.uniform(0.3, 1) * 2 * cap / (high - low)
        ends = sorted((slope * low, slope * high))
        found.append([slope, 0.0, random.uniform(-cap - ends[0], cap - ends[1])])
    return found


def count_people(rows: Sequence[Values], answers: Sequence[float], steps: Sequence[float]) -> Values:
    """Non-negative counts per age that explain the answers best, each answer weighed by its precision."""
    weights = 1 / np.maximum(np.asarray(steps), 1e-300)
    scale = weights.max()
    counts, _ = nnls(np.asarray(rows) * (weights / scale)[:, None], np.asarray(answers) * weights / scale, maxiter=5000)
    return np.round(counts)


def guess(counts: Values, n: float) -> Values:
    """What an outsider says who knows the number of people, the mean and the sd of their ages."""
    total = counts.sum()
    mean = (AGES * counts).sum() / total
    sd = np.sqrt((AGES**2 * counts).sum() / total - mean**2)
    density = np.exp(-0.5 * ((AGES - mean) / sd) ** 2)
    return np.round(n * density / density.sum())


def middle_rates(age: Values, found: Values) -> tuple[float, float]:
    """Share of the ages in the middle whose number of people was found, and was guessed."""
    counts = np.array([(age == year).sum() for year in AGES], dtype=float)
    middle = (AGES > CENTRE - 2 * WIDTH) & (AGES < CENTRE + 2 * WIDTH)
    return float((found == counts)[middle].mean()), float((guess(counts, counts.sum()) == counts)[middle].mean())
