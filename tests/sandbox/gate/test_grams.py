"""Both ways to keep Grams give those of the rows, with few and with very many patterns, and neither drifts."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from sandbox.contract import Column, Contract
from sandbox.gate import grams as grams_module
from sandbox.gate import kernels
from sandbox.gate import rows as rows_module
from sandbox.gate.dataset import Dataset
from sandbox.gate.kernels import Units
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles

OTHERS = 2


class World:
    """Rows of some targets that are missing at random, and two predictors; draws at coefficients that are near the fit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n: int, n_targets: int, share: float, *, many: int) -> None:
        monkeypatch.setattr(rows_module, "MANY_PATTERNS", many)
        random = np.random.default_rng(n)
        values = random.normal(size=(n, n_targets + OTHERS)) + random.normal(size=(n, 1))
        mask = random.random((n, n_targets)) < share
        values[:, :n_targets][mask] = np.nan
        targets = (Column(f"t{number}", "target", "continuous") for number in range(n_targets))
        contract = Contract((*targets, *(Column(f"x{number}", "predictor") for number in range(OTHERS))))
        region = Region(mmap.mmap(-1, 1 << 28))
        tiles = Tiles(region, n_targets + OTHERS + 1)
        tiles.append(values)
        dataset = Dataset(contract, {index: index - 1 for index in contract.model}, tiles)
        self.rows = Rows(dataset, np.arange(n), find_patterns(mask), region, np.array([1.0]))
        zeros = np.zeros(n_targets + OTHERS)
        self.units = Units(zeros, zeros + 1.0, zeros, zeros > 0)
        starts = {index: np.random.default_rng(index).normal(size=self.rows.n_missing(index)) for index in self.rows.targets}
        self.rows.standardise(zeros, zeros + 1.0, starts)

    def sweep(self, number: int) -> None:
        for target in self.rows.targets:
            random = np.random.default_rng((number, target))
            parts = kernels.gram(self.rows, self.units, target).parts
            beta = np.linalg.solve(parts["XX"], parts["Xy"]) + 0.01 * random.normal(size=self.rows.p - 1)
            noise = random.normal(size=self.rows.n)[self.rows.missing_rows(target)]
            kernels.draw(self.rows, self.units, target, beta, 1.0, noise)

    def fresh(self, target: int) -> np.ndarray:
        design = np.column_stack([self.rows.column(position) for position in range(self.rows.p)])
        design = np.delete(design, self.rows.missing_places(target), axis=0)
        gram: np.ndarray = design.T @ design
        return gram

    def shift(self, target: int) -> float:
        """How far the kept Gram moves a coefficient from where that of the rows puts it, in standard errors."""
        fits = []
        for gram in (self.rows.gram(target), self.fresh(target)):
            position = self.rows.position(target)
            others = np.delete(np.arange(self.rows.p), position)
            XX, Xy = gram[np.ix_(others, others)], gram[others, position]
            fits.append(np.linalg.solve(XX, Xy))
        sigma2 = (gram[position, position] - Xy @ fits[1]) / self.rows.n_observed(target)
        return float((np.abs(fits[0] - fits[1]) / np.sqrt(sigma2 * np.diagonal(np.linalg.inv(XX)))).max())


@pytest.mark.parametrize(("n", "n_targets", "share", "least"), [(3000, 6, 0.3, 64), (16_500, 14, 0.5, 10_000)], ids=["64", "10,000"])
def test_one_gram_per_target_is_what_one_per_pattern_gives(monkeypatch: pytest.MonkeyPatch, n, n_targets, share, least) -> None:
    by_target = World(monkeypatch, n, n_targets, share, many=0)
    by_pattern = World(monkeypatch, n, n_targets, share, many=n)
    assert (by_target.rows.is_in_runs, by_pattern.rows.is_in_runs) == (False, True)
    assert len(by_target.rows.masks) >= least
    for world in (by_target, by_pattern):
        world.sweep(0)
    for target in by_target.rows.targets:
        np.testing.assert_allclose(by_target.rows.gram(target), by_pattern.rows.gram(target), rtol=1e-11, atol=1e-9)
        position = by_target.rows.position(target)
        np.testing.assert_allclose(by_target.rows.column(position), by_pattern.rows.column(position), rtol=0, atol=1e-10)
    np.testing.assert_allclose(by_target.rows.total_gram(), by_pattern.rows.total_gram(), rtol=1e-11, atol=1e-9)


def test_a_thousand_sweeps_move_no_coefficient_by_a_billionth_of_its_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams_module, "DRAWS_BETWEEN_RENEWALS", 10**9)
    world = World(monkeypatch, 500, 7, 0.3, many=0)
    for number in range(1000):
        world.sweep(number)
    shifts = [world.shift(target) for target in world.rows.targets]
    assert max(shifts) < 1e-9
    # The control: the measure sees an error of that size.
    world.rows._grams._grams *= 1 + 1e-6 * np.random.default_rng(0).random(world.rows._grams._grams.shape)
    assert max(world.shift(target) for target in world.rows.targets) > 1e-9


def test_grams_of_targets_are_made_anew_after_some_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams_module, "DRAWS_BETWEEN_RENEWALS", 10)
    world = World(monkeypatch, 500, 7, 0.3, many=0)
    world.rows._grams._grams[:] += 1e-3
    world.sweep(0)
    assert not np.allclose(world.rows.gram(7), world.fresh(7), rtol=1e-12)
    world.sweep(1)
    np.testing.assert_allclose(world.rows.gram(7), world.fresh(7), rtol=1e-12, atol=1e-10)


def test_a_draw_that_is_taken_back_after_a_renewal_leaves_every_gram_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams_module, "DRAWS_BETWEEN_RENEWALS", 1)
    world = World(monkeypatch, 500, 7, 0.3, many=0)
    before = [world.rows.gram(target) for target in world.rows.targets]
    world.rows.refill(3, np.full(world.rows.n_missing(3), 7.0))
    assert not np.array_equal(world.rows.gram(1), before[0])
    world.rows.undo(3)
    assert all(np.array_equal(world.rows.gram(target), gram) for target, gram in zip(world.rows.targets, before, strict=True))
