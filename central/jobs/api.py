"""HTTP API of jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from central.accounts.access import Runner
from central.accounts.service import Identity
from central.hub.api import Links
from central.jobs.model import Job
from central.jobs.service import JobService, NewJob
from central.jobs.views import JobSummary, JobView
from sandbox.host.parts import part
from sandbox.host.views import ReportView
from sandbox.wire.messages import PlotName

router = APIRouter(prefix="/api", tags=["jobs"])


Jobs = Annotated[JobService, Depends(part(JobService))]


def runner(identity: Runner) -> Identity:
    """A dependency of routes that need a runner, whoever it is."""
    return identity


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


@router.get("/jobs/{job_id}/result", response_class=StreamingResponse, responses={200: {"content": {"application/zip": {}}}})
async def download(job: OwnJob, jobs: Jobs) -> StreamingResponse:
    """The zip with the completed data sets, streamed from the gate. May be repeated until the job is closed or expires."""
    headers = {"Content-Disposition": f'attachment; filename="tidegate-{job.id}.zip"'}
    return StreamingResponse(jobs.result(job), media_type="application/zip", headers=headers)


@router.get("/jobs/{job_id}/plots/{name}.svg", response_class=StreamingResponse, responses={200: {"content": {"image/svg+xml": {}}}})
async def plot(name: PlotName, job: OwnJob, jobs: Jobs) -> StreamingResponse:
    """A picture of the result, drawn by the gate from central's data: trace, density or missingness. Gone when the job is closed."""
    return StreamingResponse(jobs.plot(job, name), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
