import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import InputError
from sandbox.rounds.state import TERMINAL, TRANSITIONS, JobEvent, JobState, follow


def test_nothing_leaves_a_terminal_state() -> None:
    assert not [start for start, _ in TRANSITIONS if start in TERMINAL]


def test_every_state_that_is_not_terminal_can_fail() -> None:
    assert {state for state in JobState if (state, JobEvent.FAIL) in TRANSITIONS} == set(JobState) - TERMINAL


@given(st.lists(st.sampled_from(JobEvent), max_size=12))
def test_a_job_is_finished_only_after_it_ran(events: list[JobEvent]) -> None:
    state, seen = JobState.DRAFT, [JobState.DRAFT]
    for event in events:
        try:
            state = follow(state, event)
        except InputError:
            continue
        seen.append(state)
    if JobState.FINISHED in seen:
        assert seen[: seen.index(JobState.FINISHED) + 1] == [JobState.DRAFT, JobState.WAITING, JobState.RUNNING, JobState.FINISHED]


def test_a_cancelled_job_cannot_finish() -> None:
    with pytest.raises(InputError):
        follow(JobState.CANCELLED, JobEvent.FINISH)
