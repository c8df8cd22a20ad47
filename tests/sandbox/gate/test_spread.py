"""Who makes up a sum of squares, on columns where a few do and on honest ones where nobody does."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.spread import Sums, dominance

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


def test_the_bounds_never_clear_a_set_of_rows_that_a_close_look_does_not() -> None:
    n_cleared = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        values = random.choice([random.standard_t(1.2, 60), random.normal(1e6, 1, 60), random.lognormal(0, 2, 60)])
        values[random.random(60) < 0.2] = np.nan
        of_row = random.integers(0, 4, 60)
        sums = Sums.of(values, of_row, 4)
        for pattern in range(4):
            chosen = np.arange(4) != pattern
            rows = chosen[of_row] & ~np.isnan(values)
            if not sums.may_dominate(chosen, DEFAULT):
                n_cleared += 1
                assert dominance(values[rows], DEFAULT) == ()
    assert n_cleared > 50
