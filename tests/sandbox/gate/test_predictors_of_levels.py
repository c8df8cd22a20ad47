"""Predictors of several levels at a site: the same file gives the same fills and the same errors, whatever its levels are called, in
whatever order they come, and whichever of them has no indicator."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import built_in
from policies.life_budget import error_size
from sandbox.contract import Column, Contract
from sandbox.gate.admission import admit
from sandbox.gate.card import Card, Wants, make_card
from sandbox.gate.dataset import Dataset
from sandbox.gate.own_rows import OwnRows, complete
from sandbox.gate.region import Region
from sandbox.gate.sticky import Errors
from sandbox.gate.tiles import Tiles

SECRET = b"a secret of the site, 32 bytes.."
DEFAULT, RESEARCH = built_in("default"), built_in("research")
Values = np.ndarray


def people(n: int = 600, k: int = 4, seed: int = 0, missing: float = 0.2) -> tuple[Values, Values]:
    """x, y (a target) and u; and the level of each person, 0 to k − 1, −1 where missing: it goes with x and y."""
    random = np.random.default_rng(seed)
    x, u = random.normal(size=(2, n))
    eta = np.column_stack([np.zeros(n), *(0.5 * place * x - 0.3 * place for place in range(1, k))])
    shares = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
    level = (random.random(n)[:, None] > np.cumsum(shares, axis=1)).sum(axis=1).clip(0, k - 1)
    y = 0.7 * x + np.linspace(-1, 1, k)[level] + random.normal(size=n)
    level[random.random(n) < missing] = -1
    y[random.random(n) < missing] = np.nan
    return np.column_stack([x, y, u]), level


def dataset(values: Values, level: Values, levels: Sequence[str], reference: int, order: Sequence[int]) -> tuple[Dataset, Region]:
    """A file as a gate has read it. `order`: which of the people's levels each of `levels` is; those behind are of nobody."""
    columns = (
        Column("x", "predictor"),
        Column("y", "target", "continuous"),
        Column("u", "predictor"),
        Column("g", "predictor", "categorical", tuple(levels), reference),
    )
    contract = Contract(columns)
    cells = [
        np.where(level < 0, np.nan, level == order[item.level] if item.level < len(order) else 0.0) for item in contract.indicators.values()
    ]
    region = Region(mmap.mmap(-1, 1 << 24))
    tiles = Tiles(region, len(contract.model) + 1)
    tiles.append(np.column_stack([values, *cells]))
    return Dataset(contract, {index: slot for slot, index in enumerate(contract.model)}, tiles), region


def own_of(
    values: Values, level: Values, levels: Sequence[str] = "abcd", reference: int = 0, order: Sequence[int] = (0, 1, 2, 3)
) -> OwnRows:
    found, region = dataset(values, level, levels, reference, order)
    return complete(found, SECRET, region)


def filled(own: OwnRows, order: Sequence[int], reference: int, n_levels: int) -> tuple[Values, Values]:
    """The completed sets in file order: numeric columns, shape (sets, rows, 3), and levels as the people have them, shape (sets, rows)."""
    numbers, levels = [], []
    with_indicator = [order[place] if place < len(order) else -2 for place in range(n_levels) if place != reference]
    for _ in own.sets():
        raw = np.empty((own.rows.n, own.rows.n_columns))
        for position in range(own.rows.n_columns):
            raw[own.rows.file_rows, position] = own.rows.column(position) * own.units.scale[position] + own.units.centre[position]
        ones = np.rint(raw[:, 3:])
        assert np.abs(raw[:, 3:] - ones).max() < 1e-6
        assert set(np.unique(ones.sum(axis=1))) <= {0.0, 1.0}
        found = np.full(own.rows.n, order[reference] if reference < len(order) else -2)
        for place, of in enumerate(with_indicator):
            found[ones[:, place] == 1.0] = of
        numbers.append(raw[:, :3])
        levels.append(found)
    return np.array(numbers), np.array(levels)


@settings(max_examples=6, deadline=None)
@given(st.permutations([0, 1, 2, 3]), st.integers(0, 3), st.booleans(), st.randoms(use_true_random=False))
def test_fills_do_not_know_names_order_or_reference_of_levels(order: list[int], reference: int, has_more: bool, random) -> None:
    values, level = people()
    plain = filled(own_of(values, level), (0, 1, 2, 3), 0, 4)
    names = [f"{random.random()}" for _ in range(4 + has_more)]
    rows = np.array(random.sample(range(len(level)), len(level)))
    numbers, levels = filled(own_of(values[rows], level[rows], names, reference, order), order, reference, 4 + has_more)
    assert np.array_equal(levels, plain[1][:, rows])
    assert numbers == pytest.approx(plain[0][:, rows], abs=1e-5)


def test_observed_levels_stay_and_missing_ones_are_drawn_as_the_other_columns_say() -> None:
    values, level = people(4000, seed=3)
    truth = people(4000, seed=3, missing=0.0)[1]
    _, levels = filled(own_of(values, level), (0, 1, 2, 3), 0, 4)
    is_missing = level < 0
    assert (levels[:, ~is_missing] == level[~is_missing]).all()
    shares = np.array([(levels[:, is_missing] == place).mean() for place in range(4)])
    assert shares == pytest.approx([(truth[is_missing] == place).mean() for place in range(4)], abs=0.04)
    # Drawn given x: the mean of x among those who were filled with a level is that of those who have it.
    for place in range(4):
        drawn = np.mean([values[is_missing & (found == place), 0].mean() for found in levels])
        assert drawn == pytest.approx(values[is_missing & (truth == place), 0].mean(), abs=0.15)
    assert len({tuple(found[is_missing]) for found in levels}) == len(levels)


def test_many_rows_are_followed_and_filled_alike() -> None:
    values, level = people(60_000, seed=5)
    _, levels = filled(own_of(values, level), (0, 1, 2, 3), 0, 4)
    truth = people(60_000, seed=5, missing=0.0)[1]
    is_missing = level < 0
    for place in range(4):
        assert (levels[:, is_missing] == place).mean() == pytest.approx((truth[is_missing] == place).mean(), abs=0.012)


@pytest.mark.parametrize("n_seen", [0, 1])
def test_a_site_with_one_level_or_none_is_filled_with_that(n_seen: int) -> None:
    values, level = people(200)
    level[level >= 0] = 2
    if not n_seen:
        level[:] = -1
    _, levels = filled(own_of(values, level), (0, 1, 2, 3), 0, 4)
    # A predictor that nobody was asked for is nobody's: zeros everywhere, in no fit.
    assert (levels == (2 if n_seen else 0)).all()


# --- the card


def card_of(values: Values, level: Values, policy=DEFAULT, levels: Sequence[str] = "abcd", reference: int = 0, order=(0, 1, 2, 3)) -> Card:
    found, region = dataset(values, level, levels, reference, order)
    own = complete(found, SECRET, region)
    names = tuple("xyu") + tuple(f"g is {order[i.level] if i.level < len(order) else 'nobody'}" for i in found.contract.indicators.values())
    return make_card(own, found.contract, Errors(SECRET, b"life", error_size(policy, own.rows.n), names), policy, Wants())


def gram_of(card: Card) -> Values:
    k = len(card._model)
    return np.asarray(card.stated(np.zeros(k), np.ones(k))["card"]["gram"])


def test_nobody_has_two_levels_on_a_card_and_how_many_show_the_predictor_is_one_number() -> None:
    card = card_of(*people())
    gram = gram_of(card)
    assert np.abs(gram[3:6, 3:6] - np.diag(np.diagonal(gram)[3:6])).max() < 1e-6
    assert np.diagonal(gram)[3:6] == pytest.approx(gram[3:6, -1])
    assert len(set(card.n_observed[3:].tolist())) == 1
    lines = {line.what: line.n_numbers for line in card.table()}
    assert lines["n_observed"] == 4
    assert lines["gram"] == 7 * 8 // 2 - 1 - 3 - 3


def test_errors_do_not_know_names_order_or_reference_of_levels() -> None:
    values, level = people()
    one = card_of(values, level)
    other = card_of(values, level, DEFAULT, ["2", "3", "4", "5"], 2, (3, 0, 1, 2))
    # In one the levels 1, 2, 3 have indicators, in the other 3, 0 and 2.
    assert one.n_observed[3:].tolist() == other.n_observed[3:].tolist()
    first, second = gram_of(one), gram_of(other)
    assert first[:3, :3] == pytest.approx(second[:3, :3], rel=1e-6)
    for here, there in ((5, 3), (4, 5)):
        assert first[here, [0, 1, 2, here, -1]] == pytest.approx(second[there, [0, 1, 2, there, -1]], rel=1e-4, abs=1e-4)


def test_a_level_that_nobody_has_is_not_told_by_zeros() -> None:
    values, level = people(n=2000)
    card = card_of(values, level, DEFAULT, "abcde", 0, (0, 1, 2, 3))
    gram = gram_of(card)
    assert gram[6, -1] >= 2.0 - 1e-9
    assert np.abs(gram[6, [0, 1, 2]]).min() > 0
    assert np.asarray(card.stated(np.zeros(7), np.ones(7))["card"]["levels"])[3:].tolist() == [[0.0, 1.0]] * 4


@pytest.mark.parametrize("place", range(4))
def test_few_people_with_any_level_stop_a_card_also_with_the_one_without_an_indicator(place: int) -> None:
    values, level = people(missing=0.1)
    level[level == place] = (place + 1) % 4
    level[np.flatnonzero(level >= 0)[:4]] = place
    found, _ = dataset(values, level, "abcd", 0, (0, 1, 2, 3))
    [finding] = [finding for finding in admit(found, DEFAULT) if finding.severity == "stop"]
    assert (finding.code.value, finding.column, finding.details["found"]) == ("rule.cell_column", 4, 4)
    level[level == place] = (place + 1) % 4
    found, _ = dataset(values, level, "abcd", 0, (0, 1, 2, 3))
    assert not [finding for finding in admit(found, DEFAULT) if finding.severity == "stop"]
