"""Jobs over HTTP: what is offered, and the owner's decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from remote.owner.access import Owner, signed_in
from remote.runs.card_numbers import CardNumbersView
from remote.runs.service import Runs
from remote.runs.view import EventView, RunDetails, RunSummary, RunView
from sandbox.errors import Code
from sandbox.host.parts import part
from sandbox.host.problems import Findings, FindingView, invalid
from sandbox.host.views import ReportView

router = APIRouter(prefix="/api", tags=["jobs"], dependencies=[Depends(signed_in)])
TheseRuns = Annotated[Runs, Depends(part(Runs))]
FORMS = ("multipart/", "application/x-www-form-urlencoded")


class NewApproval(BaseModel):
    """The digest of the bytes you have read."""

    digest: str = Field(max_length=64)
    lets_see_rows: bool = False
    """Also let exactly this code see rows, if it asks for that (`access = "rows"` in its manifest)."""


class Told(BaseModel):
    """What stops a file, as central is told it. `column` is 1-based, 0 when no column is meant."""

    code: str = Field(max_length=64)
    column: int = Field(ge=0)


class Telling(BaseModel):
    """What you were shown: all that stops the file, in its order."""

    findings: list[Told] = Field(max_length=1000)


class Release(BaseModel):
    """Why one more card of the file may leave. It goes into the ledger, with your name."""

    reason: str = Field(min_length=1, max_length=500)


@router.get("/jobs")
async def list_jobs(runs: TheseRuns) -> list[RunSummary]:
    """The jobs central offers this site."""
    return [RunSummary.of(run) for run in runs.all()]


@router.get("/jobs/{job_id}")
async def read_job(job_id: str, runs: TheseRuns) -> RunDetails:
    """One job: what is asked, the pair's sources, the board, this site's own part."""
    run = runs.get(job_id)
    return RunDetails.build(run, runs.approvals.earlier(job_id, run.offer.digest))


@router.get("/jobs/{job_id}/events")
async def read_events(job_id: str, runs: TheseRuns) -> list[EventView]:
    """What happened to a job at this site."""
    return [EventView.of(event) for event in await runs.journal.read(job_id)]


@router.post("/jobs/{job_id}/approve")
async def approve(job_id: str, approval: NewApproval, owner: Owner, runs: TheseRuns) -> RunView:
    """Approve exactly the pair with this digest for this job."""
    return RunView.build(await runs.approve(job_id, approval.digest, owner.name, lets_see_rows=approval.lets_see_rows))


@router.put(
    "/jobs/{job_id}/data",
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def upload(job_id: str, request: Request, runs: TheseRuns) -> ReportView:
    """Stream the data set (the body is the CSV file itself) into the gate; the report says what it found."""
    if request.headers.get("content-type", "").startswith(FORMS):
        raise invalid("the body must be the CSV file itself, not a form")
    return ReportView.of(await runs.upload(job_id, request.stream()))


@router.get("/jobs/{job_id}/card")
async def read_card(job_id: str, runs: TheseRuns) -> CardNumbersView:
    """The numbers that leave this site, before they do: in the units of the file, errors included."""
    return CardNumbersView.of(await runs.show_card(job_id))


@router.post("/jobs/{job_id}/start")
async def start(job_id: str, runs: TheseRuns) -> RunView:
    """Press Start: the pair is locked into a worker, and central may begin when everybody has."""
    findings = await runs.start(job_id)
    if findings:
        raise Findings(Code.WORKER_SOURCE, [FindingView.of_source(finding) for finding in findings])
    return RunView.build(runs.get(job_id))


@router.post("/jobs/{job_id}/tell")
async def tell(job_id: str, telling: Telling, runs: TheseRuns) -> RunView:
    """Tell central what stops this site's file: the codes and columns in the body, which must be what `tells` of the job shows now."""
    return RunView.build(runs.tell(job_id, [(finding.code, finding.column) for finding in telling.findings]))


@router.post("/jobs/{job_id}/release")
async def release(job_id: str, release: Release, owner: Owner, runs: TheseRuns) -> RunView:
    """Let one more card pass, once, of the file that the last upload is a version of: its life stopped it. Upload it again then."""
    return RunView.build(await runs.release(job_id, owner.name, release.reason))


@router.post("/jobs/{job_id}/cancel")
async def cancel(job_id: str, runs: TheseRuns) -> RunView:
    """Cancel the job for everybody and wipe this site's rows at once."""
    return RunView.build(await runs.cancel(job_id))
