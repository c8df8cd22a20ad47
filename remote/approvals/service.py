"""Approvals: kept in the database, read from memory (a message of central must not wait for a disk).

An approval is of one digest for one job with one specification: a job that central changes is another job. The caller has hashed the
bytes it holds; a digest that central merely claims is no approval.
"""

from __future__ import annotations

from remote.approvals import store
from remote.approvals.model import Approval
from sandbox.host.database import Database, now


class Approvals:
    """What the owner has approved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.transaction() as session:
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
        approval = await self._database.run(
            store.approve,
            Approval(
                job_id=job_id, digest=digest, spec_digest=spec_digest, approved_by=approved_by, approved_at=now(), sees_rows=sees_rows
            ),
        )
        self._by_job[job_id, digest, spec_digest] = approval
        return approval
