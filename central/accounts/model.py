"""Tables of accounts, their sessions and the mail that waits."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base, new_id
from sandbox.host.database import Moment, now


class Role(StrEnum):
    """What an account may do."""

    SITE = "site"
    RUNNER = "runner"
    AUTHOR = "author"
    ADMIN = "admin"


MAX_NAME: Final = 64
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Account(Base):
    """A person. Approved accounts with the role site have a `site_id`: one account, one site."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(254))
    institution: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    site_id: Mapped[str | None] = mapped_column(String(16), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    approved_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)

    @property
    def is_active(self) -> bool:
        """Whether the account may sign in."""
        return self.approved_at is not None and self.revoked_at is None

    @property
    def is_admin(self) -> bool:
        """Whether the account may approve and revoke others."""
        return self.is_active and Role.ADMIN.value in self.roles

    @property
    def may_run_a_site(self) -> bool:
        """Whether the site of the account may open a link."""
        return self.is_active and self.site_id is not None and Role.SITE.value in self.roles


class SignIn(Base):
    """A session of a person. The token names it, so that it can be revoked."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class Mail(Base):
    """A mail that is not delivered: there is no mail server, or it did not take it. Delivered mails are not kept."""

    __tablename__ = "mails"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
