"""Writes the log of runs: to the database for the page, to standard error for the operator."""

from __future__ import annotations

import asyncio

import structlog

from remote.runs import store
from remote.runs.model import RunEvent
from sandbox.errors import Code
from sandbox.host.database import Database, now

log = structlog.get_logger()


class Journal:
    """The log of runs. Writing never delays a message: the line goes to the database in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes: set[asyncio.Task[None]] = set()

    def write(self, job_id: str, job_name: str, event: str, code: Code | None = None, detail: str = "") -> None:
        """Note that `event` happened."""
        log.info(f"run.{event}", job=job_id, code=code.value if code else "")
        row = RunEvent(
            job_id=job_id[:64],
            job_name=job_name[:200],
            at=now(),
            event=event,
            code=code.value if code else "",
            detail=detail[:200],
        )
        task = asyncio.create_task(self._database.run(store.add, row))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def read(self, job_id: str) -> list[RunEvent]:
        """What happened to a job, in order."""
        return await self._database.run(store.events_of, job_id)

    async def last(self, except_jobs: set[str], limit: int = 50) -> list[RunEvent]:
        """The last event of every other job, newest first."""
        return await self._database.run(store.last_events, except_jobs, limit)

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writes, return_exceptions=True)
