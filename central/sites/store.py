"""Rows of site keys."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.accounts.model import Account
from central.sites.model import SiteKey
from sandbox.host.database import now


def enrol(session: Session, site_id: str, account_id: str, public_key: str) -> None:
    """Set the key of a site."""
    key = session.get(SiteKey, site_id)
    if key is None:
        session.add(SiteKey(site_id=site_id, account_id=account_id, public_key=public_key))
        return
    key.public_key, key.enrolled_at, key.revoked_at = public_key, now(), None


def active_key(session: Session, site_id: str) -> str | None:
    """The key of a site that is neither revoked itself nor by its account."""
    statement = select(SiteKey, Account).join(Account, SiteKey.account_id == Account.id).where(SiteKey.site_id == site_id)
    row = session.execute(statement).first()
    if row is None or row[0].revoked_at is not None or not row[1].may_run_a_site or row[1].site_id != site_id:
        return None
    return str(row[0].public_key)


def revoke(session: Session, site_id: str) -> bool:
    """Take a site's key away; whether it had one."""
    key = session.get(SiteKey, site_id)
    if key is None:
        return False
    key.revoked_at = now()
    return True
