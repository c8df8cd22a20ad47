"""One chain of a job at central: the worker that runs `impute(job, sites)` for it, what it has told, and what it waits for.

A worker is hostile: whatever it says is checked against the manifest and counted before it takes memory or time of anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from policies import Policy
from sandbox.declared import Declarations
from sandbox.errors import Code, LimitError, PeerError, Refused
from sandbox.supervisor import Child
from sandbox.wire.messages import (
    Ask,
    ChainCalls,
    Failed,
    Finished,
    FitRecord,
    KeepNow,
    LogEvent,
    Progress,
    Replies,
    StepCall,
    Tell,
    WorkerToHost,
    worker_to_host,
)

Note: TypeAlias = Progress | LogEvent | FitRecord


class ChainFailed(Exception):
    """The pair gave up in a chain; `failed` says why."""

    def __init__(self, chain: Chain, failed: Failed) -> None:
        self.chain = chain
        self.failed = failed
        super().__init__(failed.code)


class Chain:
    """Chain `number`, from 0. `advance` it until it waits or is finished; `answer` what it waits for."""

    def __init__(
        self,
        number: int,
        worker: Child,
        declared: Declarations,
        policy: Policy,
        participants: Iterable[str],
        note: Callable[[Chain, Note], None],
    ) -> None:
        self.number: Final = number
        self.worker: Final = worker
        self.waits_for: Ask | KeepNow | None = None
        self.is_finished = False
        self.progress = Progress(0, 0)
        self.n_kept = 0
        self.refusal: Refused | None = None
        """The last refusal that it was told."""
        self._declared = declared
        self._policy = policy
        self._told: dict[str, list[StepCall]] = {name: [] for name in participants}
        self._note = note
        self._n_notes = 0

    async def advance(self) -> None:
        """Let the pair go on until it asks, keeps or ends.

        Raises:
            ChainFailed: the pair gave up.
            PeerError: it broke the protocol, or its worker ended.
            LimitError: it took too long or said too much.
        """
        while self.waits_for is None and not self.is_finished:
            self._take(await self._receive())

    async def answer(self, replies: Replies) -> None:
        """Answer what it waits for."""
        self.waits_for = None
        if replies.refused is not None:
            self.refusal = Refused(replies.refused_by, replies.refused)
        await self.worker.channel.send(replies)

    def calls(self, participant: str) -> ChainCalls:
        """What is to be run at a participant now: what was told since the last time, then the question."""
        told, self._told[participant] = self._told[participant], []
        asked = self.waits_for
        question = [StepCall(asked.step, asked.request)] if isinstance(asked, Ask) else []
        return ChainCalls(self.number, (*told, *question))

    @property
    def asks_sites(self) -> bool:
        """Whether it waits for an answer of all participants."""
        return isinstance(self.waits_for, Ask) and self.waits_for.mode == "all"

    def _take(self, message: WorkerToHost) -> None:
        self._count(message)
        match message:
            case Ask(mode, step, request):
                self._declared.check_request(step, request)
                if mode == "all" and self._declared.step(step).at == "central":
                    raise PeerError(Code.RULE_UNDECLARED)
                self.waits_for = message
            case Tell(step, request):
                self._declared.check_request(step, request)
                if self._declared.step(step).reply or self._declared.step(step).at == "central":
                    raise PeerError(Code.RULE_UNDECLARED)
                self._tell(StepCall(step, request, is_tell=True))
            case KeepNow():
                self.waits_for = message
            case Progress():
                self.progress = message
                self._note(self, message)
            case LogEvent() | FitRecord():
                self._note(self, message)
            case Failed():
                raise ChainFailed(self, message)
            case Finished():
                self.is_finished = True
            case _:
                raise PeerError(Code.WORKER_PROTOCOL)

    async def _receive(self) -> WorkerToHost:
        channel = self.worker.channel
        try:
            if channel.has_frame:
                frame = await channel.receive()
            else:
                async with asyncio.timeout(self._policy.step_seconds):
                    frame = await channel.receive()
        except TimeoutError:
            raise LimitError(Code.LIMIT_TIME, what="a step of the central module", limit=self._policy.step_seconds) from None
        except (PeerError, OSError) as error:
            await self.worker.kill()
            raise (await self.worker.wait()).error("worker") from error
        return worker_to_host.decode(frame.payload)

    def _count(self, message: WorkerToHost) -> None:
        """Bound what a worker may say between two questions: everything it says takes memory or time here."""
        self._n_notes = 0 if isinstance(message, Ask | KeepNow) else self._n_notes + 1
        if self._n_notes > self._policy.max_messages_per_step:
            raise LimitError(Code.LIMIT_STEP_MESSAGES, limit=self._policy.max_messages_per_step)

    def _tell(self, call: StepCall) -> None:
        for queue in self._told.values():
            # The question that will carry them is one more.
            if len(queue) + 1 >= self._policy.max_messages_per_step:
                raise LimitError(Code.LIMIT_STEP_MESSAGES, limit=self._policy.max_messages_per_step)
            queue.append(call)
