"""Jobs over HTTP: what is offered, and the owner's decisions."""
# See `remote.owner.api` for why annotations are not postponed here.

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field

from remote.owner.guard import Guard
from remote.owner.service import SignedIn
from remote.problems import problem, source_finding_view
from remote.runs.egress import Egress
from remote.runs.service import Runs
from remote.runs.view import report_view, run_view, sources_view, summary_view
from sandbox.errors import Code, InputError
from sandbox.receipt import as_text


class ApprovalIn(BaseModel):
    """The digest of the bytes you have read."""

    digest: str = Field(max_length=64)
    lets_see_rows: bool = False
    """Also let exactly this code see rows, if it asks for that (`access = "rows"` in its manifest)."""


class VerdictOut(BaseModel):
    """Whether the ledger's chain holds; `broken_line` is 0 when it does."""

    holds: bool
    n_lines: int
    broken_line: int
    last_hash: str


def make_router(runs: Runs, egress: Egress, guard: Guard) -> APIRouter:
    """Routes of the jobs and the ledger."""
    router = APIRouter(prefix="/api", tags=["jobs"], dependencies=[Depends(guard)])
    _add_readings(router, runs, egress)
    _add_decisions(router, runs, guard)
    return router


def _add_readings(router: APIRouter, runs: Runs, egress: Egress) -> None:
    @router.get("/jobs")
    async def list_jobs() -> list[dict[str, Any]]:
        """The jobs central offers this site."""
        return [summary_view(run) for run in runs.all()]

    @router.get("/jobs/{job_id}")
    async def read_job(job_id: str) -> dict[str, Any]:
        """One job: what is asked, the pair's sources, the board, this site's own part."""
        run = runs.get(job_id)
        earlier = runs.approvals.earlier(job_id, run.offer.digest)
        return {**run_view(run, earlier), "sources": sources_view(run)}

    @router.get("/jobs/{job_id}/events")
    async def read_events(job_id: str) -> list[dict[str, str]]:
        """What happened to a job at this site."""
        return [
            {"at": event.at.isoformat(timespec="seconds"), "event": event.event, "code": event.code, "detail": event.detail}
            for event in await runs.journal.read(job_id)
        ]

    @router.get("/jobs/{job_id}/ledger")
    async def read_ledger(job_id: str) -> list[dict[str, Any]]:
        """What left this site in a job, or was refused."""
        return await egress.of_job(job_id)

    @router.get("/jobs/{job_id}/receipt")
    async def read_job_receipt(job_id: str) -> dict[str, Any]:
        """What left in a job, on one page: how much, under which rules and code, what was refused, what was wiped."""
        return (await egress.receipt(job_id)).as_dict()

    @router.get("/jobs/{job_id}/receipt.txt")
    async def read_receipt_text(job_id: str) -> PlainTextResponse:
        """The receipt as text."""
        return PlainTextResponse(as_text(await egress.receipt(job_id)))

    @router.get("/ledger/verdict")
    async def read_verdict() -> VerdictOut:
        """Whether the ledger was tampered with."""
        verdict = await egress.verdict()
        return VerdictOut(holds=verdict.holds, n_lines=verdict.n_lines, broken_line=verdict.broken_line, last_hash=verdict.last_hash)


def _add_decisions(router: APIRouter, runs: Runs, guard: Guard) -> None:
    Owner = Annotated[SignedIn, Depends(guard)]

    @router.post("/jobs/{job_id}/approve")
    async def approve(job_id: str, body: ApprovalIn, owner: Owner) -> dict[str, Any]:
        """Approve exactly the pair with this digest for this job."""
        return run_view(await runs.approve(job_id, body.digest, owner.name, lets_see_rows=body.lets_see_rows))

    @router.put("/jobs/{job_id}/data")
    async def upload(job_id: str, request: Request) -> dict[str, Any]:
        """Stream the data set (the body is the CSV file itself) into the gate; the report says what it found."""
        if request.headers.get("content-type", "").startswith(("multipart/", "application/x-www-form-urlencoded")):
            raise InputError(Code.REQUEST_INVALID, reason="the body must be the CSV file itself, not a form")
        return report_view(await runs.upload(job_id, request.stream())) or {}

    @router.post("/jobs/{job_id}/start", response_model=None)
    async def start(job_id: str) -> JSONResponse | dict[str, Any]:
        """Press Start: the pair is locked into a worker, and central may begin when everybody has."""
        findings = await runs.start(job_id)
        if findings:
            return problem(InputError(Code.WORKER_SOURCE), [source_finding_view(finding) for finding in findings])
        return run_view(runs.get(job_id))

    @router.post("/jobs/{job_id}/cancel")
    async def cancel(job_id: str) -> dict[str, Any]:
        """Cancel the job for everybody and wipe this site's rows at once."""
        return run_view(await runs.cancel(job_id))
