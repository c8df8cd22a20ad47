import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import InputError
from sandbox.rounds.state import OVER, TRANSITIONS, JobEvent, follow
from sandbox.wire.link import JobState


def test_a_job_that_is_over_for_the_sites_is_never_theirs_again() -> None:
    assert {TRANSITIONS[start, event] for start, event in TRANSITIONS if start in OVER} <= OVER


def test_every_state_that_a_job_can_leave_can_fail() -> None:
    assert {state for state in JobState if (state, JobEvent.FAIL) in TRANSITIONS} == {start for start, _ in TRANSITIONS}


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
