"""HTTP API of jobs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

from central.accounts.access import Runner
from central.hub.api import Links
from central.jobs.model import Job
from central.jobs.service import JobService, NewJob
from central.jobs.views import JobSummary, JobView, ReportView
from sandbox.errors import Code, InputError
from sandbox.ledger import entries, verify
from sandbox.receipt import Receipt, as_text, read_receipt
from sandbox.wire.messages import PlotName

router = APIRouter(prefix="/api", tags=["jobs"])


def job_service(request: Request) -> JobService:
    """The service that the application was built with."""
    return cast(JobService, request.app.state.jobs)


def ledger_path(request: Request) -> Path:
    """Where the ledger of this host is."""
    return cast(Path, request.app.state.ledger_path)


Jobs = Annotated[JobService, Depends(job_service)]
LedgerPath = Annotated[Path, Depends(ledger_path)]


async def own_job(job_id: str, identity: Runner, jobs: Jobs) -> Job:
    """The job in the path, if it is the caller's."""
    return await jobs.get(identity, job_id)


OwnJob = Annotated[Job, Depends(own_job)]


class JobRequest(BaseModel):
    """A new job. `spec` has the keys of job.toml."""

    name: str = Field(min_length=1, max_length=200)
    pair: str = Field(pattern=r"^[0-9a-f]{64}$")
    participants: list[str] = Field(default=[], max_length=1000)
    spec: dict[str, Any]


class VerdictView(BaseModel):
    """Whether the ledger's chain holds."""

    holds: bool
    n_lines: int
    broken_line: int
    last_hash: str


@router.get("/jobs")
async def list_jobs(identity: Runner, jobs: Jobs) -> list[JobSummary]:
    """Your jobs, the newest first; all jobs for an administrator."""
    return [JobSummary.of(job) for job in await jobs.jobs(identity)]


@router.post("/jobs", status_code=201)
async def create_job(new: JobRequest, identity: Runner, jobs: Jobs, links: Links) -> JobView:
    """Make a draft; what is wrong with it is said at once."""
    job = await jobs.create(identity, NewJob(new.name, new.pair, tuple(new.participants), new.spec))
    return JobView.build(job, None, links.is_online)


@router.get("/jobs/{job_id}")
async def get_job(job: OwnJob, jobs: Jobs, links: Links) -> JobView:
    """A job: state, ready board, progress, contract, what central's gate found, and how it ended."""
    return JobView.build(job, jobs.room(job.id), links.is_online)


@router.post("/jobs/{job_id}/open")
async def open_job(job: OwnJob, jobs: Jobs, links: Links) -> JobView:
    """Open the ready room: the sites are asked to take part."""
    return JobView.build(await jobs.open(job), jobs.room(job.id), links.is_online)


@router.put(
    "/jobs/{job_id}/data",
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def upload(job: OwnJob, request: Request, jobs: Jobs) -> ReportView:
    """Upload central's CSV as the raw body. It is streamed into the gate and never stored; may be repeated until the run."""
    return ReportView.of(await jobs.upload(job, request.stream()))


@router.post("/jobs/{job_id}/start")
async def start_job(job: OwnJob, jobs: Jobs, links: Links) -> JobView:
    """Press Start for central. The job runs when every site has, too."""
    await jobs.start_central(job)
    return JobView.build(job, jobs.room(job.id), links.is_online)


@router.post("/jobs/{job_id}/cancel")
async def cancel_job(job: OwnJob, jobs: Jobs) -> JobSummary:
    """End the job for all; everything is wiped."""
    return JobSummary.of(await jobs.cancel(job))


@router.post("/jobs/{job_id}/close")
async def close_job(job: OwnJob, jobs: Jobs) -> JobSummary:
    """Close a finished job; the result is wiped."""
    return JobSummary.of(await jobs.close(job))


@router.get("/jobs/{job_id}/result", response_class=StreamingResponse)
async def download(job: OwnJob, jobs: Jobs) -> StreamingResponse:
    """The zip with the completed data sets, streamed from the gate. May be repeated until the job is closed or expires."""
    headers = {"Content-Disposition": f'attachment; filename="tidegate-{job.id}.zip"'}
    return StreamingResponse(jobs.result(job), media_type="application/zip", headers=headers)


@router.get("/jobs/{job_id}/plots/{name}.svg", response_class=StreamingResponse)
async def plot(name: PlotName, job: OwnJob, jobs: Jobs) -> StreamingResponse:
    """A picture of the result, drawn by the gate from central's data: trace, density or missingness. Gone when the job is closed."""
    return StreamingResponse(jobs.plot(job, name), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})


@router.get("/jobs/{job_id}/ledger")
async def job_ledger(job: OwnJob, path: LedgerPath) -> list[dict[str, Any]]:
    """The lines of central's ledger about this job."""
    return await asyncio.to_thread(entries_of, path, job.id)


@router.get("/ledger/verdict")
async def ledger_verdict(_: Runner, path: LedgerPath) -> VerdictView:
    """Check the hash chain of central's ledger."""
    verdict = await asyncio.to_thread(verify, path)
    return VerdictView(holds=verdict.holds, n_lines=verdict.n_lines, broken_line=verdict.broken_line, last_hash=verdict.last_hash)


@router.get("/jobs/{job_id}/receipt")
async def job_receipt(job: OwnJob, path: LedgerPath) -> dict[str, Any]:
    """What left central's gate in this job, on one page."""
    return (await receipt_of(path, job.id)).as_dict()


@router.get("/jobs/{job_id}/receipt.txt")
async def job_receipt_text(job: OwnJob, path: LedgerPath) -> PlainTextResponse:
    """The receipt as text."""
    return PlainTextResponse(as_text(await receipt_of(path, job.id)))


async def receipt_of(path: Path, job_id: str) -> Receipt:
    """The receipt of a job. Raises :class:`InputError` when the ledger has no line about it."""
    found = await asyncio.to_thread(read_receipt, path, job_id)
    if found is None:
        raise InputError(Code.REQUEST_NOT_FOUND, what="receipt")
    return found


def entries_of(path: Path, job_id: str) -> list[dict[str, Any]]:
    """The ledger's entries about a job. Blocking."""
    return list(entries(path, job_id))
