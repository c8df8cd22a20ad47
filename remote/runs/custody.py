"""Keeps the gates and workers of the runs: opens them, and wipes them whatever becomes of whoever asked.

A request may be cancelled, a job may end in the middle of an upload: no wipe is ever skipped because its caller went away. What is opened
or wiped when is decided in `service`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from policies import Policy
from remote.runs.run import Run
from sandbox.errors import Code, InputError, TidegateError
from sandbox.host.isolation import Isolator
from sandbox.ledger import Ledger
from sandbox.rounds.local import LocalParticipant
from sandbox.wire.messages import GateSetup

log = structlog.get_logger()


class Custody:
    """Opens and wipes participants, and holds the tasks that belong to them."""

    def __init__(self, isolator: Isolator, ledger: Ledger, policy: Policy, row_secret: bytes) -> None:
        self._isolator = isolator
        self._ledger = ledger
        self._policy = policy
        self._row_secret = row_secret
        self._background: set[asyncio.Task[Any]] = set()

    async def open(self, run: Run) -> LocalParticipant:
        """A gate for the run's contract. Raises `IsolationError` when the machine cannot isolate as the policy demands."""
        contract = run.offer.contract
        if contract is None:
            raise InputError(Code.SITE_NO_CONTRACT)
        setup = GateSetup(
            job_id=run.job_id,
            participant=run.site_id,
            is_central=False,
            policy=self._policy,
            spec=run.offer.spec,
            manifest=run.offer.manifest,
            pair_digest=run.offer.digest,
            contract=contract,
            row_secret=self._row_secret,
        )
        opening = asyncio.create_task(LocalParticipant.open(await self._isolator.supervisor(), setup, self._ledger))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Nobody waits for the gate any more, but it will be there in a moment: end it then.
            self.later(self._wipe_opened(opening))
            raise

    async def drop(self, run: Run) -> None:
        """Stop what is going on in a run, except the caller, and wipe its rows."""
        tasks = [task for task in (run.operation, *run.tasks) if task is not None and task is not asyncio.current_task()]
        run.tasks, run.responder = set(), None
        participant, run.participant = run.participant, None
        await asyncio.shield(self.later(self._finish_off(tasks, participant)))

    async def wipe(self, participant: LocalParticipant) -> None:
        """Wipe a participant."""
        await asyncio.shield(self.later(participant.wipe()))

    def keep(self, run: Run, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` until it ends or the run is dropped."""
        task = asyncio.create_task(work)
        run.tasks.add(task)
        task.add_done_callback(_log_bug)

    def later(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` to its end, also when nobody waits for it."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_log_bug)
        return task

    async def close(self) -> None:
        """Wait for everything that still goes on."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)

    async def _finish_off(self, tasks: list[asyncio.Task[Any]], participant: LocalParticipant | None) -> None:
        for task in tasks:
            task.cancel()
        # First the tasks that speak with the gate: two readers of one channel would take each other's frames.
        await asyncio.gather(*tasks, return_exceptions=True)
        if participant is not None:
            await participant.wipe()

    async def _wipe_opened(self, opening: asyncio.Task[LocalParticipant]) -> None:
        try:
            participant = await opening
        except TidegateError:
            return
        await participant.wipe()


def _log_bug(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("run.task", error=type(error).__name__)
