"""The table of pairs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base
from sandbox.host.database import Moment, now
from sandbox.manifest import Pair, make_pair


class PairVersion(Base):
    """One version of a pair: three files, never changed. Name and version stand for one digest."""

    __tablename__ = "pairs"
    __table_args__ = (UniqueConstraint("name", "version"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(16))
    manifest: Mapped[bytes] = mapped_column(LargeBinary)
    central_source: Mapped[bytes] = mapped_column(LargeBinary)
    remote_source: Mapped[bytes] = mapped_column(LargeBinary)
    author: Mapped[str] = mapped_column(String(64))
    """User name, or empty for a pair that came with Tidegate."""
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)

    def pair(self) -> Pair:
        """The pair itself."""
        return make_pair(self.manifest, self.central_source, self.remote_source)
