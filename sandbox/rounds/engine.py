"""The round engine: runs one job over its participants. Used by `simulate` and by central's server alike.

1. Round 0 asks every participant for `margins`; their sum fixes the constants of the job.
2. A central worker runs `impute(job, sites)`. Whatever it asks is checked against the manifest before it goes to anyone, and whatever a
   participant answers before it goes to the worker: both are hostile here.
3. Tells wait in order, one queue per participant, and travel in the frame of the next question. Replies go back together, after all
   participants have answered, central first, then in site_id order. The engine never adds them up.

Cancel the task to cancel the job; wiping is the caller's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, InputError, LimitError, PeerError, Refused, TidegateError
from sandbox.job import JobSpec
from sandbox.manifest import PARTS, RESERVED_STEP, Pair
from sandbox.rounds.constants import constants_from
from sandbox.rounds.local import LocalParticipant, compile_in
from sandbox.rounds.participant import Participant
from sandbox.rounds.summary import EngineProgress, RunSummary
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.messages import (
    Ask,
    Constants,
    Failed,
    Finished,
    FitRecord,
    Impute,
    KeepNow,
    LogEvent,
    Program,
    Progress,
    Replies,
    RoundReply,
    StepCall,
    Tell,
    WorkerToHost,
    worker_to_host,
)
from sandbox.wire.values import Record, Value

CENTRAL: Final = "central"

T = TypeVar("T")


class SiteError(PeerError):
    """A participant cannot go on; `site` names it."""

    def __init__(self, site: str, error: TidegateError) -> None:
        self.site = site
        super().__init__(error.code, **{**error.details, "site": site})


class Engine:
    """One run of one job. `sites` are the participants besides central, in site_id order."""

    def __init__(
        self,
        supervisor: Supervisor,
        pair: Pair,
        spec: JobSpec,
        contract: Contract,
        central: LocalParticipant,
        sites: Sequence[Participant],
        observe: Callable[[EngineProgress], None] = lambda _: None,
    ) -> None:
        self._supervisor = supervisor
        self._pair = pair
        self._spec = spec
        self._contract = contract
        self._central = central
        self._participants: list[Participant] = [central, *sorted(sites, key=lambda site: site.name)]
        self._observe = observe
        self._policy = central.policy
        self._declared = Declarations(pair.manifest, contract, spec.has_central_intercept)
        self._pending: dict[str, list[StepCall]] = {participant.name: [] for participant in self._participants}
        self._number = 0
        self._n_notes = 0
        self._refusal: Refused | None = None
        self._progress = EngineProgress(RESERVED_STEP, 0, 0)
        self.summary = RunSummary([participant.name for participant in self._participants])

    async def run(self) -> RunSummary:
        """Run the job to its end.

        Raises:
            Refused: a site refused a question and the pair did not catch it.
            SiteError: a participant cannot go on; it is named.
            TidegateError: the pair failed, a fit could not be made, or a limit was reached.
        """
        if len(self._participants) == 1 and self._spec.has_central_intercept:
            # Without sites the column is 1 everywhere: a second intercept.
            raise InputError(Code.JOB_PARAMETERS, parameter="central_intercept", reason="needs at least one site")
        try:
            async with asyncio.timeout(self._policy.job_seconds):
                constants = await self._first_round()
                await self._impute(constants)
        except TimeoutError:
            raise LimitError(Code.LIMIT_TIME, what="the job", limit=self._policy.job_seconds) from None
        return self.summary

    async def _first_round(self) -> Constants:
        start = time.perf_counter()
        self._observe(self._progress)
        replies = await self._ask_all(self._participants, RESERVED_STEP, {}, self._check_margins)
        if replies.refused is not None:
            raise Refused(replies.refused_by, replies.refused)
        constants = constants_from([fields[RESERVED_STEP] for fields in replies.replies], self._contract)
        await self._gather(self._participants, lambda participant: participant.begin(constants))
        self.summary.seconds["margins"] = time.perf_counter() - start
        return constants

    def _check_margins(self, fields: dict[str, Record]) -> None:
        if fields.keys() != {RESERVED_STEP}:
            raise PeerError(Code.RULE_UNDECLARED)
        self._declared.check_record(PARTS[RESERVED_STEP], fields[RESERVED_STEP])

    async def _impute(self, constants: Constants) -> None:
        start = time.perf_counter()
        worker = await self._supervisor.spawn_worker(self._policy)
        try:
            program = Program("central", self._pair.central_source, self._pair.manifest_bytes, self._policy.max_source_bytes)
            compiled = await compile_in(worker, program, self._policy.step_seconds)
            if compiled.findings:
                first = compiled.findings[0]
                module = f"{self._pair.manifest.name}Central.py, line {first.line}"
                raise InputError(Code.PAIR_SOURCE, module=module, reason=first.message)
            self.summary.seconds["worker"] = time.perf_counter() - start
            start = time.perf_counter()
            names = tuple(participant.name for participant in self._participants)
            await worker.channel.send(Impute(self._spec, self._contract, constants, names, self._contract.digest, self._pair.digest))
            while not await self._on_message(worker, await self._from(worker)):
                pass
        finally:
            await worker.kill()
        if self.summary.imputations != self._spec.imputations:
            raise InputError(
                Code.PAIR_SOURCE,
                module=f"{self._pair.manifest.name}Central.py",
                reason=f"kept {self.summary.imputations} of {self._spec.imputations} imputations",
            )
        self.summary.seconds["rounds"] = time.perf_counter() - start

    async def _from(self, worker: Child) -> WorkerToHost:
        try:
            async with asyncio.timeout(self._policy.step_seconds):
                frame = await worker.channel.receive()
        except TimeoutError:
            raise LimitError(Code.LIMIT_TIME, what="a step of the central module", limit=self._policy.step_seconds) from None
        except (PeerError, OSError) as error:
            await worker.kill()
            raise (await worker.wait()).error("worker") from error
        return worker_to_host.decode(frame.payload)

    async def _on_message(self, worker: Child, message: WorkerToHost) -> bool:
        """Handle one message of the central worker; whether it was the last."""
        self._count(message)
        match message:
            case Ask(mode, step, request):
                self._declared.check_request(step, request)
                if mode == "all" and self._declared.step(step).at == "central":
                    raise PeerError(Code.RULE_UNDECLARED)
                participants = self._participants if mode == "all" else [self._central]
                replies = await self._ask_all(participants, step, request, lambda fields: self._declared.check_reply(step, fields))
                await worker.channel.send(replies)
            case Tell(step, request):
                self._declared.check_request(step, request)
                if self._declared.step(step).reply or self._declared.step(step).at == "central":
                    raise PeerError(Code.RULE_UNDECLARED)
                self._tell(StepCall(step, request, is_tell=True))
            case KeepNow():
                await self._keep()
                await worker.channel.send(Replies())
            case Progress() | LogEvent() | FitRecord():
                self._note(message)
            case Failed():
                raise self._failure(message)
            case Finished():
                return True
            case _:
                raise PeerError(Code.WORKER_PROTOCOL)
        return False

    def _count(self, message: WorkerToHost) -> None:
        """Bound what a worker may say between two questions: everything it says takes memory or time here."""
        self._n_notes = 0 if isinstance(message, Ask | KeepNow) else self._n_notes + 1
        if self._n_notes > self._policy.max_messages_per_step:
            raise LimitError(Code.LIMIT_STEP_MESSAGES, limit=self._policy.max_messages_per_step)

    def _tell(self, call: StepCall) -> None:
        for queue in self._pending.values():
            # The question that will carry them is one more.
            if len(queue) + 1 >= self._policy.max_messages_per_step:
                raise LimitError(Code.LIMIT_STEP_MESSAGES, limit=self._policy.max_messages_per_step)
            queue.append(call)

    def _note(self, message: Progress | LogEvent | FitRecord) -> None:
        match message:
            case Progress(done, total):
                self._report(self._progress.step, done, total)
            case LogEvent(code, target):
                self.summary.add_event(code, self._name_of(target))
            case FitRecord():
                self.summary.add_fit(message, self._contract, self._declared)

    def _failure(self, failed: Failed) -> TidegateError:
        """Why the pair gave up: the refusal it did not catch, or its own error with the column it was about."""
        if self._refusal is not None and self._refusal.code is failed.code:
            return self._refusal
        predictor = self._contract.column(failed.column).name if failed.column in self._contract.model else ""
        return InputError(failed.code, column=self._name_of(failed.target), line=failed.line, predictor=predictor)

    async def _ask_all(
        self,
        participants: Sequence[Participant],
        step: str,
        request: dict[str, Value],
        check: Callable[[dict[str, Record]], None],
    ) -> Replies:
        """One round: pending tells and the question to every participant, all answers checked and in order."""
        self._number += 1
        number = self._number - 1
        if self._number > self._policy.max_messages:
            raise LimitError(Code.LIMIT_MESSAGES, limit=self._policy.max_messages)
        self._report(step, self._progress.done, self._progress.total)

        async def ask(participant: Participant) -> RoundReply:
            calls = (*self._pending[participant.name], StepCall(step, request))
            self._pending[participant.name] = []
            reply = await participant.run_round(number, calls)
            if reply.number != number:
                raise PeerError(Code.WIRE_SEQUENCE)
            if reply.refused is None:
                check(reply.fields)
            return reply

        replies = await self._gather(participants, ask)
        self.summary.count_round(participants, replies)
        for participant, reply in zip(participants, replies, strict=True):
            if reply.refused is not None:
                self._refusal = Refused(participant.name, reply.refused)
                return Replies(refused_by=participant.name, refused=reply.refused)
        return Replies(tuple(reply.fields for reply in replies))

    async def _keep(self) -> None:
        tells = tuple(self._pending[CENTRAL])
        if tells:
            self._pending[CENTRAL] = []
            self._number += 1
            reply = await self._central.run_round(self._number - 1, tells)
            if reply.refused is not None:
                raise Refused(CENTRAL, reply.refused)
        await self._central.keep_imputation()
        self.summary.imputations += 1

    async def _gather(self, participants: Sequence[Participant], call: Callable[[Participant], Coroutine[Any, Any, T]]) -> list[T]:
        """Call every participant at once; after all have answered, raise for the first that failed, naming it."""
        outcomes = await asyncio.gather(*(call(participant) for participant in participants), return_exceptions=True)
        results: list[T] = []
        for participant, outcome in zip(participants, outcomes, strict=True):
            if isinstance(outcome, TidegateError):
                raise outcome if hasattr(outcome, "site") else SiteError(participant.name, outcome) from outcome
            if isinstance(outcome, BaseException):
                raise outcome
            results.append(outcome)
        return results

    def _report(self, step: str, done: int, total: int) -> None:
        self._progress = EngineProgress(step, done, total)
        self._observe(self._progress)

    def _name_of(self, target: int) -> str:
        return self._contract.column(target).name if target in self._contract.targets else ""
