"""Queries about the log of runs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from remote.runs.model import RunEvent


def add(session: Session, event: RunEvent) -> None:
    """Append an event."""
    session.add(event)


def events_of(session: Session, job_id: str) -> list[RunEvent]:
    """The events of one job, in order."""
    return list(session.scalars(select(RunEvent).where(RunEvent.job_id == job_id).order_by(RunEvent.at, RunEvent.id)))


def last_events(session: Session, except_jobs: Collection[str], limit: int) -> list[RunEvent]:
    """The last event of every other job, newest first."""
    newest = select(func.max(RunEvent.id)).where(RunEvent.job_id.not_in(except_jobs)).group_by(RunEvent.job_id)
    return list(session.scalars(select(RunEvent).where(RunEvent.id.in_(newest)).order_by(RunEvent.id.desc()).limit(limit)))
