"""The guard turns breaches into refusals at a site and into notices at central, and counts what is spread over a job."""

from __future__ import annotations

import msgspec
import pytest

from policies import built_in
from sandbox.errors import Code
from sandbox.gate.guard import ChainGuard, Guard, Refusal

POLICY = msgspec.structs.replace(built_in("default"), refusal_budget=3, max_evaluations_per_fit=2)


def guard(*, is_central: bool = False) -> Guard:
    return Guard(POLICY, is_central=is_central)


def chain(*, max_draws: int = 2) -> ChainGuard:
    return ChainGuard(guard(), max_draws)


def refused(call, *arguments) -> Code:
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.code


def test_a_draw_needs_a_fit_and_uses_it_up() -> None:
    watch = chain()
    assert refused(watch.check_draw, 3, 1.0, 1.0) is Code.RULE_DRAW_SCHEDULE
    watch.mark_fitted(3)
    assert watch.next_draw(3) == 1
    watch.check_draw(3, 1.0, 1.0)
    assert watch.next_draw(3) == 2
    assert refused(watch.check_draw, 3, 1.0, 1.0) is Code.RULE_DRAW_SCHEDULE


def test_a_fit_of_another_target_is_no_fit() -> None:
    watch = chain()
    watch.mark_fitted(4)
    assert refused(watch.check_draw, 3, 1.0, 1.0) is Code.RULE_DRAW_SCHEDULE


def test_there_are_no_more_draws_than_sweeps() -> None:
    watch = chain(max_draws=2)
    for _ in range(2):
        watch.mark_fitted(3)
        watch.check_draw(3, 1.0, 1.0)
    watch.mark_fitted(3)
    assert refused(watch.check_draw, 3, 1.0, 1.0) is Code.RULE_DRAW_SCHEDULE


def test_a_refused_draw_leaves_the_fit_to_a_draw_within_bounds() -> None:
    watch = chain()
    watch.mark_fitted(3)
    assert refused(watch.check_draw, 3, 11.0, 1.0) is Code.RULE_DRAW_BOUNDS
    watch.check_draw(3, 9.0, 1.0)


def test_questions_are_counted_between_draws() -> None:
    watch = chain()
    for _ in range(2):
        watch.count_evaluation(3)
    watch.count_evaluation(4)
    assert refused(watch.count_evaluation, 3) is Code.RULE_EVALUATIONS
    watch.mark_fitted(3)
    watch.check_draw(3, 1.0, None)
    watch.count_evaluation(3)


def test_a_question_out_of_bounds_is_refused_and_one_without_rows_is_not() -> None:
    watch = chain()
    assert refused(watch.check_question, 3, 60, 11.0, 20.0) is Code.RULE_ETA
    assert refused(watch.check_question, 3, 60, 1.0, 5.0) is Code.RULE_WEIGHT_SUM
    watch.check_question(3, 60, 1.0, 20.0)
    watch.check_question(3, 0, 0.0, 0.0)


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
    questions.check_question(3, 3, 50.0, 0.1)
    questions.check_draw(3, 50.0, 100.0)
    for _ in range(10):
        watch.count_refusal()
        questions.count_evaluation(3)
    assert watch.verdicts == dict.fromkeys(
        ("min_rows", "parameter_ratio", "eta", "weight_sum", "evaluations", "draw_bounds", "draw_schedule"), "notice"
    )
    watch.open_round()
    assert watch.verdicts == {}


def test_the_worst_verdict_of_a_round_is_kept() -> None:
    watch = guard()
    questions = ChainGuard(watch, 2)
    refused(questions.check_question, 3, 60, 11.0, 20.0)
    questions.check_question(3, 60, 1.0, 20.0)
    assert watch.verdicts == {"eta": "refuse", "weight_sum": "pass", "evaluations": "pass"}


def test_a_question_about_a_selection_model_is_judged_by_its_own_rule() -> None:
    watch = chain()
    assert refused(watch.check_selection, 3, (60, 40), 4, 11.0, 0.5, 20.0) is Code.RULE_SELECTION_BOUNDS
    assert refused(watch.check_selection, 3, (60, 9), 4, 5.0, 0.5, 20.0) is Code.RULE_MIN_ROWS
    watch.check_selection(3, (60, 0), 4, 5.0, 0.5, 20.0)
    watch.check_selection(3, (0, 0), 4, 5.0, 0.5, 0.0)


def test_a_note_refuses_nothing_and_does_not_hide_a_worse_verdict() -> None:
    guard = Guard(built_in("default"), is_central=False)
    guard.open_round()
    for is_found, verdict in ((False, "pass"), (True, "notice"), (False, "notice")):
        guard.note("lattice", is_found=is_found)
        assert guard.verdicts["lattice"] == verdict
