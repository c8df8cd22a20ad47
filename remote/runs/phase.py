"""Where a run stands at this site, and every transition, as data. Central's own job state is another thing and comes with its messages.

OFFERED ──upload──► READY ──start──► STARTED ──round──► RUNNING        any ──end──► ENDED
   ▲                  │                 │
   └──────void────────┴─────────────────┘    (central changed the job, the gate died, or the upload was not clean)
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sandbox.errors import Code, InputError


class Phase(StrEnum):
    """What there is of a run on this machine."""

    OFFERED = "offered"
    """Nothing but central's offer."""
    READY = "ready"
    """A clean upload in a gate."""
    STARTED = "started"
    """A worker is attached; central may begin."""
    RUNNING = "running"
    """Central has asked its first question."""
    ENDED = "ended"
    """Wiped."""


class RunInput(StrEnum):
    """What can happen to a run."""

    UPLOAD = "upload"
    START = "start"
    ROUND = "round"
    VOID = "void"
    END = "end"


TRANSITIONS: Final[dict[tuple[Phase, RunInput], Phase]] = {
    (Phase.OFFERED, RunInput.UPLOAD): Phase.READY,
    (Phase.READY, RunInput.START): Phase.STARTED,
    (Phase.STARTED, RunInput.ROUND): Phase.RUNNING,
    (Phase.RUNNING, RunInput.ROUND): Phase.RUNNING,
    (Phase.OFFERED, RunInput.VOID): Phase.OFFERED,
    (Phase.READY, RunInput.VOID): Phase.OFFERED,
    (Phase.STARTED, RunInput.VOID): Phase.OFFERED,
    (Phase.OFFERED, RunInput.END): Phase.ENDED,
    (Phase.READY, RunInput.END): Phase.ENDED,
    (Phase.STARTED, RunInput.END): Phase.ENDED,
    (Phase.RUNNING, RunInput.END): Phase.ENDED,
}
"""A second upload is VOID, then UPLOAD. A run that is RUNNING cannot be voided: it can only end."""


def follow(phase: Phase, event: RunInput) -> Phase:
    """The phase after `event`. Raises :class:`InputError` when the table has no such transition."""
    following = TRANSITIONS.get((phase, event))
    if following is None:
        raise InputError(Code.JOB_STATE, state=phase.value)
    return following
