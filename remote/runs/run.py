"""One run: what this site knows and holds of one job. Decides what is allowed; starts nothing and sends nothing itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from policies import Policy
from remote.approvals.model import Approval
from remote.runs.offer import read_offer
from remote.runs.phase import Phase, RunInput, follow
from remote.runs.responder import Responder
from sandbox.contract import Finding
from sandbox.errors import Code, InputError
from sandbox.manifest import Pair
from sandbox.rounds.local import LocalParticipant
from sandbox.wire.link import BoardRow, BoardUpdate, JobOffer, JobState, SiteStatus
from sandbox.wire.messages import Isolation, UploadReport

MISMATCHES: Final = frozenset(
    {
        Code.DATA_HEADER_MISMATCH,
        Code.DATA_HEADER_ORDER,
        Code.DATA_HEADER_LOOKS_LIKE_DATA,
        Code.DATA_HEADER_RESERVED,
        Code.DATA_HEADER_DUPLICATE,
        Code.DATA_COLUMN_MISSING,
        Code.DATA_COLUMN_EXTRA,
        Code.DATA_EMPTY,
        Code.DATA_NOT_UTF8,
    }
)
"""Findings that mean that the columns are not those of the contract (or could not be read)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far central has come."""

    step: str = ""
    done: int = 0
    total: int = 0


@dataclass(eq=False)
class Run:
    """A job at this site. `state` is central's, `phase` is ours."""

    site_id: str
    policy: Policy
    offer: JobOffer
    phase: Phase = Phase.OFFERED
    state: JobState = JobState.WAITING
    board: tuple[BoardRow, ...] = ()
    progress: Progress = Progress()
    pair: Pair | None = None
    problem: Code | None = None
    """Why the offer cannot be approved."""
    approval: Approval | None = None
    report: UploadReport | None = None
    trouble: Finding | None = None
    """Why the last upload or start came to nothing, beyond what the report says."""
    code: Code | None = None
    culprit: str = ""
    is_cancelled_here: bool = False
    isolation: Isolation | None = None
    participant: LocalParticipant | None = None
    responder: Responder | None = None
    operation: asyncio.Task[object] | None = None
    """The upload or start that is under way; one at a time."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Responder, watcher and deadline of a started run."""
    reported: SiteStatus | None = None
    """What central was told last over this link."""

    def __post_init__(self) -> None:
        self.take(self.offer)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.offer.job_id

    def take(self, offer: JobOffer) -> None:
        """Take a (new) offer: state, board, and whether it is what it says it is."""
        self.offer, self.state, self.board = offer, offer.state, offer.board
        self.pair, self.problem = read_offer(offer, self.site_id, self.policy)

    def update(self, update: BoardUpdate) -> None:
        """Take news of the board and the progress."""
        self.state, self.board = update.state, update.board
        self.progress = Progress(update.step, update.done, update.total)
        self.code, self.culprit = update.code, update.culprit

    def void(self) -> None:
        """Forget the upload: it is wiped, or about to be."""
        self.phase = follow(self.phase, RunInput.VOID)
        self.report = self.isolation = None

    @property
    def wants_rows(self) -> bool:
        """Whether the pair's code asks to see rows."""
        return self.pair is not None and self.pair.manifest.access == "rows"

    def check_may_approve(self, digest: str, policy: Policy, *, lets_see_rows: bool) -> None:
        """Raise unless `digest` is that of the bytes we hold, and the policy lets code see rows if this one is to."""
        self._check_open()
        if self.problem is not None:
            raise InputError(self.problem)
        if self.pair is None or digest != self.pair.digest:
            raise InputError(Code.PAIR_DIGEST)
        if self.wants_rows and not policy.lets_see_rows(lets_see_rows):
            raise InputError(Code.RULE_ROWS_ACCESS)

    def check_may_upload(self) -> None:
        """Raise unless a data set may be uploaded now: nothing is said about data to a job that is not approved."""
        self._check_open()
        self._check_approved()
        if self.offer.contract is None:
            raise InputError(Code.SITE_NO_CONTRACT)

    def check_may_start(self) -> None:
        """Raise unless Start is possible now."""
        self._check_open()
        self._check_approved()
        if self.phase is Phase.OFFERED or self.participant is None:
            raise InputError(Code.SITE_NO_UPLOAD)
        follow(self.phase, RunInput.START)

    @property
    def is_open(self) -> bool:
        """Whether the owner may still approve, upload and start."""
        return self.state is JobState.WAITING and self.phase not in (Phase.RUNNING, Phase.ENDED)

    @property
    def is_approved(self) -> bool:
        """Whether exactly the bytes we hold are approved for this job, as it was when they were."""
        if self.approval is None or self.pair is None or self.problem is not None:
            return False
        return self.approval.digest == self.pair.digest and self.approval.spec_digest == self.offer.spec.digest

    def status(self) -> SiteStatus:
        """What central may know of this site's part: codes and columns, no details."""
        report = self.report
        findings = tuple(finding.outward() for finding in report.findings) if report else ()
        if self.trouble is not None:
            findings += (self.trouble.outward(),)
        is_uploaded = report is not None
        contract = self.offer.contract
        return SiteStatus(
            self.job_id,
            approved_digest=self.approval.digest if self.approval is not None and self.is_approved else "",
            is_uploaded=is_uploaded,
            is_matching=is_uploaded and not any(finding.code in MISMATCHES and finding.severity == "stop" for finding in findings),
            is_clean=self.phase in (Phase.READY, Phase.STARTED, Phase.RUNNING),
            is_started=self.phase in (Phase.STARTED, Phase.RUNNING),
            set_aside_band=report.set_aside_band if report else "",
            findings=findings,
            contract_digest=contract.digest if is_uploaded and contract is not None else "",
        )

    def _check_open(self) -> None:
        if not self.is_open:
            raise InputError(Code.JOB_STATE, state=self.state if self.phase is not Phase.ENDED else "over")

    def _check_approved(self) -> None:
        if not self.is_approved:
            raise InputError(Code.SITE_NOT_APPROVED)
