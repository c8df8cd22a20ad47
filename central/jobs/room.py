"""The ready room of one job: everything about it that lives in memory, and the board that everybody sees.

It decides and remembers; `service` talks to gates and sites and says what happened, `custody` holds tasks and timers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from central.jobs.model import Job
from sandbox.contract import Contract, Finding
from sandbox.errors import Code, InputError
from sandbox.job import JobSpec
from sandbox.manifest import Pair
from sandbox.rounds.local import LocalParticipant
from sandbox.rounds.participant import CENTRAL
from sandbox.rounds.summary import EngineProgress
from sandbox.wire.link import BoardRow, BoardUpdate, JobEnded, JobOffer, JobState, SiteStatus
from sandbox.wire.messages import UploadReport

MAX_FINDINGS: Final = 200
"""Of one site, told by its owner; a gate reports no more than that."""


@dataclass(slots=True)
class CentralSide:
    """Central's own gate in a job and what it said. A new one is made when the gate is lost."""

    gate: LocalParticipant
    report: UploadReport | None = None
    is_attached: bool = False
    is_started: bool = False

    def upload_begins(self) -> None:
        """Another file comes: whoever pressed Start meant the one before."""
        self.is_started = False

    def uploaded(self, report: UploadReport) -> None:
        """The gate has read a file."""
        self.report = report

    def attached(self) -> None:
        """A worker has compiled the pair."""
        self.is_attached = True

    def started(self) -> None:
        """Central has pressed Start."""
        self.is_started = True

    @property
    def contract(self) -> Contract | None:
        """The frozen contract; None until an upload is clean."""
        return self.report.contract if self.report is not None and self.report.is_clean else None


@dataclass(slots=True, weakref_slot=True, eq=False)
class Room:
    """One job that waits, runs or holds a result. `job` is replaced whenever its row changes."""

    job: Job
    pair: Pair
    institutions: dict[str, str]
    """Of every participant."""
    central: CentralSide | None = None
    statuses: dict[str, SiteStatus] = field(default_factory=dict)
    progress: EngineProgress = field(default_factory=lambda: EngineProgress("", 0, 0))
    run: dict[str, Any] = field(default_factory=dict)
    """What is known of a finished run; goes into the result."""
    stated: frozenset[str] = frozenset()
    """Sites whose cards are in: the run needs them no more."""
    is_begun: bool = False
    """Whether a run was begun: the row of the job may still have to say so."""

    @property
    def spec(self) -> JobSpec:
        """The specification of the job."""
        return self.job.job_spec

    @property
    def state(self) -> JobState:
        """The state of the job."""
        return self.job.job_state

    @property
    def contract(self) -> Contract | None:
        """The contract of the job, once central's data are there."""
        return self.central.contract if self.central is not None else None

    def check_waiting(self) -> None:
        """Raise :class:`InputError` unless central may upload and start."""
        if self.state is not JobState.WAITING or self.is_begun:
            raise InputError(Code.JOB_STATE, state=self.state)

    # --- what happened ------------------------------------------------------------------------------------------------------------------

    def moved(self, job: Job) -> None:
        """The row of the job changed."""
        self.job = job

    def gate_opened(self, gate: LocalParticipant) -> CentralSide:
        """Central has a gate, with nothing in it yet."""
        self.central = CentralSide(gate)
        return self.central

    def gate_dropped(self) -> CentralSide | None:
        """Central has no gate any more; the one that it had."""
        central, self.central = self.central, None
        return central

    def site_said(self, site_id: str, status: SiteStatus) -> bool:
        """A site tells where it stands; whether that counts, which it does as long as the job waits."""
        if self.state is not JobState.WAITING:
            return False
        self.statuses[site_id] = heard(status)
        return True

    def site_restarted(self, site_id: str) -> None:
        """Another process of a site has neither approved pairs in mind nor rows."""
        if self.state is JobState.WAITING:
            self.statuses.pop(site_id, None)

    def begins(self, is_online: Callable[[str], bool]) -> bool:
        """Whether the run begins now, said once: everybody, central included, has pressed Start and is there."""
        if self.is_begun or self.state is not JobState.WAITING:
            return False
        self.is_begun = all(row.is_online and row.is_started for row in self.board(is_online))
        return self.is_begun

    def progressed(self, progress: EngineProgress) -> None:
        """The run is further than before."""
        self.progress = progress

    def cards_in(self, sites: Sequence[str]) -> None:
        """The cards of these sites are in."""
        self.stated |= frozenset(sites)

    def ran(self, run: dict[str, Any]) -> None:
        """The run came to its end, and `run` is what is known of it."""
        self.run = run

    def run_failed(self) -> None:
        """The run came to nothing."""
        self.is_begun = False

    # --- what others are shown ----------------------------------------------------------------------------------------------------------

    def board(self, is_online: Callable[[str], bool]) -> tuple[BoardRow, ...]:
        """One row per participant, central first."""
        digest = self.contract.digest if self.contract is not None else ""
        sites = [
            site_row(self.statuses.get(site), site, self.institutions.get(site, ""), is_online(site), self.pair.digest, digest)
            for site in self.job.participants
        ]
        return (central_row(self.central), *(msgspec.structs.replace(row, is_stated=row.participant in self.stated) for row in sites))

    def told_by(self, participant: str) -> tuple[Finding, ...]:
        """What a site's owner told central of what stops its file. It is for central: other sites are not told."""
        status, contract = self.statuses.get(participant), self.contract
        return status.told if status is not None and contract is not None and is_current(status, contract.digest) else ()

    def offer(self, is_online: Callable[[str], bool]) -> JobOffer:
        """The whole job, for a site."""
        return JobOffer(
            job_id=self.job.id,
            name=self.job.name,
            state=self.state,
            central_source=self.pair.central_source,
            remote_source=self.pair.remote_source,
            manifest=self.pair.manifest_bytes,
            digest=self.pair.digest,
            spec=self.spec,
            contract=self.contract,
            board=self.board(is_online),
            participants=tuple(self.job.participants),
        )

    def update(self, is_online: Callable[[str], bool]) -> BoardUpdate:
        """What changes often, for a site."""
        progress = self.progress
        return BoardUpdate(self.job.id, self.state, self.board(is_online), progress.step, progress.done, progress.total)


def central_row(central: CentralSide | None) -> BoardRow:
    """Central on the board."""
    report = central.report if central is not None else None
    return BoardRow(
        participant=CENTRAL,
        is_online=True,
        is_approved=True,
        is_ready=report is not None and report.is_clean,
        is_started=central is not None and central.is_started,
    )


def site_row(status: SiteStatus | None, site: str, institution: str, is_online: bool, digest: str, contract_digest: str) -> BoardRow:
    """A site on the board. What it says of its file counts only for the contract that holds now."""
    if status is None:
        return BoardRow(site, institution, is_online)
    is_approved = status.approved_digest == digest
    is_ready = status.is_ready and is_current(status, contract_digest)
    return BoardRow(
        participant=site,
        institution=institution,
        is_online=is_online,
        is_approved=is_approved,
        is_ready=is_ready,
        is_started=is_ready and is_approved and status.is_started,
    )


def is_current(status: SiteStatus, contract_digest: str) -> bool:
    """Whether what a site says of its file is about the contract that holds now."""
    return contract_digest != "" and status.contract_digest == contract_digest


def heard(status: SiteStatus) -> SiteStatus:
    """What is kept of a status. A site may say anything: closed words only, and not more than a person reads."""
    return msgspec.structs.replace(status, told=tuple(finding.outward() for finding in status.told[:MAX_FINDINGS]))


def ended(job: Job) -> JobEnded:
    """How a job ended, for a site."""
    return JobEnded(job.id, job.job_state, Code(job.code) if job.code else None, job.culprit)
