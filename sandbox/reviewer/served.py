"""One site as it is served, over all its uploads: a locked gate and its worker after the other, and one ledger that outlives them.

Roles, types and levels are what central's own gate makes of the same file: it is opened first, drafts the contract and is wiped. So a
reviewer needs no central's CSV, and a contract is never one that central could not have made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from policies import Policy
from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, InputError, PeerError, Refused
from sandbox.gate.guard import Refusal
from sandbox.gate.kernels import Units
from sandbox.gate.stand_in import StandIn, settle_all
from sandbox.gate.taken_card import arrays_of
from sandbox.job import JobSpec, check_job
from sandbox.ledger import Ledger
from sandbox.manifest import CARD, CARD_STEP, RESERVED_STEP, Pair
from sandbox.reviewer.answers import SITE, Answers, CardAnswers, GateAnswers, JobSide, Rounds
from sandbox.reviewer.remote_module import RemoteModule
from sandbox.rounds.local import LocalParticipant
from sandbox.rounds.participant import CENTRAL
from sandbox.simulate import read_file
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import Constants, GateSetup, StepCall, UploadReport
from sandbox.wire.values import Record

SEED: Final = 1
"""The seed of a job that names none: with a secret of one's own everything repeats."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What stays the same over all uploads. `secret` is the site's row secret, 32 bytes."""

    pair: Pair
    policy: Policy
    secret: bytes


class ServedSite:
    """The site's end. One upload is open at a time; calls are taken one at a time."""

    def __init__(self, setting: Setting, supervisor: Supervisor, folder: Path) -> None:
        self._setting = setting
        self._supervisor = supervisor
        self._ledger = Ledger(folder / "site" / "ledger.jsonl")
        # Central's drafts are no uploads of the site: a ledger that counted them would tell of jobs that never were.
        self._drafts = Ledger(folder / "central" / "ledger.jsonl")
        self._participant: LocalParticipant | None = None
        self._n_uploads = 0
        self.answers: Answers | None = None

    @classmethod
    async def open(cls, setting: Setting, folder: Path) -> ServedSite:
        """Start the processes; the ledger is kept in `folder`. Raises `IsolationError` when the machine cannot lock anything in."""
        return cls(setting, await Supervisor.start(), folder)

    async def upload(self, path: Path, spec: JobSpec) -> tuple[UploadReport, Contract | None]:
        """End the job that is open and upload a file for the next one: what the gate found, and the contract of the job.

        When central could not make a contract of the file there is none, and the findings are those of central's gate.

        Raises:
            TidegateError: the job does not suit the pair, or a gate ended.
        """
        await self.end_job()
        spec = check_job(spec if spec.seed is not None else msgspec.structs.replace(spec, seed=SEED), self._setting.pair.manifest)
        self._n_uploads += 1
        draft = await self._draft(path, spec)
        if not draft.is_clean or draft.contract is None:
            return draft, None
        self._spec = spec
        declared = Declarations(self._setting.pair.manifest, draft.contract, spec.has_central_intercept)
        self._job = JobSide(draft.contract, declared, self._setting.policy)
        self._participant = await LocalParticipant.open(self._supervisor, self._setup(SITE, spec, draft.contract), self._ledger)
        self._rounds = Rounds(self._participant)
        async with contextlib.aclosing(read_file(path)) as chunks:
            return await self._participant.upload(chunks), draft.contract

    async def margins(self) -> Record:
        """Press Start and ask the first question: `n`, `total`, `total_squares` of each column in the model, shape (c,). Once per upload.

        Raises:
            Refused: the gate does not tell them.
            InputError: the pair's remote module breaks the source rules.
            TidegateError: the gate or the worker ended.
        """
        participant = self._open_participant()
        pair = self._setting.pair
        # The owner of a site that is tried out has let the code see its rows, where that is the policy's to allow.
        findings = await participant.attach(pair.remote_source, rows_reviewed=True)
        if findings:
            module = f"{pair.manifest.name}Remote.py, line {findings[0].line}"
            raise InputError(Code.PAIR_SOURCE, module=module, reason=findings[0].message)
        return (await self._rounds.run(StepCall(RESERVED_STEP)))[RESERVED_STEP]

    async def begin(self, constants: Constants) -> None:
        """Fix the units and start values, after the margins. Raises `TidegateError` when the gate does not take them: it has ended then."""
        participant = self._open_participant()
        stated = await self._ask_card(constants) if self._setting.pair.manifest.access == "blind" else {}
        if stated and not stated[CARD]["is_exact"].scalar():
            self.answers = await self._answers_of_card(constants, stated)
            return
        await participant.begin(constants)
        self.answers = GateAnswers(self._rounds, stated)

    async def _ask_card(self, constants: Constants) -> dict[str, Record]:
        fields = await self._rounds.run(StepCall(CARD_STEP, {"centre": constants.centre, "scale": constants.scale}))
        self._job.declared.check_card(fields, is_point=False)
        return fields

    async def _answers_of_card(self, constants: Constants, stated: dict[str, Record]) -> Answers:
        """What answers from the card, as at central, whose own column of intercepts is zeros at a site."""
        try:
            units = Units.of(constants, self._job.contract)
            has_intercept = self._spec.has_central_intercept
            stand_in = StandIn(self._job.contract, units, arrays_of(stated), has_central_intercept=has_intercept)
            settle_all({SITE: stand_in}, self._job.contract)
        except (Refusal, ValueError) as error:
            # In units that nobody could compute in there is nothing to be read of a card.
            raise Refused(SITE, error.code if isinstance(error, Refusal) else Code.RULE_NOT_FINITE) from error
        remote = await RemoteModule.open(self._supervisor, self._setting.pair, self._setting.policy)
        return CardAnswers(self._rounds, remote, stand_in, stated, self._job)

    @property
    def stated(self) -> Mapping[str, Record]:
        """What the site has stated by itself of the upload that is open."""
        return {} if self.answers is None else self.answers.stated

    async def end_job(self) -> None:
        """Wipe the gate that is open, as at the end of a job."""
        participant, self._participant = self._participant, None
        answers, self.answers = self.answers, None
        if answers is not None:
            await answers.close()
        if participant is not None:
            await participant.wipe()

    async def close(self) -> None:
        """End all processes and close the ledgers."""
        try:
            await self.end_job()
        finally:
            await self._supervisor.close()
            self._ledger.close()
            self._drafts.close()

    async def _draft(self, path: Path, spec: JobSpec) -> UploadReport:
        central = await LocalParticipant.open(self._supervisor, self._setup(CENTRAL, spec, None), self._drafts)
        try:
            async with contextlib.aclosing(read_file(path)) as chunks:
                return await central.upload(chunks)
        finally:
            await central.wipe()

    def _setup(self, name: str, spec: JobSpec, contract: Contract | None) -> GateSetup:
        return GateSetup(
            job_id=f"upload-{self._n_uploads}",
            participant=name,
            is_central=name == CENTRAL,
            policy=self._setting.policy,
            spec=spec,
            manifest=self._setting.pair.manifest_bytes,
            pair_digest=self._setting.pair.digest,
            contract=contract,
            row_secret=self._setting.secret,
        )

    def _open_participant(self) -> LocalParticipant:
        if self._participant is None:
            raise PeerError(Code.SITE_NO_UPLOAD)
        return self._participant
