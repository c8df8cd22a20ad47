"""Tables of the owner and of the sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from remote.db import Model
from sandbox.host.database import Moment

ONLY_ROW: Final = 1


class Owner(Model):
    """The owner; there is one row."""

    __tablename__ = "owner"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(String(200))
    """Argon2id, with its parameters."""


class OwnerSession(Model):
    """A session; deleting the row revokes it. The token itself is not stored, only its SHA-256."""

    __tablename__ = "owner_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
