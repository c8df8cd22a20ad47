"""The study in short: 200 data sets of SIMI and SIMICE. `make study` runs 2,000 of every method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from sandbox.wire.messages import Finished
from tests.algorithms.federation import finish, make, pair
from tests.statistics.cells import Cell, cells
from tests.statistics.data import ROWS, rows, world
from tests.statistics.figures import figures, misses
from tests.statistics.repetitions import CENTRAL, COLUMNS, MEAN, SLOPE, Everywhere, Outcome, repeat
from tests.statistics.table import BEGIN, END, table, write


@pytest.mark.parametrize(
    "cell",
    [Cell("SIMI", "continuous", 3), Cell("SIMI", "binary", 3), Cell("SIMICE", "mixed", 3), Cell("SIMI", "continuous", 3, True, True)],
    ids=lambda cell: f"{cell.method}-{cell.kind}{'-central_intercept' * cell.central_intercept}",
)
def test_intervals_hold_the_truth(cell: Cell) -> None:
    outcome = repeat(cell, range(200))
    assert outcome.failures == ()
    for key, figure in figures(outcome).items():
        if cell.is_shifted and key[0] != CENTRAL:
            continue
        assert figure.coverage >= 0.90, key
        assert abs(figure.bias) < 0.25, key


def test_shifted_sites_bias_central_and_central_intercept_takes_the_bias_out() -> None:
    plain, own = (figures(repeat(Cell("SIMI", "continuous", 3, True, own), range(100)))[CENTRAL, MEAN] for own in (False, True))
    assert plain.bias > 0.8
    assert abs(own.bias) < 0.3


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_a_share_is_missing_and_the_truth_of_a_world_agrees_with_quadrature(kind) -> None:
    truth = world(kind)
    many = [rows(kind, repetition, 0, 0.0) for repetition in range(60)]
    data = np.vstack(many)
    assert 0.15 < np.isnan(data[:, 0]).mean() < 0.4
    if kind in ("binary", "mixed"):
        sd = np.sqrt((0.8 - 0.25) ** 2 + 0.25) if kind == "binary" else 0.7
        centre = -0.3 if kind == "binary" else -0.2
        share = integrate.quad(lambda t: special.expit(centre + sd * t) * stats.norm.pdf(t), -10, 10)[0]
        assert truth.mean == pytest.approx(share if kind == "binary" else 0.5 + 0.4 * share, abs=1e-10)
    if kind == "selection binary":
        total = np.sqrt(1 + (0.6 - 0.2) ** 2 + 0.16)
        assert truth.mean == pytest.approx(stats.norm.cdf(0.2 / total))
        assert truth.slope == pytest.approx(0.6 * stats.norm.pdf(0.2 / total) / total)


def test_central_has_the_same_rows_in_every_cell_of_a_kind() -> None:
    assert np.array_equal(rows("continuous", 7, 0, 0.0), rows("continuous", 7, 0, 0.0), equal_nan=True)
    assert not np.array_equal(rows("continuous", 7, 0, 0.0), rows("continuous", 8, 0, 0.0), equal_nan=True)
    assert not np.array_equal(rows("continuous", 7, 0, 0.0), rows("continuous", 7, 1, 0.0), equal_nan=True)


def test_sites_impute_their_own_rows_for_the_analysis_of_all() -> None:
    raws = [rows("continuous", 1, site, 0.0) for site in range(3)]
    federation, start = make(pair("SIMI"), raws, world("continuous").contract, imputations=2)
    everywhere = Everywhere(pair("SIMI"), federation.sites)
    assert finish(everywhere, start) == Finished()
    assert [kept.shape for kept in everywhere.kept] == [(900, 4)] * 2
    assert not np.isnan(everywhere.kept[0]).any()
    assert not np.array_equal(everywhere.kept[0][300:], everywhere.kept[1][300:])


def outcome_of(off: float, error: float, n: int = 400) -> Outcome:
    noise = np.random.default_rng(1).normal(size=(n, len(COLUMNS)))
    values = np.stack([off + noise, np.full_like(noise, error), np.full_like(noise, 1.96 * error)], axis=2)
    return Outcome(values, ())


def test_figures_are_coverage_bias_and_ratio_of_errors() -> None:
    figure = figures(outcome_of(0.0, 1.2))[CENTRAL, SLOPE]
    assert figure.coverage == pytest.approx(0.98, abs=0.02)
    assert figure.ratio == pytest.approx(1.2, abs=0.1)
    assert abs(figure.bias) < 0.1


@pytest.mark.parametrize(
    ("off", "error", "words"), [(0.0, 1.2, None), (0.5, 1.2, "bias"), (0.0, 0.8, "coverage"), (0.0, 1.6, "model over empirical")]
)
def test_what_misses_a_demand_is_said(off: float, error: float, words: str | None) -> None:
    found = list(misses({Cell("SIMI", "continuous", 3): outcome_of(off, error)}))
    central = [miss for miss in found if "at central" in miss]
    assert bool(central) is (words is not None)
    assert words is None or any(words in miss for miss in central)


def test_every_method_is_in_the_study_with_1_3_and_10_sites_alike_and_shifted() -> None:
    chosen = list(cells())
    assert {cell.method for cell in chosen} == {"SIMI", "AVGMMI", "CSLMI", "IMI", "HDMI", "SIMICE", "AVGMMICE", "CSLMICE", "IMICE"}
    for cell in chosen:
        if cell.n_sites:
            twins = {(other.n_sites, other.is_shifted) for other in chosen if (other.method, other.kind) == (cell.method, cell.kind)}
            assert twins == {(n, shifted) for n in (1, 3, 10) for shifted in (False, True)}


def test_the_table_replaces_the_old_one_between_its_markers(tmp_path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write(table({Cell("SIMI", "continuous", 3): outcome_of(0.0, 1.0), Cell("IMI", "continuous", 0): outcome_of(0.0, 1.0)}), page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| SIMI | continuous | 3 | alike |" in text
