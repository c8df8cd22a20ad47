"""Who makes up a sum of squares, on columns where a few do and on honest ones where nobody does."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from policies.disclosure import Spread, check_dominance
from sandbox.gate.spread import dominance

DEFAULT = built_in("default")
RANDOM = np.random.default_rng(4)
BULK = RANDOM.normal(size=200)


@pytest.mark.parametrize(
    "values",
    [
        np.append(BULK, 1e3),
        np.append(BULK, -1e6),
        np.append(BULK, [1e4, -1e4]),
        np.append(np.ones(200), 1e9),
        np.append(np.full(200, 5.0), 6.0),
        np.append(np.full(200, 1e6) + BULK, 1e6 + 1e3),
        np.append(np.zeros(200), 3.0),
        np.array([3.0]),
        np.array([3.0, 4.0]),
    ],
    ids=["one", "one far", "two", "one above a constant", "one step", "offset", "one above zero", "one row", "two rows"],
)
def test_one_or_two_rows_that_are_the_sum_are_found(values: np.ndarray) -> None:
    assert [breach.rule for breach in dominance(values, DEFAULT)] == ["dominance"]


@pytest.mark.parametrize(
    "values",
    [
        BULK,
        BULK * 1e-6,
        BULK + 1e6,
        RANDOM.poisson(2, 200).astype(float),
        RANDOM.lognormal(0, 1, 200),
        np.full(200, 7.0),
        np.full(200, 0.1),
        np.zeros(200),
        np.array([]),
    ],
    ids=["normal", "small", "offset", "count", "lognormal", "constant", "rounded constant", "zeros", "nobody"],
)
def test_honest_columns_and_constants_pass(values: np.ndarray) -> None:
    assert dominance(values, DEFAULT) == ()


def test_the_shortcut_says_what_sorting_says() -> None:
    for seed in range(200):
        random = np.random.default_rng(seed)
        values = random.standard_t(1.2, 40)
        spreads = []
        for deviations in (values, values - np.median(values)):
            ordered = np.sort(deviations**2)
            spreads.append(Spread(float(ordered[-1]), float(ordered[-2]), float(ordered.sum())))
        assert bool(dominance(values, DEFAULT)) == any(check_dominance(spread, DEFAULT) for spread in spreads)
