"""Approvals: kept in the database, read from memory (a message of central must not wait for a disk).

An approval is of one digest for one job with one specification: a job that central changes is another job. The caller has hashed the
bytes it holds; a digest that central merely claims is no approval.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from remote.approvals import store
from remote.approvals.model import Approval
from remote.db import Database


class Approvals:
    """What the owner has approved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.session() as session:
            self._by_job = {(item.job_id, item.digest, item.spec_digest): item for item in store.all_approvals(session)}

    def find(self, job_id: str, digest: str, spec_digest: str) -> Approval | None:
        """The approval of exactly these bytes for this job, specified like this."""
        return self._by_job.get((job_id, digest, spec_digest))

    def earlier(self, job_id: str, digest: str) -> Approval | None:
        """The last approval of the same bytes for another job: worth knowing, binding nothing."""
        others = [item for (job, found, _), item in self._by_job.items() if found == digest and job != job_id]
        return others[-1] if others else None

    async def approve(self, job_id: str, digest: str, spec_digest: str, approved_by: str, *, sees_rows: bool = False) -> Approval:
        """Approve `digest` for a job; doing so again changes nothing but whether its code may see rows."""
        approval = await asyncio.to_thread(self._insert, job_id, digest, spec_digest, approved_by, sees_rows)
        self._by_job[job_id, digest, spec_digest] = approval
        return approval

    def _insert(self, job_id: str, digest: str, spec_digest: str, approved_by: str, sees_rows: bool) -> Approval:
        with self._database.session() as session:
            found = store.find(session, job_id, digest, spec_digest)
            if found is not None:
                found.sees_rows = sees_rows
                return found
            approval = Approval(
                job_id=job_id,
                digest=digest,
                spec_digest=spec_digest,
                approved_by=approved_by,
                approved_at=datetime.now(UTC),
                sees_rows=sees_rows,
            )
            store.add(session, approval)
            return approval
