"""Queries about approvals."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from remote.approvals.model import Approval


def all_approvals(session: Session) -> list[Approval]:
    """Every approval, oldest first."""
    return list(session.scalars(select(Approval).order_by(Approval.id)))


def approve(session: Session, approval: Approval) -> Approval:
    """Keep an approval; one that is there already changes only in whether its code may see rows."""
    same = {"job_id": approval.job_id, "digest": approval.digest, "spec_digest": approval.spec_digest}
    found = session.scalar(select(Approval).filter_by(**same))
    if found is None:
        session.add(approval)
        return approval
    found.sees_rows = approval.sees_rows
    return found
