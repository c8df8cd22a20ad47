"""Rows of jobs. A state changes only here, along the table of transitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central.jobs.model import Job
from sandbox.errors import Code, InputError
from sandbox.host.database import now
from sandbox.rounds.state import JobEvent, follow
from sandbox.wire.link import JobState

_TIMES = {
    JobState.WAITING: "opened_at",
    JobState.RUNNING: "started_at",
    JobState.FINISHED: "ended_at",
    JobState.CANCELLED: "ended_at",
    JobState.FAILED: "ended_at",
}


def add(session: Session, job: Job) -> Job:
    """Keep a draft."""
    session.add(job)
    return job


def get(session: Session, job_id: str) -> Job | None:
    """The job with an id."""
    return session.get(Job, job_id)


def of_owner(session: Session, owner_id: str | None) -> Sequence[Job]:
    """The jobs of an account, or all; the newest first."""
    statement = select(Job).order_by(Job.created_at.desc())
    return session.scalars(statement if owner_id is None else statement.where(Job.owner_id == owner_id)).all()


def in_states(session: Session, states: Iterable[JobState]) -> Sequence[Job]:
    """The jobs in some states, the oldest first."""
    return session.scalars(select(Job).where(Job.state.in_([state.value for state in states])).order_by(Job.created_at)).all()


def follow_event(session: Session, job_id: str, event: JobEvent, /, **values: Any) -> Job:
    """Move a job along the table, and set `values` with it.

    Raises :class:`InputError` when the table has no such transition, or somebody else moved the job meanwhile.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise InputError(Code.REQUEST_NOT_FOUND, what="job")
    before = job.job_state
    after = follow(before, event)
    changes = {"state": after.value, **({_TIMES[after]: now()} if after in _TIMES else {}), **values}
    moved = session.execute(update(Job).where(Job.id == job_id, Job.state == before.value).values(changes).returning(Job.id)).first()
    if moved is None:
        raise InputError(Code.JOB_STATE, state=before.value)
    session.refresh(job)
    return job
