"""The studies of cards in short: what they draw is what they say, and a few sets of data come out as the long ones do."""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistics import cards, growth, linear, own_rows
from tests.statistics.cards import Outcome, Summary
from tests.statistics.own_rows import SWEEPS


def outcomes(ratio: float, held: float) -> list[Outcome]:
    random = np.random.default_rng(1)
    draws = random.chisquare(8, size=400) / 8
    return [
        Outcome({"pooled": value, "job": ratio**2 * value}, {"pooled": 0.95, "job": held}, {"pooled": 1.0, "job": 1.0}, 5.0, False)
        for value in draws.tolist()
    ]


@pytest.mark.parametrize(
    ("ratio", "held", "missed"), [(1.0, 0.95, []), (1.04, 0.94, []), (1.2, 0.95, ["RMSE > 1.05"]), (1.0, 0.8, ["coverage < 0.93"])]
)
def test_a_cell_of_cards_misses_only_what_its_limits_lie_beyond(ratio: float, held: float, missed: list[str]) -> None:
    assert Summary(cards.Cell("normal", 800, 0.1, 3, 0.0), outcomes(ratio, held)).misses() == missed


@pytest.mark.parametrize("kind", ["normal", "half yes/no", "one-hot"])
def test_without_errors_own_fits_combine_to_the_pooled_maximum(kind: cards.Kind) -> None:
    summary = Summary(cell := cards.Cell(kind, 800, 0.1, 3, 0.0), [cards.one(cell, seed) for seed in range(12)])
    assert summary.ratio("job").value < 1.05
    assert summary.coverage("job").value > 0.88


def test_with_the_errors_of_default_a_common_point_takes_back_some_of_what_they_cost() -> None:
    summary = Summary(cell := cards.Cell("half yes/no", 160, 0.1, 3, 2.5), [cards.one(cell, seed) for seed in range(25)])
    assert all(outcome.is_due for outcome in summary.outcomes)
    assert 1.0 < summary.ratio("point").value < summary.ratio("own fits").value
    assert summary.ratio("job") == summary.ratio("point")


def test_targets_are_missing_as_often_as_a_cell_says_and_the_truth_is_that_of_many_rows() -> None:
    cell = own_rows.Cell(3, 0.25, 40_000)
    rows = own_rows.draw(cell, np.random.default_rng(1))[0]
    assert np.isnan(rows).mean(axis=0) == pytest.approx([0.25] * 3 + [0.0] * 2, abs=1e-3)
    complete = own_rows.draw(own_rows.Cell(3, 0.0, 40_000), np.random.default_rng(2))[0]
    for target, truth in enumerate(cell.truth):
        X = np.column_stack([np.delete(complete, target, axis=1), np.ones(len(complete))])
        assert np.linalg.lstsq(X, complete[:, target], rcond=None)[0] == pytest.approx(truth, abs=0.03)


def test_own_rows_come_as_near_the_truth_as_sweeps() -> None:
    found = own_rows.batch(own_rows.Cell(3, 0.25, 150), [0.0], range(40))
    rmse = {way: float(np.sqrt(np.mean(values[0] ** 2))) for way, values in found.items()}
    assert rmse["0"] / rmse[SWEEPS] == pytest.approx(1.0, abs=0.1)
    assert found["0"][2].mean() > 0.9


def test_a_cell_of_own_rows_misses_what_is_farther_from_the_truth_for_certain() -> None:
    random = np.random.default_rng(1)
    off = random.normal(size=(300, 4))
    sweeps = np.stack([off, np.ones_like(off), (np.abs(off) < 1.96) * 1.0])
    worse = np.stack([1.5 * off, np.ones_like(off), (np.abs(1.5 * off) < 1.96) * 1.0])
    cell = own_rows.Cell(1, 0.25, 150)
    assert own_rows.Summary(cell, 0.0, sweeps, sweeps).misses() == []
    assert own_rows.Summary(cell, 0.0, worse, sweeps).misses() == ["RMSE > 1.06", "SE off by > 0.1", "coverage < 0.93"]


def test_errors_cost_three_binary_targets_at_most_a_twentieth_of_a_standard_error() -> None:
    found = growth.mean(500, 0.3, 2.5, 2)
    assert 1.0 < found.point < found.own_fits < growth.GOAL
    assert growth.mean(500, 0.3, 1.0, 2).own_fits < found.own_fits


@pytest.mark.parametrize("kind", ["normal", "one-hot", "mild tails"])
def test_intervals_of_least_squares_hold_the_truth_with_the_errors_of_default(kind: linear.Columns) -> None:
    found = linear.summary(kind, 150, 3, 2.5, 40)
    assert found["coverage"] > 0.91
    assert found["σ²"] == pytest.approx(1.0, abs=0.08)
    assert 1.0 < found["SE"] < 1.5


def test_without_errors_cards_are_all_rows() -> None:
    found = linear.one("half yes/no", 150, 2, 0.0, 1)
    assert found[0] == pytest.approx(found[1], abs=1e-6)
