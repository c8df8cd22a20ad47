"""Table of the configuration."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from remote.db import Model
from sandbox.host.database import Moment

ONLY_ROW: Final = 1


class CentralConfig(Model):
    """The central of this site; there is at most one row."""

    __tablename__ = "central_config"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(300))
    """`https://host:port`, nothing after it."""
    site_id: Mapped[str] = mapped_column(String(64))
    ca_fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the certificate, lower-case hexadecimal, as the owner typed it."""
    ca_pem: Mapped[str] = mapped_column(Text)
    """The certificate that matched."""
    central_id: Mapped[str] = mapped_column(String(64), default="")
    """Central's own name for itself, the audience of this site's tokens; empty until the key is enrolled."""
    enrolled_at: Mapped[datetime | None] = mapped_column(Moment, default=None)

    @property
    def is_enrolled(self) -> bool:
        """Whether central knows this site's key."""
        return bool(self.central_id)
