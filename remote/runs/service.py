"""The runs of this site: takes central's messages and the owner's decisions, and sees to it that nothing outlives its job.

Everything here happens on the event loop. Messages of central are taken without waiting; uploads and starts are tasks, one at a time per
run, that the end of a job cancels. A participant (gate and worker) belongs to exactly one run, and every way out of a run wipes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol, TypeVar

import structlog

from policies import Policy
from remote.approvals.model import Approval
from remote.approvals.service import Approvals
from remote.runs.card_numbers import CardNumbers
from remote.runs.custody import Custody
from remote.runs.journal import Journal
from remote.runs.offer import is_other_job
from remote.runs.phase import Phase
from remote.runs.responder import Responder
from remote.runs.run import Run
from sandbox.errors import Code, InputError, TidegateError
from sandbox.host.problems import invalid
from sandbox.rounds.local import LocalParticipant
from sandbox.rounds.state import OVER
from sandbox.wire.link import (
    BoardUpdate,
    CentralToSite,
    JobEnded,
    JobOffer,
    JobsOpen,
    JobState,
    SiteBegin,
    SiteCancel,
    SiteFailed,
    SiteRound,
    SiteToCentral,
)
from sandbox.wire.messages import SourceFinding, UploadReport

MAX_RUNS: Final = 1000
"""Offers kept at a time; a central that sends more is not listened to."""

T = TypeVar("T")
log = structlog.get_logger()


class Outbox(Protocol):
    """What takes messages for central at any time: the link."""

    def send(self, message: SiteToCentral) -> None:
        """Send a message, now or when the link is open again."""

    async def write(self, message: SiteToCentral) -> None:
        """Send one that central waits for: it goes out at once if nothing is in the way."""


class Runs:
    """Every run of this site. `proof` names the last isolation report for a start's record."""

    def __init__(
        self,
        *,
        policy: Policy,
        approvals: Approvals,
        journal: Journal,
        custody: Custody,
        site_id: Callable[[], str],
        link: Outbox,
        proof: Callable[[], dict[str, Any] | None] = lambda: None,
    ) -> None:
        self.policy = policy
        self.approvals = approvals
        self.journal = journal
        self._custody = custody
        self._site_id = site_id
        self._link = link
        self._proof = proof
        self._runs: dict[str, Run] = {}

    # --- what the owner asks for ------------------------------------------------------------------------------------------------------

    def all(self) -> list[Run]:
        """Every run, newest offer last."""
        return list(self._runs.values())

    def get(self, job_id: str) -> Run:
        """One run. Raises :class:`InputError` when central has offered no such job."""
        run = self._runs.get(job_id)
        if run is None:
            raise InputError(Code.REQUEST_NOT_FOUND, what="job")
        return run

    async def approve(self, job_id: str, digest: str, owner: str, *, lets_see_rows: bool = False) -> Run:
        """Approve the pair with exactly this digest for this job, and let its code see rows if it asks for that and you do.

        Raises :class:`InputError` when it is not what we hold, or the policy does not let it see rows.
        """
        run = self.get(job_id)
        run.check_may_approve(digest, self.policy, lets_see_rows=lets_see_rows)
        sees_rows = lets_see_rows and run.wants_rows
        spec_digest = run.offer.spec.digest
        run.approved(await self.approvals.approve(job_id, digest, spec_digest, owner, sees_rows=sees_rows))
        # Central may have sent another job meanwhile: then this approval is not of what we hold now.
        if run.is_approved:
            self._note(run, "approved", detail="sees rows" if sees_rows else "")
        self._report(run)
        return run

    async def upload(self, job_id: str, chunks: AsyncIterator[bytes]) -> UploadReport:
        """Stream a CSV into a fresh gate, in place of an earlier upload; what the gate found. Not a byte of it touches a disk."""
        run = self.get(job_id)
        run.check_may_upload()
        return await self._operate(run, lambda: self._upload(run, chunks))

    async def start(self, job_id: str) -> tuple[SourceFinding, ...]:
        """Press Start: lock the pair into a worker. Findings of the source rules mean that it was not."""
        run = self.get(job_id)
        run.check_may_start()
        return await self._operate(run, lambda: self._start(run))

    async def release(self, job_id: str, owner: str, reason: str) -> Run:
        """Let one more card pass of the life that stops the last upload, once. Central is told nothing.

        Raises :class:`InputError` when no life stops it, or none that its owner may release, or without a reason.
        """
        run = self.get(job_id)
        life = run.check_may_release()
        if not reason.strip():
            raise invalid("reason: say why one more card may leave")
        # Before the line is written: a second press of the button releases nothing more.
        run.released()
        await self._custody.release(run, life, owner, reason)
        self._note(run, "released", detail=f"one more card, by {owner}")
        return run

    def tell(self, job_id: str, shown: Sequence[tuple[str, int]]) -> Run:
        """Tell central what stops the file: exactly the codes and columns that the owner was shown."""
        run = self.get(job_id)
        run.told_central(shown)
        self._note(run, "told central", detail=", ".join(f"{finding.code.value} {finding.column or ''}".strip() for finding in run.told))
        self._report(run)
        return run

    async def show_card(self, job_id: str) -> CardNumbers:
        """The numbers of the card that leaves, in raw units. Raises :class:`InputError` when there is none, or something else goes on."""
        run = self.get(job_id)
        run.check_may_show_card()
        participant, contract = self._custody.participant(run), run.offer.contract
        if participant is None or contract is None:
            raise InputError(Code.SITE_NO_UPLOAD)
        try:
            fields = await self._custody.ask(run, participant.show_card())
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is None or caller.cancelling():
                raise
            # Not our caller was cancelled but the question: the job changed or ended under it.
            raise InputError(Code.JOB_STATE, state="over" if run.phase is Phase.ENDED else "changed") from None
        return CardNumbers(contract, fields)

    async def cancel(self, job_id: str) -> Run:
        """Cancel the job for everybody. Wipes at once, also when central cannot be reached."""
        run = self.get(job_id)
        if run.phase is Phase.ENDED:
            raise InputError(Code.JOB_STATE, state="over")
        run.cancelled_by_owner()
        self._link.send(SiteCancel(job_id))
        await self._end(run, JobState.CANCELLED, Code.JOB_CANCELLED, run.site_id)
        return run

    async def close(self) -> None:
        """Wipe every run: the host is going down."""
        await asyncio.gather(*(self._custody.drop(run) for run in self._runs.values()))
        await self._custody.close()

    # --- what central says ------------------------------------------------------------------------------------------------------------

    def on_opened(self, is_new: bool) -> None:
        """The link is open. A central that does not remember us is told anew how we stand, offer by offer."""
        if is_new:
            for run in self._runs.values():
                run.forgotten()

    def on_message(self, message: CentralToSite) -> None:
        """Take a message of central, without waiting for anything."""
        match message:
            case JobOffer():
                self._on_offer(message)
            case BoardUpdate():
                self._on_board(message)
            case SiteBegin() | SiteRound():
                self._on_question(message)
            case JobEnded():
                self._on_ended(message)
            case JobsOpen():
                self._on_jobs_open(message)

    def forget_all(self) -> None:
        """The site was given another central or another site_id: what the old one offered is void."""
        for run in list(self._runs.values()):
            self._custody.later(self._end(run, JobState.CLOSED, None, ""))
        self._runs = {}

    def _on_offer(self, offer: JobOffer) -> None:
        run = self._runs.get(offer.job_id)
        if run is None:
            self._on_new_offer(offer)
            return
        if run.phase is Phase.ENDED:
            self._on_offer_after_end(run, offer)
            return
        changed = is_other_job(run.offer, offer)
        run.take(offer, self._approval_of(offer))
        if offer.state in OVER:
            self._custody.later(self._end(run, offer.state, None, ""))
        elif changed and run.phase is Phase.RUNNING:
            self._custody.later(self._fail(run, Code.JOB_INVALID))
        else:
            if changed and (run.report is not None or run.is_busy):
                self._void(run)
            if run.is_stated:
                self._custody.later(self._wipe_stated(run))
            self._report(run)

    def _on_new_offer(self, offer: JobOffer) -> None:
        if offer.state in OVER:
            return
        if len(self._runs) >= MAX_RUNS:
            log.warning("run.too_many", limit=MAX_RUNS)
            return
        run = Run(self._site_id(), self.policy, offer, self._approval_of(offer))
        self._runs[run.job_id] = run
        self._note(run, "offered", run.problem)
        self._report(run)

    def _on_offer_after_end(self, run: Run, offer: JobOffer) -> None:
        """Ended here is ended: the most that can happen is that central has to be told again."""
        if run.offered_after_end(offer):
            self._link.send(SiteCancel(run.job_id))

    def _on_board(self, update: BoardUpdate) -> None:
        run = self._runs.get(update.job_id)
        if run is None or run.phase is Phase.ENDED:
            return
        run.update(update)
        if update.state in OVER:
            self._custody.later(self._end(run, update.state, update.code, update.culprit))
        elif run.is_stated:
            self._custody.later(self._wipe_stated(run))

    def _on_question(self, question: SiteBegin | SiteRound) -> None:
        run = self._runs.get(question.job_id)
        responder = self._custody.responder(run) if run is not None else None
        if run is not None and run.is_cancelled_here:
            # Asked before central had read that the owner cancelled. A failure would be told as the reason why the job ended.
            return
        if run is None or responder is None or run.phase not in (Phase.STARTED, Phase.RUNNING):
            self._link.send(SiteFailed(question.job_id, Code.JOB_STATE))
            return
        if run.asked():
            self._note(run, "running")
            self._custody.keep(run, self._limit(run))
        responder.put(question)

    def _on_ended(self, message: JobEnded) -> None:
        run = self._runs.get(message.job_id)
        if run is not None and run.phase is not Phase.ENDED:
            self._custody.later(self._end(run, message.state, message.code, message.culprit))

    def _on_jobs_open(self, message: JobsOpen) -> None:
        for run in self._runs.values():
            if run.job_id not in message.job_ids and run.phase is not Phase.ENDED:
                self._custody.later(self._end(run, JobState.CLOSED, None, ""))

    # --- upload and start -------------------------------------------------------------------------------------------------------------

    async def _operate(self, run: Run, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run an upload or a start as the one operation of its run."""
        run.operation_begins()
        try:
            return await self._custody.operate(run, work())
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is None or caller.cancelling():
                raise
            # Not our caller was cancelled but the operation: the job changed or ended under it.
            raise InputError(Code.JOB_STATE, state="over" if run.phase is Phase.ENDED else "changed by central") from None
        except TidegateError as error:
            run.stopped(error.code, error.details)
            self._note(run, "stopped", error.code)
            raise
        finally:
            run.operation_ended()
            self._report(run)

    async def _upload(self, run: Run, chunks: AsyncIterator[bytes]) -> UploadReport:
        await self._custody.drop(run)
        run.upload_begins()
        self._report(run)
        participant = await self._custody.open(run)
        is_kept = False
        try:
            run.gate_opened(participant.isolation)
            report = await participant.upload(chunks)
            run.uploaded(report)
            if report.is_clean:
                is_kept = True
                self._custody.hold(run, participant)
                self._custody.keep(run, self._await_death(run, participant))
            self._note(run, "uploaded" if is_kept else "upload not clean")
            return report
        finally:
            if not is_kept:
                await self._custody.wipe(participant)

    async def _start(self, run: Run) -> tuple[SourceFinding, ...]:
        # Again: a message of central may have come between the request and this task.
        run.start_begins()
        participant = self._custody.participant(run)
        if participant is None:
            raise InputError(Code.SITE_NO_UPLOAD)
        try:
            proof = self._proof()
            sees_rows = run.approval is not None and run.is_approved and run.approval.sees_rows
            findings = await participant.attach(run.offer.remote_source, proof, rows_reviewed=sees_rows)
        except BaseException:
            # A participant is of no more use after an error.
            await self._custody.drop(run)
            if run.phase is Phase.READY:
                run.void()
            raise
        if findings:
            run.stopped(Code.WORKER_SOURCE)
            self._note(run, "stopped", Code.WORKER_SOURCE)
            return findings
        run.started()
        self._custody.respond(run, Responder(run.job_id, participant, self._link.write, lambda code: self._after_failure(run, code)))
        self._note(run, "started", detail=_describe(participant.isolation.tier, proof))
        return ()

    # --- the end of things ------------------------------------------------------------------------------------------------------------

    async def _await_death(self, run: Run, participant: LocalParticipant) -> None:
        error = await participant.gone()
        if (responder := self._custody.responder(run)) is not None:
            await responder.idle()
        if self._custody.participant(run) is participant:
            await self._fail(run, error.code)

    async def _limit(self, run: Run) -> None:
        """The wall time of a job, counted from the first question."""
        await asyncio.sleep(self.policy.job_seconds)
        await self._fail(run, Code.LIMIT_TIME)

    async def _fail(self, run: Run, code: Code) -> None:
        """Something of ours broke outside a question. Before the job runs the upload is gone; after that the job is."""
        if run.phase is Phase.RUNNING:
            self._link.send(SiteFailed(run.job_id, code))
            await self._after_failure(run, code)
        elif run.phase is not Phase.ENDED:
            run.stopped(code)
            self._note(run, "stopped", code)
            self._void(run)
            self._report(run)

    async def _after_failure(self, run: Run, code: Code) -> None:
        """Central has been told; end it here without waiting for its JobEnded."""
        await self._end(run, JobState.FAILED, code, run.site_id)

    async def _wipe_stated(self, run: Run) -> None:
        """Wipe the rows of a site whose card is in, as central says. Nothing is asked of them any more; the job itself goes on."""
        if self._custody.participant(run) is not None:
            await self._custody.drop(run)
            self._note(run, "card is in, wiped")

    def _void(self, run: Run) -> None:
        """Forget the upload now, wipe it in a moment."""
        run.void()
        self._note(run, "voided")
        self._custody.later(self._custody.drop(run))

    async def _end(self, run: Run, state: JobState, code: Code | None, culprit: str) -> None:
        if run.phase is Phase.ENDED:
            return
        run.ended(state, code, culprit)
        self._note(run, f"ended {state.lower()}", code)
        await self._custody.drop(run)
        self._note(run, "wiped")

    # --- small things -----------------------------------------------------------------------------------------------------------------

    def _approval_of(self, offer: JobOffer) -> Approval | None:
        return self.approvals.find(offer.job_id, offer.digest, offer.spec.digest)

    def _report(self, run: Run) -> None:
        """Tell central how we stand, if that is not what it was told last."""
        status = run.news()
        if status is not None:
            self._link.send(status)

    def _note(self, run: Run, event: str, code: Code | None = None, detail: str = "") -> None:
        self.journal.write(run.job_id, run.offer.name, event, code, detail)


def _describe(tier: str, proof: dict[str, Any] | None) -> str:
    """What locked the worker in, and the last report that proves it, in a line."""
    if proof is None:
        return f"{tier}, no proof was made"
    verdict = "holds" if proof["holds"] else "does NOT hold"
    return f"{tier}; proof of {proof['made_at']} {verdict}: {proof['blocked']} of {proof['deeds']} blocked, {proof['digest'][:16]}"
