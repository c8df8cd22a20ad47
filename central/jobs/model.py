"""The table of jobs: what was asked and how it ended. No row, no number of a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from central.db import Base, new_id
from sandbox.host.database import Moment, now
from sandbox.job import JobSpec, job_from_table
from sandbox.wire.link import JobState


class Job(Base):
    """One job."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    pair_digest: Mapped[str] = mapped_column(ForeignKey("pairs.digest"))
    state: Mapped[str] = mapped_column(String(16), default=JobState.DRAFT.value, index=True)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    participants: Mapped[list[str]] = mapped_column(JSON)
    """Site ids in order; central always takes part and is not listed."""
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    opened_at: Mapped[datetime | None] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    code: Mapped[str | None] = mapped_column(String(64))
    culprit: Mapped[str] = mapped_column(String(16), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the sentence of `code` is completed with; central's own, never from a site."""

    @property
    def job_state(self) -> JobState:
        """The state."""
        return JobState(self.state)

    @property
    def job_spec(self) -> JobSpec:
        """The specification, seed and parameters complete."""
        return job_from_table(self.spec)
