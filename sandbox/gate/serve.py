"""The gate: the process that owns the rows of one job at one participant. A plain blocking loop over one pipe.

Called by the zygote after lockdown and self-test; never returns with rows in memory. What may come when:

    GateSetup → (DATA … END)* → [AttachWorker] → RunRound 0 (margins) → Begin → [TakeCards*] → (RunRound | KeepImputation)*
              → (SendResult | SendPlot)* → Wipe

At a site of a blind pair the rows are only read to make a card:

    GateSetup → (DATA … END → MakeCard)* → ShowCard* → [AttachWorker] → RunRound (margins) → RunRound (card) → [RunRound (point)] → Wipe

and where the policy allows exact answers, Begin and RunRound as above after the card.

A message out of that order ends the gate: it wipes, says GateFailed and returns. So does the end of the pipe, silently.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from mmap import mmap
from typing import Any, Final

import msgspec
import numpy as np

from policies.disclosure import difference_limit
from sandbox.contract import Contract, Finding
from sandbox.declared import Declarations
from sandbox.errors import Code, InputError, LimitError, PeerError, TidegateError
from sandbox.gate import plots
from sandbox.gate.admission import admit, verdicts
from sandbox.gate.answer import Answering
from sandbox.gate.attached import AttachedWorker
from sandbox.gate.card import make_card
from sandbox.gate.chain import Chain
from sandbox.gate.dataset import Dataset
from sandbox.gate.draws import MIN_SECRET_BYTES, RowDraws, derive_key
from sandbox.gate.guard import Guard, Refusal, Verdict
from sandbox.gate.imputations import Imputations
from sandbox.gate.ingest import Ingest
from sandbox.gate.kernels import Units
from sandbox.gate.lending import N_WORKERS
from sandbox.gate.names import FileName, name_rows
from sandbox.gate.needs import need_findings
from sandbox.gate.own_rows import complete
from sandbox.gate.pool import Pool
from sandbox.gate.redraws import Redraws
from sandbox.gate.region import Region, RegionFull
from sandbox.gate.release import Origin, Release, upload_entry
from sandbox.gate.report import Report
from sandbox.gate.result import FrameStream, ResultWriter
from sandbox.gate.rows import Rows
from sandbox.gate.sketch import make_sketch
from sandbox.gate.stand_in import StandIn, settle_all
from sandbox.gate.static_chain import StaticChain
from sandbox.gate.stating import Stating, lines_of, wants_of
from sandbox.gate.sticky import Errors
from sandbox.gate.survey import Survey, survey
from sandbox.gate.taken_card import arrays_of, check_card_of
from sandbox.gate.unmeasured import complete_cards
from sandbox.job import n_sweeps, resolve_columns
from sandbox.manifest import CARD, RESERVED_STEP, parse_manifest
from sandbox.pipe import Pipe
from sandbox.wanted import Wanted, wanted
from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import (
    Acknowledged,
    AttachWorker,
    Begin,
    CardMade,
    CardShown,
    CardsTaken,
    ChainCalls,
    GateFailed,
    GateReady,
    GateSetup,
    HostToGate,
    Isolation,
    KeepImputation,
    MakeCard,
    RoundResult,
    RunRound,
    SendPlot,
    SendResult,
    ShowCard,
    StepCall,
    TakeCards,
    UploadReport,
    Wipe,
    Wiped,
    host_to_gate,
)
from sandbox.wire.values import Record, floats

MARGINS: Final = (ChainCalls(0, (StepCall(RESERVED_STEP),)),)
"""The first round. It is the same for all chains and asked once."""


class Stage(IntEnum):
    """How far a job has come; it only ever grows, but for a new upload."""

    EMPTY = 0
    READ = 1
    """A clean file is here, of which a card is to be made."""
    CLEAN = 2
    MEASURED = 3
    BEGUN = 4


def serve(pipe: Pipe, region: mmap, isolation: Isolation) -> None:
    """Run the gate until it is wiped or its host is gone. `region` is the map that all rows live in."""
    memory = Region(region)
    try:
        pipe.send(GateReady(isolation))
        with np.errstate(all="ignore"):
            _serve(pipe, memory)
    finally:
        memory.wipe()


def _serve(pipe: Pipe, memory: Region) -> None:
    job: _Job | None = None
    try:
        setup = _message(pipe.receive())
        if not isinstance(setup, GateSetup):
            raise PeerError(Code.GATE_PROTOCOL)
        job = _Job(setup, pipe, memory)
        while job.take(pipe.receive()):
            pass
    except (EOFError, ConnectionError):
        return
    except MemoryError:
        _fail(pipe, memory, job, Code.LIMIT_MEMORY)
    except TidegateError as error:
        _fail(pipe, memory, job, error.code)


def _fail(pipe: Pipe, memory: Region, job: _Job | None, code: Code) -> None:
    n_bytes = memory.wipe()
    entry = b"" if job is None else job.origin.entry("failure", code=code.value, wiped_bytes=n_bytes)
    with contextlib.suppress(ConnectionError):
        pipe.send(GateFailed(code, entry))


def _message(frame: Frame) -> HostToGate:
    if frame.kind is not Kind.MESSAGE:
        raise PeerError(Code.GATE_PROTOCOL)
    return host_to_gate.decode(frame.payload)


class _Job:
    """One job: its setup, its stage, and what the messages have made so far."""

    def __init__(self, setup: GateSetup, pipe: Pipe, memory: Region) -> None:
        if len(setup.row_secret) < MIN_SECRET_BYTES or setup.spec.seed is None or setup.row_offset < 0:
            raise PeerError(Code.GATE_PROTOCOL)
        self._setup = setup
        self._manifest = parse_manifest(setup.manifest)
        self._pipe = pipe
        self._memory = memory
        self._stage = Stage.EMPTY
        self._ingest: Ingest | None = None
        self._dataset: Dataset | None = None
        self._answering: Answering | None = None
        self._imputations: Imputations | None = None
        self._stating: Stating | None = None
        self._cards: dict[str, dict[str, Record]] = {}
        self._survey: Survey | None = None
        self._admission: dict[str, Verdict] = {}
        """What was judged of a file that is to state a card."""
        self._notes: tuple[str, ...] = ()
        self._worker: AttachedWorker | None = None
        self._pools: list[Pool] = []
        self._is_reviewed = False
        self._round = -1
        self._n_rounds = 0
        digest = "" if setup.contract is None else setup.contract.digest
        self.origin = self._first_origin = Origin(setup.job_id, setup.participant, setup.pair_digest, digest)
        self._file_name = FileName(setup.row_secret)

    def take(self, frame: Frame) -> bool:
        """Handle one frame; False when the gate is wiped."""
        if frame.kind is not Kind.MESSAGE:
            self._take_data(frame)
            return True
        message = _message(frame)
        if isinstance(message, Wipe):
            n_bytes = self._memory.wipe()
            self._pipe.send(Wiped(n_bytes, self.origin.entry("wipe", wiped_bytes=n_bytes)))
            return False
        if self._ingest is not None:
            raise PeerError(Code.GATE_PROTOCOL)
        self._handle(message)
        return True

    def _handle(self, message: HostToGate) -> None:
        match message:
            case MakeCard() | ShowCard() | TakeCards():
                self._handle_card(message)
            case AttachWorker():
                self._attach(message.rows_reviewed)
            case RunRound():
                self._run(message)
            case Begin():
                self._begin(message)
            case KeepImputation():
                self._keep(message.chain)
            case SendResult():
                self._send_result(message.run)
            case SendPlot():
                self._send_plot(message.name)
            case _:
                raise PeerError(Code.GATE_PROTOCOL)

    def _handle_card(self, message: MakeCard | ShowCard | TakeCards) -> None:
        match message:
            case MakeCard():
                self._make_card(message)
            case ShowCard():
                self._show_card()
            case TakeCards():
                self._take_cards(message.cards)

    # --- upload

    def _take_data(self, frame: Frame) -> None:
        if self._stage > Stage.CLEAN:
            raise PeerError(Code.GATE_PROTOCOL)
        if self._ingest is None:
            self._forget()
            self._admission = {}
            self._ingest = Ingest(self._setup, self._memory, states_card=self._states_card)
            self._file_name = FileName(self._setup.row_secret)
        if frame.kind is Kind.DATA:
            self._file_name.feed(frame.payload)
            self._ingest.feed(frame.payload)
            return
        ingest, self._ingest = self._ingest, None
        self.origin = replace(self._first_origin, dataset=self._file_name.finish())
        report = self._report(ingest)
        standing = self._admission if self._survey is None else self._survey.standing
        names = {} if self._answering is None else name_rows(self._setup.row_secret, self._answering.rows)
        entry = upload_entry(self.origin, self._setup, self._manifest, report, standing, names)
        self._pipe.send(msgspec.structs.replace(report, entry=entry))

    def _forget(self) -> None:
        """A new upload replaces the old one, down to the last byte."""
        self._stage = Stage.EMPTY
        self._dataset = self._answering = self._imputations = self._survey = self._stating = None
        self._memory.reset()

    def _report(self, ingest: Ingest) -> UploadReport:
        dataset = ingest.finish()
        findings = tuple(ingest.findings)
        if dataset is not None:
            try:
                findings += self._prepare(dataset, ingest)
            except RegionFull:
                findings += (Finding(Code.DATA_TOO_LARGE, details={"limit": self._memory.capacity}),)
        found = self._survey
        report = UploadReport(
            findings=findings,
            contract=ingest.contract if dataset is not None else None,
            columns=ingest.columns(),
            n_rows=0 if dataset is None else dataset.n_rows,
            n_set_aside=0 if found is None else found.n_set_aside,
            notes=tuple(ingest.notes),
        )
        if report.is_clean and self._answering is not None:
            self._stage = Stage.CLEAN
            return report
        if report.is_clean and dataset is not None and self._states_card:
            self._stage, self._dataset = Stage.READ, dataset
            return msgspec.structs.replace(report, sketch=encode(make_sketch(dataset, self._setup.row_secret)))
        self._forget()
        return report

    def _prepare(self, dataset: Dataset, ingest: Ingest) -> tuple[Finding, ...]:
        """The pre-flight, and everything a clean upload needs for its job."""
        setup = self._setup
        if self._manifest.access == "rows" and not (setup.is_central or setup.policy.lets_see_rows(is_reviewed=True)):
            return (Finding(Code.RULE_ROWS_ACCESS),)
        try:
            resolve_columns(setup.spec.parameters, self._manifest, dataset.contract)
        except InputError as error:
            return (Finding(error.code, details={key: str(value) for key, value in error.details.items()}),)
        has_intercept = setup.spec.has_central_intercept
        n_chains = setup.spec.chains
        if n_chains > setup.policy.max_chains:
            return (Finding(Code.LIMIT_CHAINS, details={"found": n_chains, "limit": setup.policy.max_chains}),)
        if self._states_card:
            self.origin = replace(self.origin, contract=dataset.contract.digest)
            wants = self._wanted(dataset.contract)
            admitted = admit(dataset, setup.policy, fits=wants.fits, selection=wants.selection.target if wants.selection else 0)
            self._admission = verdicts(admitted, setup.policy)
            return admitted
        found = self._survey = survey(
            dataset,
            setup.policy,
            self._memory,
            is_central=setup.is_central,
            central_intercept=has_intercept,
            n_chains=n_chains,
            judges_pairs=self._manifest.access == "rows",
        )
        first = found.rows
        if first is None:
            return found.findings
        ridge = float(setup.spec.parameters.get("ridge", 0.0))
        needs = need_findings(self._manifest, dataset, first, setup.policy, ridge=ridge, is_central=setup.is_central)
        found = self._survey = replace(found, findings=found.findings + needs)
        if any(finding.severity == "stop" for finding in needs):
            return found.findings
        contract = dataset.contract
        self.origin = replace(self.origin, contract=contract.digest)
        rows = [first, *(first.copy(self._memory) for _ in range(1, setup.spec.chains))]
        if setup.is_central:
            self._imputations = Imputations(found.mask, rows, setup.spec.imputations, self._memory)
        self._answering = self._make_answering(rows, contract, found)
        self._dataset = dataset
        self._notes = tuple(ingest.notes)
        return found.findings

    def _make_answering(self, rows: Sequence[Rows], contract: Contract, found: Survey) -> Answering:
        """The chains of the job, over the rows of each."""
        setup = self._setup
        guard = Guard(setup.policy, is_central=setup.is_central, standing=found.standing)
        key = derive_key(setup.row_secret, setup.spec.seed or 0, setup.pair_digest, contract.digest)
        draws = RowDraws(key, setup.row_offset, is_bound=not (setup.is_central or setup.has_common_secret))
        declared = Declarations(self._manifest, contract, setup.spec.has_central_intercept)
        q, lengths = declared.extent("q"), [n_sweeps(setup.spec, self._manifest, number) for number in range(len(rows))]
        redraws = None
        if not setup.is_central:
            binary = [index for index in contract.targets if contract.column(index).is_binary]
            n_states = sum(1 + length for length in lengths)
            redraws = Redraws(rows[0], binary, difference_limit(q, setup.policy), n_states, self._memory)
        chains = [
            Chain(its_rows, q, guard, draws, redraws, number=number, n_sweeps=length)
            for number, (its_rows, length) in enumerate(zip(rows, lengths, strict=True))
        ]
        return Answering(chains, contract, declared, setup.policy, guard)

    # --- the card

    @property
    def _states_card(self) -> bool:
        """Whether this is a site that states a card: its rows answer nothing else, unless its policy allows exact answers."""
        return not self._setup.is_central and self._manifest.access == "blind"

    def _make_card(self, message: MakeCard) -> None:
        dataset, setup = self._dataset, self._setup
        if dataset is None or self._stage is not Stage.READ:
            raise PeerError(Code.GATE_PROTOCOL)
        contract = dataset.contract
        if len(message.columns) != len(contract.model):
            raise PeerError(Code.GATE_PROTOCOL)
        try:
            own = complete(dataset, setup.row_secret, self._memory)
            errors = Errors(setup.row_secret, message.life.encode(), message.error, message.columns)
            card = make_card(own, contract, errors, setup.policy, wants_of(self._wanted(contract), contract, message))
        except RegionFull:
            self._stop(Finding(Code.DATA_TOO_LARGE, details={"limit": self._memory.capacity}))
            return
        declared = Declarations(self._manifest, contract, setup.spec.has_central_intercept)
        guard = Guard(setup.policy, is_central=False)
        self._stating = Stating(card, declared, setup.policy, guard)
        if card.answers_exactly:
            static = StaticChain(own, guard, has_central_intercept=setup.spec.has_central_intercept)
            self._answering = Answering([static] * setup.spec.chains, contract, declared, setup.policy, guard)
        self._stage = Stage.CLEAN
        self._pipe.send(CardMade(lines_of(card, contract)))

    def _stop(self, finding: Finding) -> None:
        """No card can be made of the file."""
        self._forget()
        self._pipe.send(CardMade(findings=(finding,)))

    def _wanted(self, contract: Contract) -> Wanted:
        return wanted(self._manifest, contract, self._setup.spec, self._setup.policy)

    def _show_card(self) -> None:
        if self._stating is None:
            raise PeerError(Code.GATE_PROTOCOL)
        self._pipe.send(CardShown(self._stating.shown()))

    def _take_cards(self, cards: dict[str, dict[str, Record]]) -> None:
        """At central: answer for sites from now on. A second message brings the scores that the first one asked for.

        Sites that answer exactly are not stood in for: their cards only help to complete what others never measured.
        """
        answering = self._answering
        if answering is None or answering.units is None or not self._setup.is_central or self._stage is not Stage.BEGUN:
            raise PeerError(Code.GATE_PROTOCOL)
        is_first = not self._cards
        for site, fields in cards.items():
            if not is_first and site not in self._cards:
                raise PeerError(Code.GATE_PROTOCOL)
            self._cards.setdefault(site, {}).update(fields)
        try:
            stand_ins = self._stand_ins(answering, answering.units)
            due = settle_all(stand_ins, answering.contract)
        except Refusal as refusal:
            if not refusal.of_card:
                raise
            # A card is what a hostile site likes it to be: it costs its own job, under its name, and not this gate.
            self._pipe.send(CardsTaken(refused={refusal.of_card: refusal.code}))
            return
        answering.stand_in(stand_ins)
        asked = {site: {target: floats(beta) for target, beta in points.items()} for site, points in due.items()} if is_first else {}
        self._pipe.send(CardsTaken(asked))

    def _stand_ins(self, answering: Answering, units: Units) -> dict[str, StandIn]:
        """One for each site that does not answer by itself."""
        contract, has_intercept = answering.contract, self._setup.spec.has_central_intercept
        stated = {site: arrays_of(fields) for site, fields in self._cards.items()}
        for site, arrays in stated.items():
            check_card_of(site, arrays, contract)
        return {
            site: StandIn(contract, units, arrays, has_central_intercept=has_intercept, site=site)
            for site, arrays in complete_cards(stated, answering.rows).items()
            if not arrays[CARD]["is_exact"]
        }

    # --- rounds

    def _attach(self, rows_reviewed: bool) -> None:
        """Take a worker; several of code that sees rows, production first."""
        if self._is_attached:
            raise PeerError(Code.GATE_PROTOCOL)
        descriptor = self._pipe.receive_descriptor()
        if self._manifest.access == "rows":
            if not (self._setup.is_central or self._setup.policy.lets_see_rows(rows_reviewed)):
                raise TidegateError(Code.RULE_ROWS_ACCESS)
            self._is_reviewed = rows_reviewed
            self._pools.append(Pool(descriptor))
        else:
            self._worker = AttachedWorker(descriptor)
        self._pipe.send(Acknowledged())

    @property
    def _is_attached(self) -> bool:
        return self._worker is not None or len(self._pools) == N_WORKERS

    def _run(self, message: RunRound) -> None:
        answering = self._answering
        self._n_rounds += 1
        if self._n_rounds > self._setup.policy.max_messages:
            raise LimitError(Code.LIMIT_MESSAGES, limit=self._setup.policy.max_messages)
        if any(len(part.calls) > self._setup.policy.max_messages_per_step for part in message.chains):
            raise LimitError(Code.LIMIT_STEP_MESSAGES, limit=self._setup.policy.max_messages_per_step)
        if message.number <= self._round:
            raise PeerError(Code.GATE_PROTOCOL)
        if self._stating is not None and self._stage in (Stage.CLEAN, Stage.MEASURED):
            release = self._stating.answer(self.origin, message)
            self._stage = Stage.MEASURED
        elif answering is None:
            raise PeerError(Code.GATE_PROTOCOL)
        elif self._stage is Stage.CLEAN and message.chains == MARGINS:
            release = answering.margins(self.origin, message.number)
            self._stage = Stage.MEASURED
        elif self._stage is Stage.BEGUN and self._is_attached:
            release = answering.round(self.origin, message, self._worker)
        else:
            raise PeerError(Code.GATE_PROTOCOL)
        self._round = message.number
        self._pipe.send(_result(release))

    def _begin(self, message: Begin) -> None:
        if self._answering is None or self._stage is not Stage.MEASURED or (self._stating is not None and not self._stating.has_stated):
            raise PeerError(Code.GATE_PROTOCOL)
        if self._manifest.access == "rows":
            if not self._is_attached:
                raise PeerError(Code.GATE_PROTOCOL)
            setup = self._setup
            # In a simulation all participants are the author's own, who wants to know what is wrong.
            tells_reasons = setup.is_central or setup.has_common_secret
            self._answering.lend(self._pools, is_reviewed=self._is_reviewed or setup.is_central, tells_reasons=tells_reasons)
        self._answering.begin(message.constants)
        self._stage = Stage.BEGUN
        self._pipe.send(Acknowledged())

    # --- result

    def _keep(self, chain: int) -> None:
        units = None if self._answering is None else self._answering.units
        if self._imputations is None or units is None or not self._imputations.keep(units, chain):
            raise PeerError(Code.GATE_PROTOCOL)
        self._pipe.send(Acknowledged())

    def _send_result(self, run: dict[str, Any]) -> None:
        report = self._finished()
        stream = FrameStream(self._pipe.send_frame)
        ResultWriter(report.dataset, report.imputations).write_zip(stream, report.texts(run))
        stream.finish()

    def _send_plot(self, name: str) -> None:
        report = self._finished()
        if name not in plots.NAMES:
            raise PeerError(Code.GATE_PROTOCOL)
        stream = FrameStream(self._pipe.send_frame)
        stream.write(report.plot(name).encode())
        stream.finish()

    def _finished(self) -> Report:
        dataset, answering, imputations, found = self._dataset, self._answering, self._imputations, self._survey
        if dataset is None or answering is None or imputations is None or found is None or not imputations.is_complete:
            raise PeerError(Code.GATE_PROTOCOL)
        return Report(self._setup, self._manifest, dataset, answering, imputations, found, self._notes)


def _result(release: Release) -> RoundResult:
    return RoundResult(release.body, release.entry, release.is_refused)
