"""Rows of accounts, sessions and mails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central.accounts.model import Account, Mail, Role, SignIn
from sandbox.host.database import now

_ACTIVE: Final = (Account.approved_at.is_not(None), Account.revoked_at.is_(None))


def by_name(session: Session, username: str) -> Account | None:
    """The account with a user name."""
    return session.scalar(select(Account).where(Account.username == username))


def all_accounts(session: Session) -> Sequence[Account]:
    """Every account, the ones that wait for approval first."""
    return session.scalars(select(Account).order_by(Account.approved_at.is_not(None), Account.created_at)).all()


def lock_active(session: Session) -> None:
    """Let nobody else change the active accounts in this transaction. SQLite does that with the first change: it has one writer."""
    session.execute(select(Account.id).where(*_ACTIVE).order_by(Account.id).with_for_update())


def has_admin(session: Session) -> bool:
    """Whether an active account has the role admin, as the database has it now."""
    return any(Role.ADMIN.value in roles for roles in session.scalars(select(Account.roles).where(*_ACTIVE)))


def sites(session: Session) -> Sequence[Account]:
    """Every account that may run a site, by site_id."""
    accounts = session.scalars(select(Account).where(Account.site_id.is_not(None)).order_by(Account.site_id))
    return [account for account in accounts if account.may_run_a_site]


def live_session(session: Session, session_id: str) -> tuple[SignIn, Account] | None:
    """A session that is neither revoked nor over, with its account."""
    statement = select(SignIn, Account).join(Account, SignIn.account_id == Account.id).where(SignIn.id == session_id)
    row = session.execute(statement).first()
    if row is None or row[0].revoked_at is not None or row[0].expires_at <= now():
        return None
    return row[0], row[1]


def revoke_sessions(session: Session, account_id: str) -> None:
    """End every session of an account."""
    session.execute(update(SignIn).where(SignIn.account_id == account_id, SignIn.revoked_at.is_(None)).values(revoked_at=now()))


def mails(session: Session) -> Sequence[Mail]:
    """The mails that wait, newest first."""
    return session.scalars(select(Mail).order_by(Mail.created_at.desc())).all()
