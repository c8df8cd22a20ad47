"""Queries about isolation reports."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from remote.probes.model import Proof


def add(session: Session, proof: Proof) -> Proof:
    """Keep a report."""
    session.add(proof)
    return proof


def last(session: Session) -> Proof | None:
    """The newest report."""
    return session.scalars(select(Proof).order_by(Proof.id.desc()).limit(1)).first()
