"""Queries about the owner and the sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from remote.owner.model import ONLY_ROW, Owner, OwnerSession


def get_owner(session: Session) -> Owner | None:
    """The owner, None before `tidegate-site init`."""
    return session.get(Owner, ONLY_ROW)


def put_owner(session: Session, name: str, password_hash: str) -> None:
    """Set name and password."""
    session.merge(Owner(id=ONLY_ROW, name=name, password_hash=password_hash))


def add_session(session: Session, token_hash: str, now: datetime, expires_at: datetime) -> None:
    """A new session; sessions that are over are removed on the way."""
    session.execute(delete(OwnerSession).where(OwnerSession.expires_at <= now))
    session.add(OwnerSession(token_hash=token_hash, created_at=now, expires_at=expires_at))


def find_session(session: Session, token_hash: str, now: datetime) -> OwnerSession | None:
    """The session of a token, None when it is over or was revoked."""
    return session.scalar(select(OwnerSession).where(OwnerSession.token_hash == token_hash, OwnerSession.expires_at > now))


def delete_session(session: Session, session_id: int) -> None:
    """Revoke one session."""
    session.execute(delete(OwnerSession).where(OwnerSession.id == session_id))


def delete_sessions(session: Session) -> None:
    """Revoke every session."""
    session.execute(delete(OwnerSession))
