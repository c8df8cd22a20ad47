"""Contributors and dominance at their edges, with one row per block and with several."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from policies import built_in
from sandbox.gate.verification import check_dominance

DEFAULT = built_in("default")
ONES = np.ones(100)


def rules(column: np.ndarray, sizes: np.ndarray = ONES) -> set[str]:
    return {breach.rule for breach in check_dominance(column[:, None], sizes, DEFAULT)}


def sparse(n: int, value: float = 1.0) -> np.ndarray:
    column = np.zeros(100)
    column[:n] = value
    return column


@pytest.mark.parametrize(("n", "broken"), [(0, False), (1, True), (4, True), (5, False), (95, False), (96, True), (99, True), (100, False)])
def test_none_or_enough_rows_contribute_or_deviate_from_what_all_contribute(n: int, broken: bool) -> None:
    assert ("contributors" in rules(sparse(n))) is broken
    assert ("contributors" in rules(7.0 + 3.0 * sparse(n))) is broken


def test_where_rows_share_blocks_a_block_less_is_asked_for() -> None:
    sizes = np.full(512, 10.0)
    for n, broken in ((3, True), (4, False)):
        column = np.zeros(512)
        column[:n] = 1.0
        assert ("contributors" in rules(column, sizes)) is broken


def test_padding_does_not_count_as_a_contribution() -> None:
    padded = sparse(1, 5.0) + 1e-8 * np.arange(1, 101)
    assert rules(padded) == {"dominance"} | {"contributors"}
    assert rules(sparse(1, 5.0) + 1e-13 * np.arange(1, 101)) == {"dominance", "contributors"}


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_two_rows_hold_at_most_nine_tenths_about_zero_and_about_the_middle(offset: float) -> None:
    base = np.concatenate([np.full(49, 1.0), np.full(49, -1.0)])
    assert rules(np.concatenate([base, [440.0, 440.0]]) + offset) == set()
    assert rules(np.concatenate([base, [443.0, 443.0]]) + offset) == {"dominance"}


def test_all_others_add_up_to_a_tenth_of_the_largest() -> None:
    base = np.concatenate([np.full(49, 1.0), np.full(49, -1.0)])
    assert rules(np.concatenate([base, [970.0, 0.0]])) == {"dominance"}


def test_the_remainder_is_asked_for_also_where_the_share_of_two_is_not() -> None:
    policy = msgspec.structs.replace(DEFAULT, dominance_top2=1.0)
    for others, broken in ((0.05, ["dominance"]), (0.15, [])):
        column = np.concatenate([[1.0, 1.0], others / 98 * np.linspace(0.1, 1.9, 98) * np.resize([1, -1], 98)])
        assert [breach.rule for breach in check_dominance(column[:, None], ONES, policy)] == broken


def test_research_asks_for_contributors_only() -> None:
    research = built_in("research")
    assert check_dominance(sparse(3, 9.0)[:, None], ONES, research) == []
    assert check_dominance((sparse(1, 1e6) + np.arange(100))[:, None], ONES, research) == []


def test_constants_and_nothing_are_nobodys_whatever_their_rounding() -> None:
    random = np.random.default_rng(0)
    sizes = np.array([3.0] * 40 + [2.0] * 60)
    columns = np.stack([np.zeros(100), 1e6 * sizes, 0.1 * sizes * (1 + 1e-15 * random.normal(size=100))], axis=1)
    columns[3, 1] *= 1 + 1e-15
    assert check_dominance(columns, sizes, DEFAULT) == []


def test_the_worst_of_many_numbers_is_told() -> None:
    random = np.random.default_rng(0)
    columns = random.normal(size=(100, 300))
    columns[:, 150], columns[:, 260] = sparse(3), sparse(2)
    found = {breach.rule: breach for breach in check_dominance(columns, ONES, DEFAULT)}
    assert (found["contributors"].found, found["contributors"].limit) == (2, 5)
    assert found["dominance"].found == 1.0


def test_stricter_limits_find_more() -> None:
    strict = msgspec.structs.replace(DEFAULT, min_cell_cross=11)
    assert {breach.rule for breach in check_dominance(sparse(10)[:, None], ONES, strict)} == {"contributors"}
