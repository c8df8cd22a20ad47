"""Each disclosure rule at its edge: what just passes, and what just does not."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import built_in
from policies.disclosure import (
    Fit,
    Spread,
    check_crossing,
    check_dominance,
    check_evaluations,
    check_events,
    check_fit,
    check_level,
    check_rows,
    check_schedule,
    check_set_aside,
    check_starts,
    check_units,
    difference_limit,
    is_group_small,
)

DEFAULT = built_in("default")


def rules(breaches) -> list[str]:
    return [breach.rule for breach in breaches]


@pytest.mark.parametrize(("n_rows", "broken"), [(0, []), (1, ["min_rows"]), (49, ["min_rows"]), (50, [])])
def test_rows_are_none_or_at_least_the_minimum(n_rows: int, broken: list[str]) -> None:
    assert rules(check_rows(n_rows, DEFAULT)) == broken


@pytest.mark.parametrize(("n_coefficients", "broken"), [(10, []), (11, ["parameter_ratio"])])
def test_coefficients_per_row_are_bounded(n_coefficients: int, broken: list[str]) -> None:
    assert rules(check_fit(50, n_coefficients, DEFAULT)) == broken
    assert rules(check_fit(0, n_coefficients, DEFAULT)) == []


@pytest.mark.parametrize(("n_set_aside", "broken"), [(0, []), (10, []), (11, ["set_aside"])])
def test_no_more_than_a_share_of_the_rows_is_set_aside(n_set_aside: int, broken: list[str]) -> None:
    assert rules(check_set_aside(n_set_aside, 100, DEFAULT)) == broken


def test_a_difference_group_exceeds_the_coefficients_where_the_policy_says_so() -> None:
    assert difference_limit(5, DEFAULT) == 10
    assert difference_limit(12, DEFAULT) == 13
    assert difference_limit(12, built_in("research")) == 3


def test_a_difference_group_is_empty_or_large() -> None:
    assert [is_group_small(size, 10) for size in (0, 1, 9, 10)] == [False, True, True, False]


@pytest.mark.parametrize(("n_rows", "broken"), [(0, []), (1, ["cell_column"]), (9, ["cell_column"]), (10, [])])
def test_a_level_of_a_column_is_held_by_nobody_or_by_enough(n_rows: int, broken: list[str]) -> None:
    assert rules(check_level(n_rows, DEFAULT)) == broken


@pytest.mark.parametrize(("n_rows", "broken"), [(0, []), (1, ["cell_cross"]), (4, ["cell_cross"]), (5, [])])
def test_a_cell_of_two_columns_is_held_by_nobody_or_by_enough(n_rows: int, broken: list[str]) -> None:
    assert rules(check_crossing(n_rows, DEFAULT)) == broken


@pytest.mark.parametrize(
    ("n_events", "n_others", "policy", "broken"),
    [
        (10, 10, "default", []),
        (9, 10, "default", ["events"]),
        (10, 9, "default", ["events"]),
        (0, 500, "default", ["events"]),
        (0, 500, "research", []),
        (2, 500, "research", ["events"]),
        (3, 500, "research", []),
    ],
)
def test_a_fit_of_a_sites_own_has_enough_of_both_outcomes_or_is_not_stated(
    n_events: int, n_others: int, policy: str, broken: list[str]
) -> None:
    assert rules(check_events(n_events, n_others, built_in(policy))) == broken


@pytest.mark.parametrize(
    ("spread", "broken"),
    [
        (Spread(5.0, 4.0, 10.0), []),
        (Spread(5.0, 4.01, 10.0), ["dominance"]),
        (Spread(89.0, 0.5, 98.4), ["dominance"]),
        (Spread(89.0, 0.5, 99.5), []),
        (Spread(0.0, 0.0, 0.0), []),
        (Spread(1.0, 0.0, 1.0), ["dominance"]),
    ],
)
def test_neither_two_rows_nor_one_make_up_a_sum_of_squares(spread: Spread, broken: list[str]) -> None:
    assert rules(check_dominance(spread, DEFAULT)) == broken


def test_research_asks_nothing_of_dominance() -> None:
    assert check_dominance(Spread(1.0, 0.0, 1.0), built_in("research")) == ()


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 300))
def test_upper_bounds_of_the_largest_may_stand_in_for_them(first: float, second: float, rest: float) -> None:
    first, second = max(first, second), min(first, second)
    total = first + second + rest
    if not check_dominance(Spread(first * 1.1, first * 1.1, total), DEFAULT):
        assert not check_dominance(Spread(first, second, total), DEFAULT)


@pytest.mark.parametrize(("n_evaluations", "broken"), [(1, []), (25, []), (26, ["evaluations"])])
def test_code_that_sees_rows_is_asked_a_number_of_questions_for_each_fill(n_evaluations: int, broken: list[str]) -> None:
    assert rules(check_evaluations(n_evaluations, DEFAULT)) == broken


@pytest.mark.parametrize(
    ("n_fills", "is_fitted", "broken"), [(1, True, []), (5, True, []), (6, True, ["draw_schedule"]), (1, False, ["draw_schedule"])]
)
def test_a_fill_comes_after_a_fit_and_once_a_sweep(n_fills: int, is_fitted: bool, broken: list[str]) -> None:
    assert rules(check_schedule(n_fills, 5, is_fitted=is_fitted)) == broken


@pytest.mark.parametrize(
    ("fit", "broken"),
    [
        (Fit(1.0, 1.0), []),
        (Fit(1e4, 1.0), []),
        (Fit(1.001e4, 1.0), ["units"]),
        (Fit(math.nan, 1.0), ["units"]),
        (Fit(1.0, 1e-9), []),
        (Fit(1.0, 0.9e-9), ["units"]),
        (Fit(1.0, math.nan), ["units"]),
        (Fit(1e-101, 1e-101), ["units"]),
        (Fit(5.0, 0.0), []),
        (Fit(1.0, 0.1, is_drawn=True), []),
        (Fit(1.0, 0.09, is_drawn=True), ["units"]),
        (Fit(1.0, 0.0, is_drawn=True), []),
    ],
)
def test_units_keep_people_apart_and_observed_cells_beside_imputed_ones(fit: Fit, broken: list[str]) -> None:
    assert rules(check_units(fit)) == broken


@pytest.mark.parametrize(("start", "broken"), [(0.0, []), (10.0, []), (10.1, ["units"]), (math.nan, ["units"]), (math.inf, ["units"])])
def test_start_values_are_not_far_away(start: float, broken: list[str]) -> None:
    assert rules(check_starts(start, DEFAULT)) == broken


def test_a_breach_tells_what_was_found_and_what_is_allowed() -> None:
    (breach,) = check_rows(3, msgspec.structs.replace(DEFAULT, min_rows=7))
    assert (breach.found, breach.limit) == (3, 7)
