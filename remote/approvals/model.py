"""Table of the approvals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from remote.db import Model
from sandbox.host.database import Moment


class Approval(Model):
    """The owner approved the pair with this digest for this job, as its specification was then."""

    __tablename__ = "approval"
    __table_args__ = (UniqueConstraint("job_id", "digest", "spec_digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    spec_digest: Mapped[str] = mapped_column(String(64))
    approved_by: Mapped[str] = mapped_column(String(64))
    approved_at: Mapped[datetime] = mapped_column(Moment)
    sees_rows: Mapped[bool] = mapped_column(default=False)
    """Whether the owner also let exactly this code see rows."""
