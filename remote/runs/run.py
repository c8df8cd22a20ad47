"""One run: what this site knows of one job. It decides what is allowed and remembers what `service` says that happened.

It starts nothing and sends nothing itself; processes and tasks are in `custody`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policies import Policy
from remote.approvals.model import Approval
from remote.runs.offer import read_offer
from remote.runs.phase import Phase, RunInput, follow
from sandbox.contract import Finding
from sandbox.errors import Code, InputError
from sandbox.manifest import Pair
from sandbox.rounds.state import OVER
from sandbox.wire.link import BoardRow, BoardUpdate, JobOffer, JobState, SiteStatus
from sandbox.wire.messages import Isolation, UploadReport


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
    approval: Approval | None = None
    phase: Phase = Phase.OFFERED
    state: JobState = JobState.WAITING
    board: tuple[BoardRow, ...] = ()
    progress: Progress = Progress()
    pair: Pair | None = None
    problem: Code | None = None
    """Why the offer cannot be approved."""
    report: UploadReport | None = None
    trouble: Finding | None = None
    """Why the last upload or start came to nothing, beyond what the report says."""
    told: tuple[Finding, ...] = ()
    """What the owner has told central of what stops the file."""
    code: Code | None = None
    culprit: str = ""
    is_cancelled_here: bool = False
    isolation: Isolation | None = None
    is_released: bool = False
    """Whether the owner has lifted what stopped the last upload: the next one may pass."""
    is_busy: bool = False
    """Whether an upload or a start is under way; one at a time."""
    reported: SiteStatus | None = None
    """What central was told last over this link."""

    def __post_init__(self) -> None:
        self.take(self.offer, self.approval)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.offer.job_id

    # --- what happened ------------------------------------------------------------------------------------------------------------------

    def take(self, offer: JobOffer, approval: Approval | None) -> None:
        """Take a (new) offer and what was approved of it: state, board, and whether it is what it says it is."""
        self.offer, self.state, self.board, self.approval = offer, offer.state, offer.board, approval
        self.pair, self.problem = read_offer(offer, self.site_id, self.policy)

    def update(self, update: BoardUpdate) -> None:
        """Take news of the board and the progress."""
        self.state, self.board = update.state, update.board
        self.progress = Progress(update.step, update.done, update.total)
        self.code, self.culprit = update.code, update.culprit

    def offered_after_end(self, offer: JobOffer) -> bool:
        """Take an offer of a job that ended here; whether central has to be told again that it was cancelled."""
        self.board = offer.board
        if not self.is_cancelled_here or offer.state in OVER or self.reported is not None:
            return False
        self.reported = self.status()
        return True

    def approved(self, approval: Approval) -> None:
        """The owner has approved what `approval` says."""
        self.approval = approval

    def operation_begins(self) -> None:
        """An upload or a start begins. Raises :class:`InputError` when one is under way."""
        if self.is_busy:
            raise InputError(Code.JOB_STATE, state="busy with an upload or a start")
        self.is_busy = True

    def operation_ended(self) -> None:
        """The upload or the start is over, whatever became of it."""
        self.is_busy = False

    def upload_begins(self) -> None:
        """Another file comes: what was there of the one before is wiped."""
        self.void()
        self.trouble, self.told, self.is_released = None, (), False

    def gate_opened(self, isolation: Isolation) -> None:
        """A gate reads the file; what locks it in."""
        self.isolation = isolation

    def uploaded(self, report: UploadReport) -> None:
        """The gate has read the file; a clean one is kept."""
        self.report = report
        if report.is_clean:
            self.phase = follow(self.phase, RunInput.UPLOAD)

    def start_begins(self) -> None:
        """The owner has pressed Start. Raises :class:`InputError` unless that is possible now."""
        self.check_may_start()
        self.trouble, self.told = None, ()

    def started(self) -> None:
        """A worker is attached: central may begin."""
        self.phase = follow(self.phase, RunInput.START)

    def stopped(self, code: Code, details: dict[str, object] | None = None) -> None:
        """The upload or the start came to nothing, or a process of ours ended."""
        self.trouble = Finding(code, details={key: str(value) for key, value in (details or {}).items()})

    def asked(self) -> bool:
        """Central asks; whether for the first time, which begins the run."""
        is_first = self.phase is Phase.STARTED
        self.phase = follow(self.phase, RunInput.ROUND)
        return is_first

    def void(self) -> None:
        """Forget the upload: it is wiped, or about to be."""
        self.phase = follow(self.phase, RunInput.VOID)
        self.report = self.isolation = None
        self.told = ()

    def cancelled_by_owner(self) -> None:
        """The owner has cancelled the job."""
        self.is_cancelled_here = True

    def ended(self, state: JobState, code: Code | None, culprit: str) -> None:
        """The job is over here."""
        self.phase = follow(self.phase, RunInput.END)
        self.state, self.code, self.culprit = state, code, culprit
        self.report = None
        self.told = ()

    def released(self) -> None:
        """The owner lets one more card of the life pass that stopped the file: the same file may be uploaded again."""
        self.is_released = True

    def told_central(self, shown: Sequence[tuple[str, int]]) -> None:
        """The owner tells central what stops the file: `shown`, the codes and columns that they were shown.

        Raises :class:`InputError` when that is not, or no longer, what stops it.
        """
        self._check_open()
        if not self.stops or list(shown) != [(finding.code.value, finding.column) for finding in self.stops]:
            raise InputError(Code.JOB_STATE, state="not stopped by that")
        self.told = self.stops

    def forgotten(self) -> None:
        """Central does not know any more what it was told."""
        self.reported = None

    def news(self) -> SiteStatus | None:
        """The status that central has to be told now, None when it knows or the job is over. It counts as told."""
        status = self.status()
        if self.phase is Phase.ENDED or status == self.reported:
            return None
        self.reported = status
        return status

    # --- what is allowed, and what is told ----------------------------------------------------------------------------------------------

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
        if self.phase is Phase.OFFERED:
            raise InputError(Code.SITE_NO_UPLOAD)
        follow(self.phase, RunInput.START)

    def check_may_release(self) -> str:
        """The life that stops the last upload. Raises :class:`InputError` unless its owner may let one more card of it pass now."""
        self._check_open()
        if self.is_busy:
            raise InputError(Code.JOB_STATE, state="busy with an upload or a start")
        if self.report is None or not self.report.stopped_life or self.is_released:
            raise InputError(Code.JOB_STATE, state="not stopped by the life of the file")
        return self.report.stopped_life

    def check_may_show_card(self) -> None:
        """Raise unless there is a card and nothing else goes on: not central's questions, nor an upload or a start."""
        if self.phase in (Phase.RUNNING, Phase.ENDED):
            raise InputError(Code.JOB_STATE, state="running" if self.phase is Phase.RUNNING else "over")
        if self.is_busy:
            raise InputError(Code.JOB_STATE, state="busy with an upload or a start")
        if self.phase is Phase.OFFERED:
            raise InputError(Code.SITE_NO_UPLOAD)
        if self.report is None or not self.report.card:
            raise InputError(Code.SITE_NO_CARD)

    @property
    def is_stated(self) -> bool:
        """Whether the card of this site has left and central, as it says, needs the site no more. A new process knows it by this alone."""
        is_running = self.state is JobState.RUNNING and self.phase is not Phase.ENDED
        return is_running and any(row.is_stated for row in self.board if row.participant == self.site_id)

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

    @property
    def stops(self) -> tuple[Finding, ...]:
        """What stops the file or the start, as central would be told it: code and column, each pair once. How often is a count."""
        found = [finding for finding in self.report.findings if finding.severity == "stop"] if self.report else []
        if self.trouble is not None:
            found.append(self.trouble)
        return tuple(Finding(code, column=column) for column, code in sorted({(finding.column, finding.code) for finding in found}))

    def status(self) -> SiteStatus:
        """What central may know of this site's part: whether there is a file that passes, and what the owner has told."""
        is_ready = self.phase in (Phase.READY, Phase.STARTED, Phase.RUNNING)
        contract = self.offer.contract
        return SiteStatus(
            self.job_id,
            contract_digest=contract.digest if (is_ready or self.told) and contract is not None else "",
            approved_digest=self.approval.digest if self.approval is not None and self.is_approved else "",
            is_ready=is_ready,
            is_started=self.phase in (Phase.STARTED, Phase.RUNNING),
            told=self.told,
        )

    def _check_open(self) -> None:
        if not self.is_open:
            raise InputError(Code.JOB_STATE, state=self.state if self.phase is not Phase.ENDED else "over")

    def _check_approved(self) -> None:
        if not self.is_approved:
            raise InputError(Code.SITE_NOT_APPROVED)
