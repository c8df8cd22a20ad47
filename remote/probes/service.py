"""Makes the isolation report of this machine in the background, one at a time, and keeps it.

What it tried and what came of it is :mod:`sandbox.probe`'s; this is the job around it. A start of a run names the last report: see
:meth:`Proofs.named`.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import structlog

from policies import Policy
from remote.probes import store
from remote.probes.model import Proof
from sandbox.errors import Code, InputError, TidegateError
from sandbox.host.database import Database
from sandbox.probe.report import Report
from sandbox.probe.runner import Progress, probe

log = structlog.get_logger()


class Proofs:
    """The last report, and the one that is being made."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database = database
        self._policy = policy
        self._task: asyncio.Task[None] | None = None
        self._error: TidegateError | None = None
        self._progress = Progress(0, 0, "")
        with database.transaction() as session:
            self._last = store.last(session)

    @property
    def is_running(self) -> bool:
        """Whether a report is being made."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to make a report. Raises :class:`InputError` when one is being made."""
        if self.is_running:
            raise InputError(Code.JOB_STATE, state="making a proof")
        self._error, self._progress = None, Progress(0, 0, "")
        self._task = asyncio.create_task(self._make())

    def named(self) -> dict[str, Any] | None:
        """The last report in a few words, for the record of a start; None when there is none."""
        last = self._last
        if last is None:
            return None
        return {
            "holds": last.holds,
            "tier": last.tier,
            "blocked": last.blocked,
            "deeds": last.deeds,
            "made_at": last.made_at.isoformat(timespec="seconds"),
            "digest": last.digest,
        }

    @property
    def error(self) -> TidegateError | None:
        """Why no report came of the last try."""
        return self._error

    @property
    def progress(self) -> Progress:
        """How far the report that is being made has come."""
        return self._progress

    @property
    def report(self) -> dict[str, Any] | None:
        """The last report with every line."""
        return json.loads(self._last.report) if self._last else None

    async def close(self) -> None:
        """Give up what is being made."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _make(self) -> None:
        try:
            report = await probe(self._policy, self._observe)
        except TidegateError as error:
            log.error("proof.failed", code=error.code.value)
            self._error = error
            return
        log.info("proof.made", holds=report.holds, tier=report.isolation.tier, blocked=report.n_blocked, digest=report.digest)
        self._last = await self._database.run(store.add, _row(report))

    def _observe(self, progress: Progress) -> None:
        self._progress = progress


def _row(report: Report) -> Proof:
    content = report.as_dict()
    return Proof(
        made_at=datetime.fromisoformat(report.made_at),
        holds=report.holds,
        tier=report.isolation.tier,
        blocked=report.n_blocked,
        deeds=len(report.rows),
        digest=content["digest"],
        report=json.dumps(content),
    )
