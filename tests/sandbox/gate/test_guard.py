"""The guard turns breaches into refusals at a site and into notices at central, and counts what is spread over a job."""

from __future__ import annotations

import msgspec
import pytest

from policies import built_in
from policies.disclosure import Fit
from sandbox.errors import Code
from sandbox.gate.guard import ChainGuard, Guard, Refusal

POLICY = msgspec.structs.replace(built_in("default"), refusal_budget=3, max_evaluations_per_fit=2)


def guard(*, is_central: bool = False) -> Guard:
    return Guard(POLICY, is_central=is_central)


def chain(*, max_fills: int = 2) -> ChainGuard:
    return ChainGuard(guard(), max_fills)


def refused(call, *arguments) -> Code:
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.code


def test_a_fill_needs_a_fit_and_uses_it_up() -> None:
    watch = chain()
    assert refused(watch.check_fill, 3) is Code.RULE_DRAW_SCHEDULE
    watch.mark_fitted(3)
    assert watch.next_fill(3) == 1
    watch.check_fill(3)
    assert watch.next_fill(3) == 2
    assert refused(watch.check_fill, 3) is Code.RULE_DRAW_SCHEDULE


def test_a_fit_of_another_target_is_no_fit() -> None:
    watch = chain()
    watch.mark_fitted(4)
    assert refused(watch.check_fill, 3) is Code.RULE_DRAW_SCHEDULE


def test_there_are_no_more_fills_than_sweeps() -> None:
    watch = chain(max_fills=2)
    for _ in range(2):
        watch.mark_fitted(3)
        watch.check_fill(3)
    watch.mark_fitted(3)
    assert refused(watch.check_fill, 3) is Code.RULE_DRAW_SCHEDULE


def test_questions_are_counted_between_fills() -> None:
    watch = chain()
    for _ in range(2):
        watch.count_evaluation(3)
    watch.count_evaluation(4)
    assert refused(watch.count_evaluation, 3) is Code.RULE_EVALUATIONS
    watch.mark_fitted(3)
    watch.check_fill(3)
    watch.count_evaluation(3)


def test_a_spent_budget_refuses_every_further_round() -> None:
    watch = guard()
    for _ in range(3):
        watch.open_round()
        watch.check_budget()
        watch.count_refusal()
    watch.open_round()
    assert refused(watch.check_budget) is Code.RULE_REFUSAL_BUDGET
    assert watch.verdicts == {"refusal_budget": "refuse"}


def test_at_central_disclosure_rules_are_notices() -> None:
    watch = guard(is_central=True)
    questions = ChainGuard(watch, 2)
    watch.check_fit(3, 10)
    watch.check_units([], 1e6)
    questions.check_fill(3)
    for _ in range(10):
        watch.count_refusal()
        questions.count_evaluation(3)
    assert watch.verdicts == dict.fromkeys(("min_rows", "parameter_ratio", "units", "evaluations", "draw_schedule"), "notice")
    watch.open_round()
    assert watch.verdicts == {}


def test_the_worst_verdict_of_a_round_is_kept() -> None:
    watch = guard()
    assert refused(watch.check_fit, 3, 10) is Code.RULE_MIN_ROWS
    watch.check_fit(60, 2)
    assert watch.verdicts == {"min_rows": "refuse", "parameter_ratio": "refuse"}


def test_units_and_start_values_are_judged_by_one_rule() -> None:
    watch = guard()
    watch.check_units([Fit(1.0, 1.0)], 10.0)
    assert watch.verdicts == {"units": "pass"}
    assert refused(watch.check_units, [Fit(1.0, 1.0)], 10.1) is Code.RULE_UNITS
    assert refused(watch.check_units, [Fit(1e5, 1.0)], 0.0) is Code.RULE_UNITS


def test_a_note_refuses_nothing_and_does_not_hide_a_worse_verdict() -> None:
    guard = Guard(built_in("default"), is_central=False)
    guard.open_round()
    for is_found, verdict in ((False, "pass"), (True, "notice"), (False, "notice")):
        guard.note("lattice", is_found=is_found)
        assert guard.verdicts["lattice"] == verdict
