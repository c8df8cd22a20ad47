"""Every transition between the states of a job, as data. A state drives logic; a code explains it to people.

DRAFT ──► WAITING ──► RUNNING ──► FINISHED ──► CLOSED
  └──────────┴───────────┴─► CANCELLED, FAILED
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sandbox.errors import Code, InputError
from sandbox.wire.link import JobState


class JobEvent(StrEnum):
    """What can happen to a job."""

    OPEN = "open"
    START = "start"
    FINISH = "finish"
    CLOSE = "close"
    CANCEL = "cancel"
    FAIL = "fail"


TRANSITIONS: Final[dict[tuple[JobState, JobEvent], JobState]] = {
    (JobState.DRAFT, JobEvent.OPEN): JobState.WAITING,
    (JobState.WAITING, JobEvent.START): JobState.RUNNING,
    (JobState.RUNNING, JobEvent.FINISH): JobState.FINISHED,
    (JobState.FINISHED, JobEvent.CLOSE): JobState.CLOSED,
    (JobState.DRAFT, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.WAITING, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.DRAFT, JobEvent.FAIL): JobState.FAILED,
    (JobState.WAITING, JobEvent.FAIL): JobState.FAILED,
    (JobState.RUNNING, JobEvent.FAIL): JobState.FAILED,
    # Central's gate died (or central restarted) while it held a result: nothing is left to download.
    (JobState.FINISHED, JobEvent.FAIL): JobState.FAILED,
}

OVER: Final = frozenset({JobState.FINISHED, JobState.CLOSED, JobState.CANCELLED, JobState.FAILED})
"""States in which a site holds nothing of a job and is told nothing of it any more."""


def follow(state: JobState, event: JobEvent) -> JobState:
    """The state after `event`. Raises :class:`InputError` when the table has no such transition."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise InputError(Code.JOB_STATE, state=state.value)
    return following
