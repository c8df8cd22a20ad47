"""Pages of central: a page fetches what it shows and renders a template; buttons and forms call the API (`/static/shared/pages.js`)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from central.accounts.access import Accounts, Admin, Runner, SignedIn, Visitor
from central.accounts.model import Role
from central.accounts.service import Identity
from central.authority import TlsFiles
from central.hub.api import Links
from central.jobs.api import Jobs, OwnJob
from central.jobs.model import Job
from central.jobs.service import JobService
from central.jobs.views import JobSummary, JobView
from central.registry.api import Pairs, PairView
from central.sites.api import Sites
from sandbox.host.pages import Pages, Show
from sandbox.host.parts import part
from sandbox.host.passwords import MIN_LENGTH
from sandbox.host.record import ThisRecord
from sandbox.pages.reference import operations

STATIC: Final = Path(__file__).parent / "static"

router = APIRouter(include_in_schema=False)
Tls = Annotated[TlsFiles, Depends(part(TlsFiles))]


def make_pages() -> Pages:
    """Central's pages."""
    return Pages(Path(__file__).parent / "templates", brand="Tidegate central", frame_of=frame_of)


def frame_of(request: Request) -> dict[str, Any]:
    """What every page shows around its content."""
    identity: Identity | None = getattr(request.state, "identity", None)
    return {"nav": nav_of(identity), "user": identity.username if identity else "", "identity": identity}


def nav_of(identity: Identity | None) -> list[tuple[str, str]]:
    """The pages an account may see."""
    if identity is None:
        return []
    pages = [("/jobs", "Jobs")] if identity.has(Role.RUNNER) or identity.has(Role.ADMIN) else []
    pages += [("/pairs", "Pairs"), ("/sites", "Sites")]
    if identity.has(Role.ADMIN):
        pages += [("/accounts", "Accounts"), ("/mail", "Mail")]
    return pages


@router.get("/")
def start(identity: Visitor) -> Response:
    """To the first page of the account."""
    return RedirectResponse(nav_of(identity)[0][0] if identity else "/sign-in", 303)


@router.get("/sign-in")
def sign_in(show: Show, identity: Visitor) -> Response:
    """Sign in."""
    return RedirectResponse("/", 303) if identity else show("sign_in.html")


@router.get("/register")
def register(show: Show) -> Response:
    """Register."""
    return show("register.html", min_length=MIN_LENGTH)


@router.get("/accounts")
def accounts_page(show: Show, _: Admin, accounts: Accounts) -> Response:
    """Approve and revoke."""
    return show("accounts.html", accounts=accounts.accounts(), roles=list(Role))


@router.get("/mail")
def mail_page(show: Show, _: Admin, accounts: Accounts) -> Response:
    """Mails that wait to be passed on."""
    return show("mail.html", mails=accounts.mails(), has_server=accounts.mailer.has_server)


@router.get("/sites")
async def sites_page(show: Show, _: SignedIn, sites: Sites, links: Links, tls: Tls) -> Response:
    """Sites and who is online."""
    known = await asyncio.to_thread(sites.sites)
    online = {site.site_id for site in known if links.is_online(site.site_id)}
    return show("sites.html", sites=known, online=online, fingerprint=tls.fingerprint)


@router.get("/pairs")
async def pairs_page(show: Show, identity: SignedIn, pairs: Pairs) -> Response:
    """All pairs, and the upload form for authors."""
    is_author = identity.has(Role.AUTHOR) or identity.has(Role.ADMIN)
    versions = [PairView.of(version) for version in await pairs.versions()]
    return show("pairs.html", pairs=versions, is_author=is_author)


@router.get("/pairs/{digest}")
async def pair_page(show: Show, digest: str, _: SignedIn, pairs: Pairs) -> Response:
    """One pair with its source."""
    return show("pair.html", pair=PairView.of(await pairs.get(digest)))


@router.get("/jobs")
async def jobs_page(show: Show, identity: Runner, jobs: Jobs, pairs: Pairs) -> Response:
    """All jobs of the account."""
    names = {version.digest: f"{version.name} {version.version}" for version in await pairs.versions()}
    listed = [JobSummary.of(job) for job in await jobs.jobs(identity)]
    return show("jobs.html", jobs=listed, pair_names=names)


@router.get("/jobs/new")
async def new_job_page(show: Show, _: Runner, pairs: Pairs, sites: Sites, links: Links) -> Response:
    """The form of a new job."""
    known = await asyncio.to_thread(sites.sites)
    online = {site.site_id for site in known if links.is_online(site.site_id)}
    versions = [PairView.of(version) for version in await pairs.versions()]
    return show("new_job.html", sites=known, online=online, pairs=versions)


@router.get("/jobs/{job_id}")
async def job_page(show: Show, job: OwnJob, jobs: Jobs, links: Links, pairs: Pairs) -> Response:
    """The ready room, the run and the result of a job."""
    pair = PairView.of(await pairs.get(job.pair_digest))
    return show("job.html", job=_view(job, jobs, links), pair=pair)


@router.get("/jobs/{job_id}/live")
async def job_live(show: Show, job: OwnJob, jobs: Jobs, links: Links) -> Response:
    """The part of the job page that changes."""
    view = _view(job, jobs, links)
    response = show("job_live.html", job=view)
    response.headers["X-State"] = view.state
    return response


@router.get("/jobs/{job_id}/ledger")
async def ledger_page(show: Show, job: OwnJob, record: ThisRecord, page: int = 1) -> Response:
    """Central's ledger about a job, some lines at a time."""
    return show("ledger.html", title=job.name, home=f"/jobs/{job.id}", place="central's gate", **await record.page(job.id, page))


@router.get("/jobs/{job_id}/receipt")
async def receipt_page(show: Show, job: OwnJob, record: ThisRecord) -> Response:
    """Central's receipt of a job."""
    return show("receipt.html", receipt=await record.receipt(job.id))


@router.get("/api/docs")
def reference(request: Request, show: Show, _: Visitor) -> Response:
    """The API, written out."""
    return show("reference.html", operations=operations(request.app.openapi()))


def _view(job: Job, jobs: JobService, links: Links) -> JobView:
    return JobView.build(job, jobs.room(job.id), links.is_online)
