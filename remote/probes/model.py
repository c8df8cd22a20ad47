"""Table of the isolation reports that were made here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from remote.db import Model
from sandbox.host.database import Moment


class Proof(Model):
    """One report: its conclusion in columns, the whole of it as JSON."""

    __tablename__ = "proof"

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[datetime] = mapped_column(Moment)
    holds: Mapped[bool]
    tier: Mapped[str] = mapped_column(String(64))
    blocked: Mapped[int]
    deeds: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    report: Mapped[str] = mapped_column(Text)
