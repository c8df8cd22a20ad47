"""Columns that a site never measured: what its card says of them, and how central completes them from what the others state."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from policies import built_in
from policies.life_budget import error_size
from sandbox.contract import Contract
from sandbox.errors import Code
from sandbox.gate.admission import admit
from sandbox.gate.card import Card, Wants, make_card
from sandbox.gate.dataset import Dataset
from sandbox.gate.guard import Refusal
from sandbox.gate.own_rows import complete
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.sticky import Errors
from sandbox.gate.tiles import Tiles
from sandbox.gate.unmeasured import Group, complete_cards, groups_of, n_known, second_moments
from tests.sandbox.gate.filled import contract_of

T, X1, X2, B = range(4)
CONTRACT = contract_of(["t", "x1", "x2", "b"], continuous=["t"], binary=["b"])
SLOPES = np.array([1.0, -1.5, 0.25, 0.5])
"""Of t on x1, x2, b and 1."""


def people(n: int, seed: int | np.random.Generator) -> np.ndarray:
    """t, x1, x2, b; x2 goes along with x1."""
    rng = np.random.default_rng(seed)
    x1 = rng.normal(size=n)
    x2 = 0.5 * x1 + 0.9 * rng.normal(size=n)
    b = (x1 + rng.normal(size=n) > 0).astype(float)
    return np.column_stack([np.column_stack([x1, x2, b, np.ones(n)]) @ SLOPES + rng.normal(size=n), x1, x2, b])


def gram(values: np.ndarray) -> np.ndarray:
    z = np.column_stack([values, np.ones(len(values))])
    return z.T @ z


def group(values: np.ndarray, *hidden: int) -> Group:
    shown = np.ones(5, dtype=bool)
    shown[list(hidden)] = False
    return Group(shown, np.where(np.outer(shown, shown), gram(values), np.nan))


def dataset_of(values: np.ndarray, contract: Contract = CONTRACT) -> tuple[Dataset, Region]:
    region = Region(mmap.mmap(-1, 1 << 24))
    tiles = Tiles(region, values.shape[1] + 1)
    tiles.append(values.copy())
    return Dataset(contract, {index: index - 1 for index in contract.model}, tiles), region


def card_of(values: np.ndarray, policy: str, contract: Contract = CONTRACT) -> Card:
    rules, names = built_in(policy), tuple(contract.column(index).name for index in contract.model)
    own = complete(*(lambda dataset, region: (dataset, b"s" * 32, region))(*dataset_of(values, contract)))
    binary = tuple(index for index in contract.targets if contract.column(index).is_binary)
    return make_card(own, contract, Errors(b"s" * 32, b"life", error_size(rules, own.rows.n), names), rules, Wants(binary))


def central_rows(values: np.ndarray) -> Rows:
    """In raw units."""
    dataset, region = dataset_of(values)
    is_missing = np.isnan(values[:, [T, B]])
    rows = Rows(dataset, np.arange(len(values)), find_patterns(is_missing), region, np.array([1.0]))
    starts = {index: np.full(rows.n_missing(index), 77.0) for index in CONTRACT.targets}
    rows.standardise(np.zeros(4), np.ones(4), starts)
    return rows


def least_squares(total: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """β of t and standard errors."""
    XX, Xy = total[1:, 1:], total[1:, T]
    beta = np.linalg.solve(XX, Xy)
    sigma2 = (total[T, T] - beta @ Xy) / (n - 4)
    return beta, np.sqrt(sigma2 * np.diagonal(np.linalg.inv(XX)))


# --- at the site


@pytest.mark.parametrize("policy", ["default", "strict", "research"])
@pytest.mark.parametrize("hidden", [T, X2, B])
def test_a_card_says_nothing_of_a_column_that_no_row_shows_and_all_else_as_without_it(policy: str, hidden: int) -> None:
    values = people(300, 1)
    values[:, hidden] = np.nan
    card = card_of(values, policy)
    stated = card.stated(np.array([1.0, 2.0, 3.0, 0.4]), np.array([2.0, 3.0, 4.0, 0.5]))
    about = stated["card"]
    assert about["n_observed"][hidden] == 0.0
    assert not about["gram"][hidden].any()
    assert not about["gram"][:, hidden].any()
    assert set(stated) == {"card"}
    assert not card.answers_exactly
    # Errors and all.
    kept = [place for place in range(4) if place != hidden]
    columns = Contract(tuple(CONTRACT.columns[place] for place in kept))
    without = card_of(values[:, kept], policy, columns)
    frame = np.zeros(3), np.ones(3)
    within = np.ix_([*kept, 4], [*kept, 4])
    assert card.stated(np.zeros(4), np.ones(4))["card"]["gram"][within] == pytest.approx(without.stated(*frame)["card"]["gram"], rel=1e-9)
    with pytest.raises(Refusal):
        card.score(4, np.zeros(4))


def test_the_gram_of_a_card_that_lacks_a_column_is_that_of_rows() -> None:
    values = people(300, 1)
    values[:, X2] = np.nan
    about = card_of(values, "default").stated(np.zeros(4), np.ones(4))["card"]["gram"]
    measured = [T, X1, B, 4]
    assert np.linalg.eigvalsh(about[np.ix_(measured, measured)])[0] > 0


def test_the_owner_is_told_in_which_fits_the_site_takes_no_part() -> None:
    values = people(300, 1)
    values[:, X2] = np.nan
    findings = admit(dataset_of(values)[0], built_in("default"), fits=(4,))
    assert [(finding.code, finding.severity, finding.column) for finding in findings] == [(Code.FIT_NO_PART, "notice", 4)]
    assert "x2" in str(findings[0].details["lacking"])
    assert admit(dataset_of(people(300, 1))[0], built_in("default"), fits=(4,)) == ()


# --- at central


def test_where_all_lack_the_same_column_it_is_the_regression_among_those_who_measured_it() -> None:
    whole, lacking = people(400, 1), people(700, 2)
    groups = [group(whole), group(lacking, X2)]
    completed = groups[1].completed(second_moments(groups))
    others = [T, X1, B, 4]
    z = np.column_stack([whole, np.ones(400)])
    slopes, residual, *_ = np.linalg.lstsq(z[:, others], z[:, X2], rcond=None)
    seen = gram(lacking)[np.ix_(others, others)]
    assert completed[X2, others] == pytest.approx(seen @ slopes, rel=1e-6, abs=1e-5)
    assert completed[X2, X2] == pytest.approx(slopes @ seen @ slopes + 700 * float(residual[0]) / 400, rel=1e-6)


def test_a_column_that_follows_from_the_others_is_completed_exactly() -> None:
    parts = [people(300, seed) for seed in (1, 2)]
    for part in parts:
        part[:, X2] = 2.0 - part[:, X1] + 0.5 * part[:, T]
    groups = [group(parts[0]), group(parts[1], X2)]
    assert groups[1].completed(second_moments(groups)) == pytest.approx(gram(parts[1]), rel=1e-5, abs=1e-2)


def test_sites_that_lack_different_columns_complete_each_other() -> None:
    parts = [people(20_000, seed) for seed in (1, 2, 3)]
    moments = second_moments([group(parts[0], X2), group(parts[1], X1), group(parts[2], T)])
    assert moments == pytest.approx(gram(np.vstack(parts)) / 60_000, abs=0.03)


def test_several_columns_are_completed_jointly() -> None:
    parts = [people(20_000, seed) for seed in (1, 2)]
    groups = [group(parts[0]), group(parts[1], X1, X2)]
    assert groups[1].completed(second_moments(groups)) / 20_000 == pytest.approx(gram(parts[1]) / 20_000, abs=0.08)


def test_standard_errors_are_right_and_with_the_completed_gram_alone_too_small() -> None:
    rng = np.random.default_rng(5)
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"weighted": [], "completed": [], "dropped": []}
    for _ in range(400):
        whole, lacking = people(150, rng), people(450, rng)
        groups = [group(whole), group(lacking, X2)]
        moments = second_moments(groups)
        found["weighted"].append(least_squares(gram(whole) + groups[1].weighted(moments, T, n_known(groups[1], groups)), 600))
        found["completed"].append(least_squares(gram(whole) + groups[1].completed(moments), 600))
        found["dropped"].append(least_squares(gram(whole), 150))
    betas = {name: np.array([beta for beta, _ in fits]) for name, fits in found.items()}
    ratio = {name: np.mean([errors for _, errors in fits], axis=0) / betas[name].std(axis=0) for name, fits in found.items()}
    # 400 repetitions: the standard deviation is known to 3.5 %.
    assert ratio["weighted"] == pytest.approx(1.0, abs=0.12)
    assert ratio["completed"][1] < 0.8
    rmse = {name: np.sqrt(((beta - SLOPES) ** 2).mean(axis=0)) for name, beta in betas.items()}
    assert (rmse["weighted"] < 1.05 * rmse["dropped"]).all()
    assert (rmse["weighted"][[0, 2, 3]] < 0.95 * rmse["dropped"][[0, 2, 3]]).all()
    assert np.abs(betas["weighted"].mean(axis=0) - SLOPES) == pytest.approx(0.0, abs=0.03)


def test_central_rows_take_part_by_what_they_show_and_never_by_their_start_values() -> None:
    values = people(500, 1)
    rng = np.random.default_rng(2)
    values[rng.random(500) < 0.3, T] = np.nan
    values[rng.random(500) < 0.3, B] = np.nan
    groups = list(groups_of(central_rows(values)))
    assert sum(one.n for one in groups) == 500
    for one in groups:
        shown = one.shown[:4]
        rows = values[(np.isnan(values) == ~shown).all(axis=1)]
        assert np.isfinite(one.completed(np.eye(5))).all()
        within = np.ix_(one.shown, one.shown)
        assert one.gram[within] == pytest.approx(gram(np.nan_to_num(rows))[within])


def test_cards_without_a_gap_stay_as_they_are_and_others_get_their_grams() -> None:
    whole, lacking = people(400, 1), people(400, 2)
    lacking[:, X2] = np.nan
    cards = {"a": card_of(whole, "default").stated(np.zeros(4), np.ones(4))}
    rows = central_rows(people(400, 3))
    assert complete_cards(cards, rows) == cards
    cards["b"] = card_of(lacking, "default").stated(np.zeros(4), np.ones(4))
    completed = complete_cards(cards, rows)
    assert completed["a"] is cards["a"]
    assert not cards["b"]["card"]["gram"][X2].any()
    full = np.asarray(completed["b"]["card"]["gram"])
    assert np.linalg.eigvalsh(full)[0] > 0
    assert full[X2, X2] / 400 == pytest.approx(0.25 + 0.81, rel=0.2)
    assert completed["b"]["gram.1"]["n"] == round(float(cards["b"]["card"]["n_observed"][T]))
    assert np.linalg.matrix_rank(np.asarray(completed["b"]["gram.1"]["gram"])) == 4


def test_a_column_that_nearly_nobody_shows_ends_the_job_unless_nothing_needs_it() -> None:
    values = people(400, 2)
    values[:, X2] = np.nan
    cards = {"a": card_of(values, "default").stated(np.zeros(4), np.ones(4))}
    with pytest.raises(Refusal) as caught:
        complete_cards(cards, central_rows(people(6, 3)))
    assert caught.value.code is Code.FIT_TOO_FEW_ROWS
    values[:, [T, B]] = np.nan
    cards = {"a": card_of(values, "default").stated(np.zeros(4), np.ones(4))}
    assert complete_cards(cards, central_rows(people(6, 3))) == cards
