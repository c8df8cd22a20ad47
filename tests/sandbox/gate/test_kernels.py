"""Kernels against direct NumPy on the rows as a statistician would write them, before and after many draws, on both layouts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from policies.disclosure import check_units
from sandbox.contract import Column, Contract
from sandbox.gate import kernels
from sandbox.gate import rows as rows_module
from sandbox.gate import tiles as tiles_module
from sandbox.gate.dataset import Dataset
from sandbox.gate.draws import RowDraws
from sandbox.gate.kernels import Units
from sandbox.gate.patterns import find_patterns
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles
from sandbox.wire.messages import Constants
from sandbox.wire.values import floats

Y, B = 3, 4


class Direct:
    """The same data set without any of the gate's ideas: file order, masks, everything recomputed."""

    def __init__(self, dataset, survey, units, intercepts) -> None:
        self.rows, self.units = survey.rows, units
        self.model = dataset.contract.model
        kept = np.sort(self.rows.file_rows)
        raw = np.column_stack([dataset.column(index)[kept] for index in self.model])
        self.missing = np.isnan(raw)
        self.values = (raw - units.centre) / units.scale
        self.intercepts = np.tile(intercepts, (len(kept), 1))
        self.kept = kept

    def design(self, target: int) -> np.ndarray:
        others = [position for position, index in enumerate(self.model) if index != target]
        return np.column_stack([self.values[:, others], self.intercepts])

    def outcome(self, target: int) -> np.ndarray:
        position = self.model.index(target)
        y = self.values[:, position]
        return np.round(y * self.units.scale[position] + self.units.centre[position]) if self.units.is_binary[position] else y

    def is_missing(self, target: int) -> np.ndarray:
        return self.missing[:, self.model.index(target)]

    def fill(self, target: int, values: np.ndarray) -> None:
        self.values[self.is_missing(target), self.model.index(target)] = values


@pytest.fixture(params=["patterns", "scattered", "small tiles"])
def begun(request, upload, surveyed, make_setup, csv_text, monkeypatch):
    """Rows after Begin, with start values, and their direct twin."""
    if request.param == "scattered":
        monkeypatch.setattr(rows_module, "MANY_PATTERNS", 0)
    if request.param != "patterns":
        monkeypatch.setattr(tiles_module, "tile_rows", lambda _: 32)
    text = csv_text(100 if request.param == "scattered" else 300, seed=5).replace("p7,", "p7,NA,1,no,2\np7b,", 1)
    setup = make_setup({"parameters": {"central_intercept": True}})
    _, dataset = upload(text, setup)
    centre, scale, mean = np.array([50.0, 13, 0.4, 0.1]), np.array([9.0, 2.5, 0.49, 1.1]), np.array([50.0, 13, 0.4, 0.1])
    units = Units.of(Constants(floats(centre), floats(scale), floats(mean)), dataset.contract)
    found = surveyed(text, setup)
    assert found.rows.is_in_runs is (request.param != "scattered")
    twin = Direct(dataset, found, units, [1.0, 1.0])
    draws = RowDraws(b"a key of 16 bytes"[:16])

    def uniform(target: int, draw: int) -> np.ndarray:
        return draws.uniform(target, draw, found.rows.missing_rows(target))

    found.rows.standardise(units.centre, units.scale, kernels.start_values(found.rows, units, {B: uniform(B, 0)}))
    twin.fill(Y, (mean[1] - centre[1]) / scale[1])
    twin.fill(B, ((draws.uniform(B, 0, twin.kept[twin.is_missing(B)]) < mean[2]).astype(float) - centre[2]) / scale[2])
    return found.rows, units, twin, uniform, draws


def check_gram(rows, units, twin, target: int) -> None:
    answer = kernels.gram(rows, units, target)
    observed = ~twin.is_missing(target)
    X, y = twin.design(target)[observed], twin.outcome(target)[observed]
    assert answer.n == answer.parts["n"] == observed.sum()
    for part, expected in (("XX", X.T @ X), ("Xy", X.T @ y), ("yy", y @ y)):
        np.testing.assert_allclose(answer.parts[part], expected, rtol=1e-12, atol=1e-10)
    for part, expected in (("XX", np.abs(X).T @ np.abs(X)), ("Xy", np.abs(X).T @ np.abs(y))):
        assert (answer.bounds[part] >= expected * (1 - 1e-12)).all()


def test_grams_are_the_recomputed_ones_after_many_draws(begun) -> None:
    rows, units, twin, _, draws = begun
    random = np.random.default_rng(0)
    check_gram(rows, units, twin, Y)
    for sweep in range(1, 31):
        for target in (Y, B):
            beta = random.normal(size=rows.p - 1) * 0.4
            eta = twin.design(target)[twin.is_missing(target)] @ beta
            sigma = 0.7 if target == Y else None
            noise = draws.normal if target == Y else draws.uniform
            ours = noise(target, sweep, twin.kept[twin.is_missing(target)])
            filled = kernels.draw(rows, units, target, beta, sigma, noise(target, sweep, rows.missing_rows(target)))
            assert filled.is_finite
            moments = filled.moments
            position = twin.model.index(target)
            if sigma is None:
                raw = (ours < expit(eta)).astype(float)
                twin.fill(target, (raw - units.centre[position]) / units.scale[position])
            else:
                twin.fill(target, eta + sigma * ours)
                raw = (eta + sigma * ours) * units.scale[position] + units.centre[position]
            assert moments.n == len(raw)
            assert moments.mean == pytest.approx(raw.mean())
            assert moments.variance == pytest.approx(raw.var(ddof=1))
    check_gram(rows, units, twin, Y)
    check_gram(rows, units, twin, B)


def test_a_score_is_the_derivative_of_the_log_likelihood(begun) -> None:
    rows, units, twin, _, _ = begun
    beta = np.random.default_rng(1).normal(size=rows.p - 1) * 0.5
    observed = ~twin.is_missing(B)
    X, y = twin.design(B)[observed], twin.outcome(B)[observed]
    eta = X @ beta
    p = expit(eta)
    score = kernels.glm_score(rows, units, B, beta)
    parts = score.parts
    np.testing.assert_allclose(parts["H"], (X * (p * (1 - p))[:, None]).T @ X, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(parts["g"], X.T @ (y - p), rtol=1e-10, atol=1e-10)
    assert parts["loglik"] == pytest.approx(np.sum(y * eta - np.logaddexp(0, eta)), rel=1e-12)
    assert (score.bounds["g"] >= np.abs(X * (y - p)[:, None]).sum(axis=0) * (1 - 1e-12)).all()
    assert score.bounds["loglik"] == pytest.approx(np.abs(y * eta - np.logaddexp(0, eta)).sum())


def test_a_score_far_out_is_finite(begun) -> None:
    rows, units, *_ = begun
    beta = np.zeros(rows.p - 1)
    beta[-1] = 5_000.0
    score = kernels.glm_score(rows, units, B, beta)
    assert np.isfinite(score.parts["loglik"])
    assert np.isfinite(score.parts["H"]).all()
    assert np.abs(score.parts["H"]).max() < 1e-100


@pytest.mark.parametrize("target", [Y, B])
def test_a_draw_at_coefficients_that_give_no_number_says_so(begun, target: int) -> None:
    rows, units, _, _, draws = begun
    for number, is_finite in ((1e3, True), (1e308, False), (np.nan, False)):
        noise = (draws.normal if target == Y else draws.uniform)(target, 1, rows.missing_rows(target))
        with np.errstate(all="ignore"):  # as in a gate
            filled = kernels.draw(rows, units, target, np.full(rows.p - 1, number), 0.5 if target == Y else None, noise)
        assert filled.is_finite is is_finite
        with np.errstate(all="ignore"):
            rows.undo(target)


def test_margins_are_of_observed_cells_of_rows_that_take_part(upload, surveyed, make_setup, csv_text) -> None:
    text = csv_text(120, seed=2).replace("p7,", "p7,NA,1000000,no,2\np7b,", 1)
    _, dataset = upload(text)
    columns = [dataset.column(index) for index in dataset.contract.model]
    takes_part = ~np.isnan(columns[0]) & ~np.isnan(columns[3])
    rows = surveyed(text, make_setup()).rows
    answer = kernels.margins(rows)
    for position, column in enumerate(columns):
        observed = column[takes_part & ~np.isnan(column)]
        assert answer.parts["n"][position] == len(observed)
        assert answer.parts["total"][position] == pytest.approx(observed.sum())
        assert answer.parts["total_squares"][position] == pytest.approx((observed**2).sum())


def test_a_column_of_one_value_has_no_spread_although_floating_point_gives_it_one(region) -> None:
    # The mean of 300 times 0.1 is not 0.1, so their sd is not 0.
    assert np.full(300, 0.1).std() > 0
    values = np.column_stack([np.random.default_rng(0).normal(size=300), np.full(300, 0.1)])
    contract = Contract((Column("y", "target", "continuous"), Column("x", "predictor")))
    tiles = Tiles(region, 3)
    tiles.append(values)
    dataset = Dataset(contract, {1: 0, 2: 1}, tiles)
    rows = Rows(dataset, np.arange(300), find_patterns(np.zeros((300, 1), dtype=bool)), region, np.array([1.0]))
    centre = np.array([0.0, np.full(300, 0.1).mean()])
    one, other = kernels.fits(rows, Units(centre, np.ones(2), centre, np.zeros(2, dtype=bool)))
    assert one.spread > 0.5
    assert other.spread == 0
    assert check_units(one) == check_units(other) == ()


@pytest.mark.parametrize(
    ("centre", "scale", "mean"),
    [
        ([0, 0, 0], [1, 1, 1], [0, 0, 0]),
        ([0, 0, 0, np.nan], [1, 1, 1, 1], [0, 0, 0, 0]),
        ([0, 0, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0]),
        ([0, 0, 0, 0], [1, -1, 1, 1], [0, 0, 0, 0]),
        ([0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1.5, 0]),
    ],
)
def test_unusable_constants_are_refused(upload, csv_text, centre, scale, mean) -> None:
    _, dataset = upload(csv_text(50))
    with pytest.raises(ValueError):
        Units.of(Constants(floats(centre), floats(scale), floats(mean)), dataset.contract)


def test_a_row_of_every_pattern_of_many_targets_is_found_again(region) -> None:
    # Twelve targets missing at random on 500 rows: more patterns than MANY_PATTERNS, so Grams are computed, not kept.
    random = np.random.default_rng(4)
    values = random.normal(size=(500, 13))
    mask = random.random((500, 12)) < 0.3
    values[:, :12][mask] = np.nan
    contract = Contract((*(Column(f"t{n}", "target", "continuous") for n in range(12)), Column("x", "predictor")))
    tiles = Tiles(region, 14)
    tiles.append(values)
    dataset = Dataset(contract, {index: index - 1 for index in range(1, 14)}, tiles)
    rows = Rows(dataset, np.arange(500), find_patterns(mask), region, np.array([1.0]))
    assert not rows.is_in_runs
    zeros, ones = np.zeros(13), np.ones(13)
    units = Units(zeros, ones, zeros, np.zeros(13, dtype=bool))
    rows.standardise(zeros, ones, {index: np.zeros(rows.n_missing(index)) for index in rows.targets})
    filled = np.nan_to_num(values)
    X = np.column_stack([filled[:, 1:], np.ones(500)])[~mask[:, 0]]
    np.testing.assert_allclose(kernels.gram(rows, units, 1).parts["XX"], X.T @ X, atol=1e-10)


def test_a_draw_that_is_taken_back_leaves_rows_and_grams_as_they_were_to_the_last_bit(begun) -> None:
    rows, units, _, _, draws = begun
    random = np.random.default_rng(4)
    for target in (Y, B):
        columns = [rows.column(place) for place in range(rows.p)]
        grams = [rows.gram(other) for other in (Y, B)]
        noise = (draws.normal if target == Y else draws.uniform)(target, 9, rows.missing_rows(target))
        kernels.draw(rows, units, target, random.normal(size=rows.p - 1), 0.7 if target == Y else None, noise)
        assert not np.array_equal(rows.column(rows.position(target)), columns[rows.position(target)])
        rows.undo(target)
        assert all(np.array_equal(rows.column(place), column) for place, column in enumerate(columns))
        for other, gram in zip((Y, B), grams, strict=True):
            np.testing.assert_array_equal(rows.gram(other), gram)


def test_products_and_the_gram_of_all_rows_are_the_recomputed_ones(begun) -> None:
    rows, _, _, _, _ = begun
    design = np.column_stack([rows.column(place) for place in range(rows.p)])
    values = np.random.default_rng(5).normal(size=rows.n)
    np.testing.assert_allclose(rows.products(values), design.T @ values, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(rows.total_gram(), design.T @ design, rtol=1e-10, atol=1e-10)
