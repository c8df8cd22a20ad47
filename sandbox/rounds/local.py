"""A participant on this machine: one gate, one worker, and the ledger line that is written before anything is handed on.

Central uses it for its own rows, a site's host for the site's, `simulate` for everybody's. It speaks to processes only; who asked and where
the answer goes is the caller's business. After an error the participant is of no more use: `wipe` it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, Final, TypeVar

import msgspec

from sandbox.contract import Finding
from sandbox.errors import Code, LimitError, PeerError, TidegateError
from sandbox.ledger import Ledger, entries_of_dataset
from sandbox.lockdown.plan import GATE_DATA_BYTES
from sandbox.manifest import POINT_STEP, RESERVED_STEP, parse_manifest
from sandbox.overlap import jobs_on_other_rows, numbers_of_other_jobs
from sandbox.rounds.life_book import LifeBook
from sandbox.rounds.timing import ReplyTimes
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.frames import Frame, Kind, data_frames
from sandbox.wire.messages import (
    Acknowledged,
    AttachWorker,
    Begin,
    CardMade,
    CardShown,
    CardsTaken,
    ChainCalls,
    Compiled,
    Constants,
    GateFailed,
    GateSetup,
    Isolation,
    KeepImputation,
    MakeCard,
    PlotName,
    Program,
    RoundReply,
    RoundResult,
    RunRound,
    SendPlot,
    SendResult,
    ShowCard,
    SourceFinding,
    TakeCards,
    UploadReport,
    Wipe,
    Wiped,
    gate_to_host,
    round_reply,
    worker_to_host,
)
from sandbox.wire.values import Array, Record

WORKERS: Final[dict[str, int]] = {"blind": 1, "rows": 4}
"""Workers of a participant by what the pair's code sees: rows are lent to several, whose answers the gate compares."""
CARD_STEPS: Final = 30
"""Steps' time that a gate may take for the card of a file: it completes the rows several times over."""
WIPE_SECONDS: Final = 10.0
"""How long a gate may take to overwrite its rows before it is killed (the kernel then frees the pages)."""

T = TypeVar("T")


class LocalParticipant:
    """A gate and its worker, or its workers when the pair sees rows. Calls are taken one at a time, in order."""

    def __init__(self, supervisor: Supervisor, setup: GateSetup, ledger: Ledger, gate: Child) -> None:
        self.name = setup.participant
        self.policy = setup.policy
        self.isolation: Isolation = gate.isolation
        self._supervisor = supervisor
        self._setup = setup
        self._ledger = ledger
        self._gate = gate
        self._workers: list[Child] = []
        self._access = parse_manifest(setup.manifest).access
        self._times = ReplyTimes(setup.policy, sees_rows=self._access == "rows")
        self._lock = asyncio.Lock()
        self._is_wiped = False
        self._n_messages = 0
        self._dataset, self._n_rows = "", 0
        self._life: LifeBook | None = None

    @classmethod
    async def open(cls, supervisor: Supervisor, setup: GateSetup, ledger: Ledger) -> LocalParticipant:
        """Start a gate. Raises `IsolationError` when the machine cannot isolate as the policy demands."""
        gate = await supervisor.spawn_gate(setup.policy)
        try:
            await gate.channel.send(setup)
        except BaseException:
            await gate.kill()
            raise
        return cls(supervisor, setup, ledger, gate)

    async def upload(self, chunks: AsyncIterator[bytes]) -> UploadReport:
        """Stream a CSV into the gate; what it found. May be repeated until `begin`; each upload replaces the one before."""
        async with self._lock:
            await self._pour(chunks)
            report = await self._expect(UploadReport, self._gate.channel.receive())
            await self._ledger.enter(report.entry)
            self._life = None
            if not report.is_clean or self._setup.is_central:
                return report
            return await (asyncio.to_thread(self._with_notices, report) if self._access == "rows" else self._with_card(report))

    async def _with_card(self, report: UploadReport) -> UploadReport:
        """The report with the card that the gate makes of the file, or with what stops it: the life of the file may have no room for it."""
        contract = self._setup.contract
        if contract is None:
            raise PeerError(Code.GATE_PROTOCOL)
        self._life = LifeBook(self._ledger, self._setup, report, contract)
        decision = await asyncio.to_thread(self._life.decide)
        if decision.stop is not None:
            await self._ledger.enter(self._stop_entry(decision.stop.code, life=decision.life))
            return msgspec.structs.replace(report, findings=(*report.findings, decision.stop), stopped_life=decision.releasable)
        made = await self._expect(CardMade, self._ask(self._life.order(decision)), CARD_STEPS)
        note = self._life.note(decision)
        return msgspec.structs.replace(report, findings=report.findings + made.findings, card=made.lines, life=note)

    async def _pour(self, chunks: AsyncIterator[bytes]) -> None:
        """Send a CSV. A gate that gave up in the middle of it takes no more, and says why in place of its report."""
        channel = self._gate.channel
        async for chunk in chunks:
            for frame in data_frames(chunk):
                await self._in_time(channel.send_frame(frame))
            if channel.peer_is_gone:
                return
        await self._in_time(channel.send_frame(Frame(Kind.END)))

    def _with_notices(self, report: UploadReport) -> UploadReport:
        """The report with what other jobs on the same file have to do with it: notices, or a stop. Blocking."""
        upload = json.loads(report.entry)
        self._dataset, self._n_rows = str(upload.get("dataset", "")), report.n_rows - report.n_set_aside
        jobs = jobs_on_other_rows(entries_of_dataset(self._ledger.path, self._dataset), upload)
        notices = tuple(Finding(Code.RULE_OTHER_ROWS, "notice", details={"job": job}) for job in jobs)
        return msgspec.structs.replace(report, findings=report.findings + notices + self._check_budget())

    def _check_budget(self) -> tuple[Finding, ...]:
        """A stop, in the ledger too, when code that saw rows has told as much about this data set as the policy allows. Blocking."""
        if self._setup.is_central or self._access != "rows":
            return ()
        found = numbers_of_other_jobs(entries_of_dataset(self._ledger.path, self._dataset), self._setup.job_id)
        limit = math.floor(self.policy.max_data_sums_per_row * self._n_rows)
        if found < limit:
            return ()
        code = Code.RULE_DATA_BUDGET
        self._ledger.append(self._stop_entry(code, dataset=self._dataset))
        return (Finding(code, details={"found": found, "limit": limit}),)

    async def attach(
        self, remote_source: bytes, proof: dict[str, Any] | None = None, *, rows_reviewed: bool = False
    ) -> tuple[SourceFinding, ...]:
        """Start the workers with the remote module and connect them to the gate; source findings mean that nothing was attached.

        What locks the worker in goes into the ledger, with `proof`: the last isolation report of this machine in a few words.
        `rows_reviewed` says that the site's owner opted in to letting exactly this code see its rows; without that a gate attaches code
        that sees rows only where the policy lets any. Raises :class:`TidegateError` when other jobs used up what such code may tell of the
        data set meanwhile.
        """
        async with self._lock:
            for finding in await asyncio.to_thread(self._check_budget):
                raise TidegateError(finding.code, **finding.details)
            for _ in range(WORKERS[self._access]):
                worker = await self._supervisor.spawn_worker(self.policy)
                try:
                    findings = await self._connect(worker, remote_source, rows_reviewed)
                except BaseException:
                    # Cancelled or failed before it belonged to anybody: nobody else would end it.
                    await worker.kill()
                    raise
                if findings:
                    await worker.kill()
                    return findings
            await self._ledger.enter(self._start_entry(worker.isolation, proof, rows_reviewed))
            return ()

    async def _connect(self, worker: Child, remote_source: bytes, rows_reviewed: bool) -> tuple[SourceFinding, ...]:
        program = Program("remote", remote_source, self._setup.manifest, self.policy.max_source_bytes)
        compiled = await compile_in(worker, program, self.policy.step_seconds)
        if compiled.findings:
            return compiled.findings
        await self._in_time(self._gate.channel.send(AttachWorker(rows_reviewed)))
        await self._in_time(self._supervisor.hand_over(worker, self._gate))
        self._workers.append(worker)
        await self._expect(Acknowledged, self._gate.channel.receive())
        return ()

    async def begin(self, constants: Constants) -> None:
        """Fix the constants: rows are standardised and missing cells get their start values."""
        async with self._lock:
            await self._expect(Acknowledged, self._ask(Begin(constants)))

    async def show_card(self) -> dict[str, Record]:
        """The fields of the card as it would leave, in raw units: for the owner of the rows."""
        async with self._lock:
            return (await self._expect(CardShown, self._ask(ShowCard()))).fields

    async def take_cards(self, cards: dict[str, dict[str, Record]]) -> dict[str, dict[int, Array]]:
        """Have the gate answer for sites from their cards (central); the common points that are still to be asked, by site and target.

        Raises :class:`PeerError` naming a site whose card is of no rows.
        """
        async with self._lock:
            taken = await self._expect(CardsTaken, self._ask(TakeCards(cards)))
        for site, code in taken.refused.items():
            raise PeerError(code, site=site)
        return taken.due

    async def run_round_bytes(self, number: int, chains: tuple[ChainCalls, ...], *, with_stand_ins: bool = False) -> bytes:
        """Run a round; the encoded RoundReply, after its ledger line is on the disk. A site forwards these bytes as they are."""
        async with self._lock:
            self._n_messages += 1
            if self._n_messages > self.policy.max_messages:
                raise LimitError(Code.LIMIT_MESSAGES, limit=self.policy.max_messages)
            asked = time.monotonic()
            n_steps = min(len(chains), self.policy.max_chains) or 1
            result = await self._expect(RoundResult, self._ask(RunRound(number, chains, with_stand_ins)), n_steps)
            if self._life is not None and not result.is_refused:
                # First: what may not leave has no line that says it did.
                await asyncio.to_thread(self._enter_life, self._life, chains[0].calls[-1].step, result.body)
            await self._ledger.enter(result.entry)
            if not self._setup.is_central:
                # Code whose speed could tell something runs in one chain.
                step = next((part.calls[-1].step for part in chains if part.calls), "")
                if seconds := self._times.wait(step, time.monotonic() - asked):
                    await asyncio.sleep(seconds)
            return result.body

    def _enter_life(self, life: LifeBook, step: str, body: bytes) -> None:
        """Write into the life of the file what leaves now. Blocking. Raises :class:`TidegateError` when it may not."""
        try:
            if step == RESERVED_STEP:
                # The margins are derived from the card: with them it has begun to leave.
                life.card_leaves()
            elif step == POINT_STEP:
                life.points_leave(round_reply.decode(body).chains[0].fields)
        except TidegateError as error:
            self._ledger.append(self._stop_entry(error.code))
            raise

    async def run_round(self, number: int, chains: tuple[ChainCalls, ...], *, with_stand_ins: bool = False) -> RoundReply:
        """Run a round; see :class:`~sandbox.rounds.participant.Participant`. `with_stand_ins`: see :class:`RunRound` (central)."""
        return round_reply.decode(await self.run_round_bytes(number, chains, with_stand_ins=with_stand_ins))

    async def keep_imputation(self, chain: int = 0) -> None:
        """Snapshot the cells that a chain has completed as its next imputation (central)."""
        async with self._lock:
            await self._expect(Acknowledged, self._ask(KeepImputation(chain)))

    def result(self, run: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        """The zip, streamed from the gate (central). May be repeated; a reader that stops early leaves the gate in order."""
        return self._stream(SendResult(run))

    def plot(self, name: PlotName) -> AsyncGenerator[bytes, None]:
        """A picture of the result, as :meth:`result`."""
        return self._stream(SendPlot(name))

    async def _stream(self, request: SendResult | SendPlot) -> AsyncGenerator[bytes, None]:
        async with self._lock:
            await self._in_time(self._gate.channel.send(request))
            is_open = True
            try:
                while is_open:
                    frame = await self._in_time(self._gate.channel.receive())
                    is_open = frame.kind is Kind.DATA
                    if is_open:
                        yield frame.payload
                    elif frame.kind is Kind.MESSAGE:
                        raise await self._other_than(frame)
            finally:
                while is_open and not self._is_wiped:
                    is_open = (await self._in_time(self._gate.channel.receive())).kind is Kind.DATA

    async def wipe(self) -> None:
        """Overwrite the rows, end both processes, write it into the ledger. May be called at any time and more than once."""
        if self._is_wiped:
            return
        self._is_wiped = True
        for worker in self._workers:
            # First: a gate that waits for a stuck worker sees the end of its channel and comes back to read the Wipe.
            await worker.kill()
        entry: bytes | None = None
        with contextlib.suppress(TidegateError, TimeoutError, OSError):
            async with asyncio.timeout(WIPE_SECONDS):
                entry = await self._wipe_gate()
        await self._gate.kill()
        try:
            await self._ledger.enter(entry or self._killed_entry())
        except PeerError:  # what the gate said of its wipe is no entry
            await self._ledger.enter(self._killed_entry())

    @property
    def processes(self) -> tuple[Child, ...]:
        """The gate, and the workers as far as they are attached."""
        return (self._gate, *self._workers)

    async def gone(self) -> TidegateError:
        """Wait until the gate or the worker ended without being asked to; why."""
        while True:
            waits = {asyncio.ensure_future(child.wait()): child for child in self.processes}
            done, pending = await asyncio.wait(waits, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            for wait in pending:
                wait.cancel()
            for wait in done:
                if not self._is_wiped:
                    return wait.result().error(waits[wait].role)
            if self._is_wiped:
                return PeerError(Code.GATE_DIED, reason="wipe")

    async def _wipe_gate(self) -> bytes:
        await self._gate.channel.send(Wipe())
        while True:
            frame = await self._gate.channel.receive()
            if frame.kind is Kind.MESSAGE:
                message = gate_to_host.decode(frame.payload)
                if isinstance(message, Wiped):
                    return message.entry

    def _start_entry(self, isolation: Isolation, proof: dict[str, Any] | None, rows_reviewed: bool) -> bytes:
        of_worker = {
            "tier": isolation.tier,
            "landlock_abi": isolation.landlock_abi,
            "uid": isolation.uid,
            "memory_locked": self.isolation.memory_locked,
        }
        sees_rows = {"sees_rows": "reviewed" if rows_reviewed else "unreviewed"} if self._access == "rows" else {}
        return self._entry("start", isolation=of_worker, proof=proof, **sees_rows)

    def _killed_entry(self) -> bytes:
        return self._entry("wipe", how="killed")

    def _stop_entry(self, code: Code, **more: str) -> bytes:
        """The line of an upload or a card that what left before stops; the receipt counts it with the rule."""
        is_rule = code.value.startswith("rule.")
        return self._entry("stop", code=code.value, **more, **({"rules": {code.value.removeprefix("rule."): "refuse"}} if is_rule else {}))

    def _entry(self, kind: str, **more: Any) -> bytes:
        """A line of the host's own about this job."""
        about = {"job": self._setup.job_id, "participant": self.name, "pair": self._setup.pair_digest}
        return json.dumps({**about, "kind": kind, **more}).encode()

    async def _ask(self, request: Begin | RunRound | KeepImputation | TakeCards | MakeCard | ShowCard) -> Frame:
        await self._gate.channel.send(request)
        return await self._gate.channel.receive()

    async def _expect(self, type_: type[T], io: Coroutine[Any, Any, Frame], n_steps: int = 1) -> T:
        frame = await self._in_time(io, n_steps)
        message = gate_to_host.decode(frame.payload) if frame.kind is Kind.MESSAGE else None
        if not isinstance(message, type_):
            raise await self._other_than(frame)
        return message

    async def _other_than(self, frame: Frame) -> TidegateError:
        """Why the gate said something else than what was asked for: it gave up, or it broke the protocol."""
        message = gate_to_host.decode(frame.payload) if frame.kind is Kind.MESSAGE else None
        if not isinstance(message, GateFailed):
            return PeerError(Code.GATE_PROTOCOL)
        if message.entry:
            await self._ledger.enter(message.entry)
        return await self._failure(message.code)

    async def _failure(self, code: Code) -> TidegateError:
        """Why the gate gave up. Of a worker that ended it only saw the channel close."""
        if code.startswith("limit."):
            limits = {
                Code.LIMIT_MEMORY: GATE_DATA_BYTES,
                Code.LIMIT_FRAME: self.policy.max_frame_bytes,
                Code.LIMIT_MESSAGES: self.policy.max_messages,
                Code.LIMIT_STEP_MESSAGES: self.policy.max_messages_per_step,
            }
            return LimitError(code, **({"limit": limits[code]} if code in limits else {}))
        if code is not Code.WORKER_DIED or not self._workers:
            return PeerError(code)
        # A worker that has ended keeps its status: this kill is for those that have not, and for a gate that tells what is not true.
        ends = [await worker.kill() for worker in self._workers]
        return next((how for how in ends if how.signal != signal.SIGKILL), ends[0]).error("worker")

    async def _in_time(self, io: Coroutine[Any, Any, T], n_steps: int = 1) -> T:
        """Await I/O with the gate for as long as its steps may take: it may have stopped reading as well as writing.

        When its channel is gone, say how the gate ended.
        """
        seconds = self.policy.step_seconds * n_steps
        try:
            async with asyncio.timeout(seconds):
                return await io
        except TimeoutError:  # an OSError too, but not one of the channel
            await self._gate.kill()
            raise LimitError(Code.LIMIT_TIME, what="a step", limit=seconds) from None
        except (PeerError, OSError) as error:
            if isinstance(error, PeerError) and error.code not in (Code.GATE_DIED, Code.WIRE_FRAME):
                raise
            await self._gate.kill()
            exit_ = await self._gate.wait()
            raise PeerError(Code.GATE_DIED, reason=exit_.reason) from error


async def compile_in(worker: Child, program: Program, seconds: float) -> Compiled:
    """Compile a module inside a locked worker. Raises `PeerError` when the worker dies of it, `LimitError` when it takes too long."""
    try:
        async with asyncio.timeout(seconds):
            await worker.channel.send(program)
            frame = await worker.channel.receive()
        message = worker_to_host.decode(frame.payload)
    except TimeoutError:
        await worker.kill()
        raise LimitError(Code.LIMIT_TIME, what="compiling the pair", limit=seconds) from None
    except (PeerError, OSError) as error:
        await worker.kill()
        raise (await worker.wait()).error("worker") from error
    if not isinstance(message, Compiled):
        await worker.kill()
        raise PeerError(Code.WORKER_PROTOCOL)
    return message
