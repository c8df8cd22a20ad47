"""A run as the API answers it and the pages show it. Pure: models of what `service` holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

import msgspec
from pydantic import BaseModel

from remote.approvals.model import Approval
from remote.runs.model import RunEvent
from remote.runs.phase import Phase
from remote.runs.run import Run
from sandbox.errors import InputError
from sandbox.host.problems import Explanation, FindingView
from sandbox.host.views import ContractView, ProgressView, ReportView, RowView, View
from sandbox.job import n_sweeps
from sandbox.manifest import CHAINS


class MayView(BaseModel):
    """What the owner may do now."""

    approve: bool
    upload: bool
    start: bool
    tell: bool
    release: bool
    show_card: bool
    cancel: bool

    @classmethod
    def of(cls, run: Run) -> Self:
        """What may be done with a run."""
        is_free = run.is_open and not run.is_busy
        may_upload = is_free and run.is_approved and run.offer.contract is not None
        return cls(
            approve=run.is_open and not run.is_approved and run.pair is not None and run.problem is None,
            upload=may_upload,
            start=may_upload and run.phase is Phase.READY,
            tell=is_free and bool(run.stops) and run.told != run.stops,
            release=_may(run.check_may_release),
            show_card=_may(run.check_may_show_card),
            cancel=run.phase is not Phase.ENDED,
        )


class RunSummary(BaseModel):
    """A job in the list. `state` is central's, `phase` is this site's; `next` says what is to be done, and by whom."""

    id: str
    name: str
    state: str
    phase: str
    pair: str
    digest: str
    is_approved: bool
    next: str

    @classmethod
    def fields(cls, run: Run) -> dict[str, Any]:
        """What the list shows."""
        return {
            "id": run.job_id,
            "name": run.offer.name,
            "state": run.state,
            "phase": run.phase.value,
            "pair": f"{run.pair.manifest.name} {run.pair.manifest.version}" if run.pair else "",
            "digest": run.pair.digest if run.pair else "",
            "is_approved": run.is_approved,
            "next": next_step(run),
        }

    @classmethod
    def of(cls, run: Run) -> Self:
        """The view of a run in the list."""
        return cls(**cls.fields(run))


class ApprovalView(BaseModel):
    """Who approved which job's pair, and when."""

    job: str
    by: str
    at: datetime

    @classmethod
    def of(cls, approval: Approval | None) -> Self | None:
        """The view of an approval, if there is one."""
        return None if approval is None else cls(job=approval.job_id, by=approval.approved_by, at=approval.approved_at)


class ChainsView(BaseModel):
    """What the chains of a job come to: each asks about the same rows and needs room for them."""

    number: int
    limit: int
    iterations: int

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """The chains of a job; None for a pair that has none."""
        if run.pair is None or CHAINS not in run.pair.manifest.parameters.properties:
            return None
        spec, manifest = run.offer.spec, run.pair.manifest
        iterations = sum(n_sweeps(spec, manifest, chain) for chain in range(spec.chains))
        return cls(number=spec.chains, limit=run.policy.max_chains, iterations=iterations)


class ToldView(View):
    """One thing that stops the file, as central is told it: a code and a 1-based column, 0 when no column is meant."""

    code: str
    column: int


class LayersView(View):
    """What locks a child in, as its self-test found."""

    tier: str
    landlock_abi: int
    seccomp: bool
    uid: int
    memory_locked: bool
    namespaces: bool


class EndView(Explanation):
    """How a job ended, and who ended it."""

    culprit: str


class SourcesView(BaseModel):
    """The three files of the pair as text; bytes that are not UTF-8 show as replacement characters (and cannot be approved)."""

    manifest: str
    central: str
    remote: str

    @classmethod
    def of(cls, run: Run) -> Self:
        """The files of a run's pair."""
        offer = run.offer
        manifest, central, remote = (data.decode(errors="replace") for data in (offer.manifest, offer.central_source, offer.remote_source))
        return cls(manifest=manifest, central=central, remote=remote)


class RunView(RunSummary):
    """Everything about a job at this site but its sources. `spec` has the keys of job.toml, `status` is what central is told.

    `tells` is what central would be told of what stops the file, by an act of the owner; `is_told`: it was.
    `is_released`: the owner has let one more card pass, and the next upload makes use of it.
    """

    title: str
    access: str
    reference: str
    problem: Explanation
    approval: ApprovalView | None
    approved_before: ApprovalView | None
    spec: dict[str, Any]
    chains: ChainsView | None
    contract: ContractView | None
    participants: list[str]
    board: list[RowView]
    progress: ProgressView
    report: ReportView | None
    trouble: FindingView | None
    tells: list[ToldView]
    is_told: bool
    is_released: bool
    isolation: LayersView | None
    end: EndView
    is_stated: bool
    status: dict[str, Any]
    may: MayView

    @classmethod
    def fields_of(cls, run: Run, earlier: Approval | None) -> dict[str, Any]:
        """What the view of a run says; `earlier` is an approval of the same bytes for another job."""
        manifest = run.pair.manifest if run.pair else None
        return {
            **cls.fields(run),
            "title": manifest.title if manifest else "",
            "access": manifest.access if manifest else "",
            "reference": manifest.reference if manifest else "",
            "problem": Explanation.of(run.problem, {"found": run.offer.spec.chains, "limit": run.policy.max_chains}),
            "approval": ApprovalView.of(run.approval),
            "approved_before": ApprovalView.of(earlier),
            "spec": msgspec.to_builtins(run.offer.spec),
            "chains": ChainsView.of(run),
            "contract": ContractView.of(run.offer.contract) if run.offer.contract else None,
            "participants": list(run.offer.participants),
            "board": [RowView.of(row) for row in run.board],
            "progress": ProgressView.model_validate(run.progress),
            "report": ReportView.of(run.report) if run.report else None,
            "trouble": FindingView.of(run.trouble) if run.trouble else None,
            "tells": [ToldView(code=finding.code.value, column=finding.column) for finding in run.stops],
            "is_told": bool(run.told),
            "is_released": run.is_released,
            "isolation": LayersView.model_validate(run.isolation) if run.isolation else None,
            "end": EndView(**Explanation.of(run.code).model_dump(), culprit=run.culprit),
            "is_stated": run.is_stated,
            "status": msgspec.to_builtins(run.status()),
            "may": MayView.of(run),
        }

    @classmethod
    def build(cls, run: Run, earlier: Approval | None = None) -> Self:
        """The view of a run; `earlier` is an approval of the same bytes for another job."""
        return cls(**cls.fields_of(run, earlier))


class RunDetails(RunView):
    """A job at this site with the sources of its pair."""

    sources: SourcesView

    @classmethod
    def build(cls, run: Run, earlier: Approval | None = None) -> Self:
        """The view of a run with its sources."""
        return cls(**cls.fields_of(run, earlier), sources=SourcesView.of(run))


class EventView(View):
    """Something that happened to a job at this site."""

    at: datetime
    event: str
    code: str
    detail: str

    @classmethod
    def of(cls, event: RunEvent) -> Self:
        """The view of an event."""
        return cls.model_validate(event)


def next_step(run: Run) -> str:
    """What is to be done next, and by whom."""
    if run.phase is Phase.ENDED:
        return "Nothing: the job is over here and its rows are wiped."
    if run.problem is not None:
        return "Nothing can be approved: central's offer is not what it says it is."
    if run.is_stated:
        return "Nothing: your card has left, and the rows are wiped."
    if run.phase is Phase.RUNNING:
        return "Nothing: the job is running."
    if run.phase is Phase.STARTED:
        return "Wait: the job begins when everybody has pressed Start."
    if run.is_busy:
        return "Wait: an upload or a start is under way."
    if run.phase is Phase.READY:
        return "Press Start."
    if not run.is_approved:
        return "Read the pair's source and approve it."
    if run.offer.contract is None:
        return "Wait: central has not uploaded its data yet."
    return _next_upload(run)


def _next_upload(run: Run) -> str:
    if run.report is None:
        return "Upload the data set."
    if run.is_released:
        return "Upload the same file again: one more card of it may leave."
    return "Correct the data set and upload it again."


def _may(check: Callable[[], object]) -> bool:
    try:
        check()
    except InputError:
        return False
    return True
