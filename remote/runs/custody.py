"""Keeps what goes on for the runs: gates and workers, and the tasks that belong to them. It wipes them whatever becomes of whoever asked.

A request may be cancelled, a job may end in the middle of an upload: no wipe is ever skipped because its caller went away. What is opened
or wiped when is decided in `service`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import structlog

from policies import Policy
from remote.runs.responder import Responder
from remote.runs.run import Run
from sandbox.errors import Code, InputError, TidegateError
from sandbox.host.isolation import Isolator
from sandbox.ledger import Ledger
from sandbox.life import release_entry
from sandbox.rounds.local import LocalParticipant
from sandbox.wire.messages import GateSetup

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(slots=True)
class Held:
    """What goes on for one run."""

    participant: LocalParticipant | None = None
    responder: Responder | None = None
    operation: asyncio.Task[Any] | None = None
    """The upload or start that is under way."""
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    """Responder, watcher and deadline of a started run; questions of the owner."""


class Custody:
    """Opens and wipes participants, and holds the tasks that belong to them."""

    def __init__(self, isolator: Isolator, ledger: Ledger, policy: Policy, row_secret: bytes) -> None:
        self._isolator = isolator
        self._ledger = ledger
        self._policy = policy
        self._row_secret = row_secret
        self._held: WeakKeyDictionary[Run, Held] = WeakKeyDictionary()
        self._background: set[asyncio.Task[Any]] = set()

    def participant(self, run: Run) -> LocalParticipant | None:
        """The gate of a run, if there is one."""
        return self._of(run).participant

    def responder(self, run: Run) -> Responder | None:
        """Who answers central's questions in a run, if anybody does."""
        return self._of(run).responder

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

    async def release(self, run: Run, life: str, by: str, reason: str) -> None:
        """Write into the ledger that the owner lets one more card of a life pass."""
        entry = release_entry(life, by, reason, job=run.job_id, participant=run.site_id, pair=run.offer.digest)
        await self._ledger.enter(json.dumps(entry).encode())

    async def drop(self, run: Run) -> None:
        """Stop what is going on in a run, except the caller, and wipe its rows."""
        held = self._of(run)
        tasks = [task for task in (held.operation, *held.tasks) if task is not None and task is not asyncio.current_task()]
        held.tasks, held.responder = set(), None
        participant, held.participant = held.participant, None
        await asyncio.shield(self.later(self._finish_off(tasks, participant)))

    def hold(self, run: Run, participant: LocalParticipant) -> None:
        """From now on a participant belongs to a run, whose end wipes it."""
        self._of(run).participant = participant

    def respond(self, run: Run, responder: Responder) -> None:
        """Answer central's questions until the run is dropped."""
        self._of(run).responder = responder
        self.keep(run, responder.run())

    async def operate(self, run: Run, work: Coroutine[Any, Any, T]) -> T:
        """Do an upload or a start as a task, which is cancelled when the run is dropped."""
        held, task = self._of(run), asyncio.create_task(work)
        held.operation = task
        try:
            return await task
        finally:
            held.operation = None

    async def ask(self, run: Run, work: Coroutine[Any, Any, T]) -> T:
        """Ask the gate of a run something. Whoever asked may go away: the answer is read all the same, unless the run is dropped."""
        held, task = self._of(run), asyncio.create_task(work)
        held.tasks.add(task)
        task.add_done_callback(held.tasks.discard)
        return await asyncio.shield(task)

    async def wipe(self, participant: LocalParticipant) -> None:
        """Wipe a participant."""
        await asyncio.shield(self.later(participant.wipe()))

    def keep(self, run: Run, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` until it ends or the run is dropped."""
        task = asyncio.create_task(work)
        self._of(run).tasks.add(task)
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

    def _of(self, run: Run) -> Held:
        return self._held.setdefault(run, Held())

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
