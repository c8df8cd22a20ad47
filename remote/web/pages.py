"""Pages of a site: sign in, jobs, one job, its source, its ledger and receipt, configuration, status, proof, API reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from remote.config.api import Config, ConfigView
from remote.owner.access import Visitor, signed_in
from remote.owner.service import SignedIn
from remote.probes.api import ProofView, TheseProofs
from remote.runs.api import TheseRuns
from remote.runs.card_numbers import sections
from remote.runs.service import Runs
from remote.runs.view import RunSummary, RunView, SourcesView
from remote.status import Status
from sandbox.host.pages import Pages, Show
from sandbox.host.parts import part
from sandbox.host.record import ThisRecord
from sandbox.pages.reference import operations

NAV: Final = (("/jobs", "Jobs"), ("/config", "Configuration"), ("/status", "Status"), ("/api/docs", "API"))

router = APIRouter(include_in_schema=False)
"""Pages for everybody who reaches this port."""
own_router = APIRouter(include_in_schema=False, dependencies=[Depends(signed_in)])
"""Pages for the owner."""


def make_pages() -> Pages:
    """The pages of a site."""
    return Pages(Path(__file__).parent / "templates", brand="Tidegate site", frame_of=frame_of)


def frame_of(request: Request) -> dict[str, Any]:
    """What every page shows around its content; `site` is how this site stands."""
    owner: SignedIn | None = getattr(request.state, "owner", None)
    return {"nav": NAV if owner else (), "user": owner.name if owner else "", "site": part(Status)(request).view()}


@router.get("/")
def start() -> Response:
    """To the jobs."""
    return RedirectResponse("/jobs", status_code=303)


@router.get("/sign-in")
def sign_in(show: Show, owner: Visitor) -> Response:
    """Sign in."""
    return RedirectResponse("/jobs", status_code=303) if owner else show("sign_in.html")


@router.get("/api/docs")
def reference(request: Request, show: Show, _: Visitor) -> Response:
    """The API, written out."""
    return show("reference.html", operations=operations(request.app.openapi()))


@own_router.get("/config")
def configuration(show: Show, config: Config) -> Response:
    """Where central is, and enrolment."""
    return show("config.html", config=ConfigView.of(config.current))


@own_router.get("/status")
def status(show: Show) -> Response:
    """Link, isolation, policy."""
    return show("status.html")


@own_router.get("/status/live")
def status_live(show: Show) -> Response:
    """The part of the status page that changes."""
    return show("status_live.html")


@own_router.get("/proof")
async def proof(show: Show, proofs: TheseProofs) -> Response:
    """The isolation report."""
    return show("proof.html", proof=ProofView.of(proofs))


@own_router.get("/proof/live")
async def proof_live(show: Show, proofs: TheseProofs) -> Response:
    """The part of the isolation report that changes."""
    return show("proof_live.html", proof=ProofView.of(proofs))


@own_router.get("/jobs")
async def jobs(show: Show, runs: TheseRuns) -> Response:
    """The jobs central offers, and the last event of those that it does not offer any more."""
    return show("jobs.html", **await _lists(runs))


@own_router.get("/jobs/live")
async def jobs_live(show: Show, runs: TheseRuns) -> Response:
    """The part of the list that changes."""
    return show("jobs_live.html", **await _lists(runs))


@own_router.get("/jobs/{job_id}")
async def job(show: Show, job_id: str, runs: TheseRuns) -> Response:
    """One job: decisions, upload, sources."""
    values = await _job(runs, job_id)
    return show("job.html", sources=SourcesView.of(runs.get(job_id)), **values)


@own_router.get("/jobs/{job_id}/live")
async def job_live(show: Show, job_id: str, runs: TheseRuns) -> Response:
    """The part of a job's page that changes."""
    values = await _job(runs, job_id)
    answer = show("job_live.html", **values)
    if not runs.get(job_id).is_busy:
        # During an upload the page must not be loaded anew: that would break the upload off.
        answer.headers["X-State"] = values["page_state"]
    return answer


@own_router.get("/jobs/{job_id}/card")
async def card(show: Show, job_id: str, runs: TheseRuns) -> Response:
    """The numbers that leave this site, part by part."""
    run = runs.get(job_id)
    numbers = await runs.show_card(job_id)
    return show("card.html", run=RunView.build(run), sections=sections(numbers))


@own_router.get("/jobs/{job_id}/ledger")
async def ledger(show: Show, job_id: str, record: ThisRecord, page: int = 1) -> Response:
    """This site's ledger about a job, some lines at a time. The job may be one of earlier days."""
    return show("ledger.html", title=f"job {job_id}", home="/jobs", place="this site", **await record.page(job_id, page))


@own_router.get("/jobs/{job_id}/receipt")
async def receipt(show: Show, job_id: str, record: ThisRecord) -> Response:
    """This site's receipt of a job."""
    return show("receipt.html", receipt=await record.receipt(job_id))


async def _lists(runs: Runs) -> dict[str, Any]:
    current = runs.all()
    return {
        "runs": [RunSummary.of(run) for run in reversed(current)],
        "past": await runs.journal.last({run.job_id for run in current}),
    }


async def _job(runs: Runs, job_id: str) -> dict[str, Any]:
    run = runs.get(job_id)
    view = RunView.build(run, runs.approvals.earlier(job_id, run.offer.digest))
    return {
        "run": view,
        "telling": {"findings": [told.model_dump() for told in view.tells]},
        "rows_access": runs.policy.rows_access,
        "states_card": view.access == "blind" and runs.policy.points != "exact",
        "page_state": page_state(view),
        "events": await runs.journal.read(job_id),
    }


def page_state(run: RunView) -> str:
    """Changes when the whole page must be loaded anew: its forms depend on it."""
    allowed = " ".join(key for key, value in run.may.model_dump().items() if value and key != "show_card")
    return f"{run.state.lower()}, {run.phase} here ({allowed})" if allowed else f"{run.state.lower()}, {run.phase} here"
