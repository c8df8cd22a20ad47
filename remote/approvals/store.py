"""Queries about approvals."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from remote.approvals.model import Approval


def all_approvals(session: Session) -> list[Approval]:
    """Every approval, oldest first."""
    return list(session.scalars(select(Approval).order_by(Approval.id)))


def find(session: Session, job_id: str, digest: str, spec_digest: str) -> Approval | None:
    """The approval of a digest for a job with this specification."""
    return session.scalar(select(Approval).filter_by(job_id=job_id, digest=digest, spec_digest=spec_digest))


def add(session: Session, approval: Approval) -> None:
    """A new approval."""
    session.add(approval)
