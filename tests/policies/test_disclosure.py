"""Each disclosure rule at its edge: what just passes, and what just does not."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import built_in
from policies.disclosure import (
    Draw,
    Question,
    SelectionQuestion,
    Spread,
    band,
    check_crossing,
    check_dominance,
    check_draw,
    check_fit,
    check_level,
    check_question,
    check_rows,
    check_selection,
    check_set_aside,
    difference_limit,
    is_group_small,
)

DEFAULT = built_in("default")
GOOD_QUESTION = Question(max_abs_eta=10.0, weight_sum=10.0, n_evaluations=25)
GOOD_SELECTION = SelectionQuestion(10.0, 2.5, 10.0, n_selected=10, n_not_selected=10, n_evaluations=25)
GOOD_DRAW = Draw(max_abs_eta=10.0, sigma=10.0, is_fitted=True, n_draws=5, max_draws=5)


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


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({}, []),
        ({"max_abs_eta": 10.001}, ["eta"]),
        ({"max_abs_eta": math.nan}, ["eta"]),
        ({"weight_sum": 9.999}, ["weight_sum"]),
        ({"weight_sum": math.nan}, ["weight_sum"]),
        ({"n_evaluations": 26}, ["evaluations"]),
    ],
)
def test_a_question_is_bounded_in_reach_weight_and_number(change: dict[str, float], broken: list[str]) -> None:
    fields = {name: getattr(GOOD_QUESTION, name) for name in ("max_abs_eta", "weight_sum", "n_evaluations")}
    assert rules(check_question(Question(**{**fields, **change}), DEFAULT)) == broken  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({}, []),
        ({"sigma": None}, []),
        ({"sigma": 0.01}, []),
        ({"sigma": 0.009}, ["draw_bounds"]),
        ({"sigma": 10.1}, ["draw_bounds"]),
        ({"sigma": math.nan}, ["draw_bounds"]),
        ({"max_abs_eta": 10.1}, ["draw_bounds"]),
        ({"max_abs_eta": math.nan}, ["draw_bounds"]),
        ({"is_fitted": False}, ["draw_schedule"]),
        ({"n_draws": 6}, ["draw_schedule"]),
    ],
)
def test_a_draw_is_bounded_and_in_turn(change: dict[str, object], broken: list[str]) -> None:
    fields = {name: getattr(GOOD_DRAW, name) for name in ("max_abs_eta", "sigma", "is_fitted", "n_draws", "max_draws")}
    assert rules(check_draw(Draw(**{**fields, **change}), DEFAULT)) == broken


def test_a_breach_tells_what_was_found_and_what_is_allowed() -> None:
    (breach,) = check_rows(3, msgspec.structs.replace(DEFAULT, min_rows=7))
    assert (breach.found, breach.limit) == (3, 7)


@pytest.mark.parametrize(("n_rows", "name"), [(0, "0"), (1, "1–9"), (9, "1–9"), (10, "10–49"), (49, "10–49"), (50, "≥ 50"), (999, "≥ 50")])
def test_set_aside_rows_leave_as_a_band(n_rows: int, name: str) -> None:
    assert band(n_rows) == name


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({}, []),
        ({"reach": 10.001}, ["selection_bounds"]),
        ({"reach": math.nan}, ["selection_bounds"]),
        ({"correlation": 2.501}, ["selection_bounds"]),
        ({"correlation": math.nan}, ["selection_bounds"]),
        ({"n_selected": 9}, ["min_rows"]),
        ({"n_not_selected": 9}, ["min_rows"]),
        ({"n_selected": 0}, []),
        ({"n_not_selected": 0}, []),
        ({"weight_sum": 9.99}, ["weight_sum"]),
        ({"n_evaluations": 26}, ["evaluations"]),
    ],
)
def test_a_question_about_a_selection_model_is_bounded_and_tells_groups_of_enough_rows_apart(
    change: dict[str, float], broken: list[str]
) -> None:
    assert rules(check_selection(dataclasses.replace(GOOD_SELECTION, **change), 10, DEFAULT)) == broken


def test_a_draw_from_a_selection_model_is_bounded_in_its_correlation() -> None:
    assert rules(check_draw(dataclasses.replace(GOOD_DRAW, correlation=2.5), DEFAULT)) == []
    assert rules(check_draw(dataclasses.replace(GOOD_DRAW, correlation=2.6), DEFAULT)) == ["draw_bounds"]
