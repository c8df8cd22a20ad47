"""Pages of central: a page fetches what it shows and renders a template; buttons and forms call the API (`/static/shared/pages.js`)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from central.accounts.access import Accounts, Admin, Runner, SignedIn, signed_in
from central.accounts.model import Role
from central.accounts.passwords import MIN_LENGTH
from central.accounts.service import Identity
from central.hub.api import Links
from central.jobs.api import Jobs, LedgerPath, OwnJob, entries_of, receipt_of
from central.jobs.model import Job
from central.jobs.service import JobService
from central.jobs.views import JobSummary, JobView
from central.registry.api import Pairs, PairView
from central.sites.api import Sites
from sandbox.errors import Code, TidegateError
from sandbox.ledger import verify
from sandbox.pages.lines import stretch
from sandbox.pages.reference import operations
from sandbox.pages.templates import make_templates

STATIC: Final = Path(__file__).parent / "static"
BRAND: Final = "Tidegate central"

router = APIRouter(include_in_schema=False)
templates = make_templates(Path(__file__).parent / "templates", brand=BRAND)


def visitor(request: Request) -> Identity | None:
    """Who is signed in, if anybody."""
    try:
        return signed_in(request)
    except TidegateError:
        return None


Visitor = Annotated[Identity | None, Depends(visitor)]


def show(request: Request, name: str, identity: Identity | None, status_code: int = 200, **context: Any) -> Response:
    """A rendered template."""
    shared = {"nav": nav_of(identity), "user": identity.username if identity else "", "path": request.url.path, "identity": identity}
    return templates.TemplateResponse(request, name, {**shared, **context}, status_code=status_code)


def nav_of(identity: Identity | None) -> list[tuple[str, str]]:
    """The pages an account may see."""
    if identity is None:
        return []
    pages = [("/jobs", "Jobs")] if identity.has(Role.RUNNER) or identity.has(Role.ADMIN) else []
    pages += [("/pairs", "Pairs"), ("/sites", "Sites")]
    if identity.has(Role.ADMIN):
        pages += [("/accounts", "Accounts"), ("/mail", "Mail")]
    return pages


def page_of(request: Request, error: TidegateError, status: int) -> Response:
    """The page for a failure; whoever is not signed in is sent to sign in."""
    if error.code is Code.ACCESS_SIGN_IN:
        return RedirectResponse("/sign-in", 303) if request.method == "GET" else Response(status_code=401)
    return show(request, "error.html", None, status, status=status, sentence=error.sentence, remedy=error.remedy, code=error.code.value)


@router.get("/")
def start(identity: Visitor) -> Response:
    """To the first page of the account."""
    return RedirectResponse(nav_of(identity)[0][0] if identity else "/sign-in", 303)


@router.get("/sign-in")
def sign_in(request: Request, identity: Visitor) -> Response:
    """Sign in."""
    return RedirectResponse("/", 303) if identity else show(request, "sign_in.html", None)


@router.get("/register")
def register(request: Request) -> Response:
    """Register."""
    return show(request, "register.html", None, min_length=MIN_LENGTH)


@router.get("/accounts")
def accounts_page(request: Request, identity: Admin, accounts: Accounts) -> Response:
    """Approve and revoke."""
    return show(request, "accounts.html", identity, accounts=accounts.accounts(), roles=list(Role))


@router.get("/mail")
def mail_page(request: Request, identity: Admin, accounts: Accounts) -> Response:
    """Mails that wait to be passed on."""
    return show(request, "mail.html", identity, mails=accounts.mails(), has_server=accounts.mailer.has_server)


@router.get("/sites")
async def sites_page(request: Request, identity: SignedIn, sites: Sites, links: Links) -> Response:
    """Sites and who is online."""
    known = await asyncio.to_thread(sites.sites)
    online = {site.site_id for site in known if links.is_online(site.site_id)}
    return show(request, "sites.html", identity, sites=known, online=online, fingerprint=request.app.state.fingerprint)


@router.get("/pairs")
async def pairs_page(request: Request, identity: SignedIn, pairs: Pairs) -> Response:
    """All pairs, and the upload form for authors."""
    is_author = identity.has(Role.AUTHOR) or identity.has(Role.ADMIN)
    versions = [PairView.of(version) for version in await pairs.versions()]
    return show(request, "pairs.html", identity, pairs=versions, is_author=is_author)


@router.get("/pairs/{digest}")
async def pair_page(request: Request, digest: str, identity: SignedIn, pairs: Pairs) -> Response:
    """One pair with its source."""
    return show(request, "pair.html", identity, pair=PairView.of(await pairs.get(digest)))


@router.get("/jobs")
async def jobs_page(request: Request, identity: Runner, jobs: Jobs, pairs: Pairs) -> Response:
    """All jobs of the account."""
    names = {version.digest: f"{version.name} {version.version}" for version in await pairs.versions()}
    listed = [JobSummary.of(job) for job in await jobs.jobs(identity)]
    return show(request, "jobs.html", identity, jobs=listed, pair_names=names)


@router.get("/jobs/new")
async def new_job_page(request: Request, identity: Runner, pairs: Pairs, sites: Sites, links: Links) -> Response:
    """The form of a new job."""
    known = await asyncio.to_thread(sites.sites)
    online = {site.site_id for site in known if links.is_online(site.site_id)}
    versions = [PairView.of(version) for version in await pairs.versions()]
    return show(request, "new_job.html", identity, sites=known, online=online, pairs=versions)


@router.get("/jobs/{job_id}")
async def job_page(request: Request, job: OwnJob, identity: Runner, jobs: Jobs, links: Links, pairs: Pairs) -> Response:
    """The ready room, the run and the result of a job."""
    pair = PairView.of(await pairs.get(job.pair_digest))
    return show(request, "job.html", identity, job=_view(job, jobs, links), pair=pair)


@router.get("/jobs/{job_id}/live")
async def job_live(request: Request, job: OwnJob, identity: Runner, jobs: Jobs, links: Links) -> Response:
    """The part of the job page that changes."""
    view = _view(job, jobs, links)
    response = show(request, "job_live.html", identity, job=view)
    response.headers["X-State"] = view.state
    return response


@router.get("/jobs/{job_id}/ledger")
async def ledger_page(request: Request, job: OwnJob, identity: Runner, path: LedgerPath, page: int = 1) -> Response:
    """Central's ledger about a job, some lines at a time."""
    entries = await asyncio.to_thread(entries_of, path, job.id)
    verdict = await asyncio.to_thread(verify, path)
    return show(request, "ledger.html", identity, job=job, shown=stretch(entries, page), verdict=verdict)


@router.get("/jobs/{job_id}/receipt")
async def receipt_page(request: Request, job: OwnJob, identity: Runner, path: LedgerPath) -> Response:
    """Central's receipt of a job."""
    return show(request, "receipt.html", identity, receipt=await receipt_of(path, job.id))


@router.get("/api/docs")
def reference(request: Request, identity: Visitor) -> Response:
    """The API, written out."""
    return show(request, "reference.html", identity, operations=operations(request.app.openapi()))


def _view(job: Job, jobs: JobService, links: Links) -> JobView:
    return JobView.build(job, jobs.room(job.id), links.is_online)
