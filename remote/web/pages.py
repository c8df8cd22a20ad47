"""Routes of the pages: sign in, jobs, one job, its source, its ledger and receipt, configuration, status, proof, API reference."""
# See `remote.owner.api` for why annotations are not postponed here.

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from remote.config.api import config_view
from remote.config.service import ConfigService
from remote.owner.guard import Guard
from remote.owner.service import SignedIn
from remote.probes.service import Proofs
from remote.problems import status_of
from remote.runs.egress import Egress
from remote.runs.service import Runs
from remote.runs.view import run_view, sources_view, summary_view
from remote.status import Status
from sandbox.errors import Code, TidegateError
from sandbox.pages.lines import stretch
from sandbox.pages.reference import operations
from sandbox.pages.templates import STATIC, make_templates

FOLDER: Final = Path(__file__).parent
NAV: Final = (("/jobs", "Jobs"), ("/config", "Configuration"), ("/status", "Status"), ("/api/docs", "API"))


class PageError(Exception):
    """A failure to show as a page; `status` and the error's sentence."""

    def __init__(self, error: TidegateError) -> None:
        self.error = error
        super().__init__(error.code.value)


class Pages:
    """Renders templates with what every page needs."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._templates = make_templates(FOLDER / "templates", brand="Tidegate site")

    def show(self, request: Request, template: str, user: str, status_code: int = 200, **values: Any) -> HTMLResponse:
        """A whole page, or a fragment of one."""
        context = {"nav": NAV if user else (), "user": user, "path": request.url.path, "site": self._status.view(), **values}
        return self._templates.TemplateResponse(request, template, context, status_code=status_code)

    def show_error(self, request: Request, error: TidegateError) -> HTMLResponse:
        """An error as a page."""
        status = status_of(error)
        return self.show(
            request,
            "error.html",
            "",
            status_code=status,
            status=status,
            code=error.code.value,
            sentence=error.sentence,
            remedy=error.remedy,
        )


def make_visitor(guard: Guard) -> Callable[[Request], SignedIn | None]:
    """A dependency: who is signed in, None for nobody."""

    def visitor(request: Request) -> SignedIn | None:
        try:
            return guard(request)
        except TidegateError:
            return None

    return visitor


def make_page_owner(guard: Guard) -> Guard:
    """A dependency: who is signed in; sends everybody else to the sign-in page."""

    def page_owner(request: Request) -> SignedIn:
        try:
            return guard(request)
        except TidegateError as error:
            raise PageError(error) from error

    return page_owner


def install(app: FastAPI, *, pages: Pages, guard: Guard, config: ConfigService, runs: Runs, egress: Egress, proofs: Proofs) -> None:
    """Mount static files and the pages."""
    app.mount("/static/shared", StaticFiles(directory=STATIC), name="shared")
    app.add_exception_handler(PageError, _make_error_page(pages))
    owner = make_page_owner(guard)
    app.include_router(_open_pages(app, pages, make_visitor(guard)))
    app.include_router(_own_pages(pages, owner, config))
    app.include_router(_proof_pages(pages, owner, proofs))
    app.include_router(_list_pages(pages, owner, runs))
    app.include_router(_job_pages(pages, owner, runs, egress))


def _make_error_page(pages: Pages) -> Callable[[Request, Exception], Response]:
    def error_page(request: Request, error: Exception) -> Response:
        if not isinstance(error, PageError):
            raise error
        if error.error.code is not Code.ACCESS_SIGN_IN:
            return pages.show_error(request, error.error)
        # A fragment is fetched by a script, which goes to the sign-in page itself.
        return Response(status_code=401) if request.url.path.endswith("/live") else RedirectResponse("/sign-in", status_code=303)

    return error_page


def _open_pages(app: FastAPI, pages: Pages, visitor: Callable[[Request], SignedIn | None]) -> APIRouter:
    """Pages for everybody who reaches this port."""
    router = APIRouter(include_in_schema=False)
    Visitor = Annotated[SignedIn | None, Depends(visitor)]

    @router.get("/")
    def start() -> Response:
        return RedirectResponse("/jobs", status_code=303)

    @router.get("/sign-in")
    def sign_in(request: Request, user: Visitor) -> Response:
        return RedirectResponse("/jobs", status_code=303) if user else pages.show(request, "sign_in.html", "")

    @router.get("/api/docs")
    def reference(request: Request, user: Visitor) -> Response:
        return pages.show(request, "reference.html", user.name if user else "", operations=operations(app.openapi()))

    return router


def _own_pages(pages: Pages, owner: Guard, config: ConfigService) -> APIRouter:
    """Pages about the site itself."""
    router = APIRouter(include_in_schema=False)
    Owner = Annotated[SignedIn, Depends(owner)]

    @router.get("/config")
    def configuration(request: Request, user: Owner) -> Response:
        return pages.show(request, "config.html", user.name, config=config_view(config.current))

    @router.get("/status")
    def status(request: Request, user: Owner) -> Response:
        return pages.show(request, "status.html", user.name)

    @router.get("/status/live")
    def status_live(request: Request, user: Owner) -> Response:
        return pages.show(request, "status_live.html", user.name)

    return router


def _proof_pages(pages: Pages, owner: Guard, proofs: Proofs) -> APIRouter:
    """The isolation report."""
    router = APIRouter(include_in_schema=False)
    Owner = Annotated[SignedIn, Depends(owner)]

    @router.get("/proof")
    async def proof(request: Request, user: Owner) -> Response:
        return pages.show(request, "proof.html", user.name, proof=proofs.view())

    @router.get("/proof/live")
    async def proof_live(request: Request, user: Owner) -> Response:
        return pages.show(request, "proof_live.html", user.name, proof=proofs.view())

    return router


def _list_pages(pages: Pages, owner: Guard, runs: Runs) -> APIRouter:
    """The list of jobs."""
    router = APIRouter(include_in_schema=False)
    Owner = Annotated[SignedIn, Depends(owner)]

    async def context() -> dict[str, Any]:
        current = runs.all()
        return {
            "runs": [summary_view(run) for run in reversed(current)],
            "past": await runs.journal.last({run.job_id for run in current}),
        }

    @router.get("/jobs")
    async def jobs(request: Request, user: Owner) -> Response:
        return pages.show(request, "jobs.html", user.name, **await context())

    @router.get("/jobs/live")
    async def jobs_live(request: Request, user: Owner) -> Response:
        return pages.show(request, "jobs_live.html", user.name, **await context())

    return router


def _job_pages(pages: Pages, owner: Guard, runs: Runs, egress: Egress) -> APIRouter:
    """Pages about one job."""
    router = APIRouter(include_in_schema=False)
    Owner = Annotated[SignedIn, Depends(owner)]

    async def context(job_id: str) -> dict[str, Any]:
        try:
            run = runs.get(job_id)
        except TidegateError as error:
            raise PageError(error) from error
        view = run_view(run, runs.approvals.earlier(job_id, run.offer.digest))
        return {
            "run": view,
            "rows_access": runs.policy.rows_access,
            "page_state": page_state(view),
            "events": await runs.journal.read(job_id),
        }

    @router.get("/jobs/{job_id}")
    async def job(request: Request, job_id: str, user: Owner) -> Response:
        values = await context(job_id)
        return pages.show(request, "job.html", user.name, sources=sources_view(runs.get(job_id)), **values)

    @router.get("/jobs/{job_id}/live")
    async def job_live(request: Request, job_id: str, user: Owner) -> Response:
        values = await context(job_id)
        answer = pages.show(request, "job_live.html", user.name, **values)
        if not runs.get(job_id).is_busy:
            # During an upload the page must not be loaded anew: that would break the upload off.
            answer.headers["X-State"] = values["page_state"]
        return answer

    @router.get("/jobs/{job_id}/ledger")
    async def ledger(request: Request, job_id: str, user: Owner, page: int = 1) -> Response:
        lines, verdict = await egress.of_job(job_id, limit=None), await egress.verdict()
        return pages.show(request, "ledger.html", user.name, job_id=job_id, shown=stretch(lines, page), verdict=verdict)

    @router.get("/jobs/{job_id}/receipt")
    async def receipt(request: Request, job_id: str, user: Owner) -> Response:
        try:
            found = await egress.receipt(job_id)
        except TidegateError as error:
            raise PageError(error) from error
        return pages.show(request, "receipt.html", user.name, receipt=found)

    return router


def page_state(run: dict[str, Any]) -> str:
    """Changes when the whole page must be loaded anew: its forms depend on it."""
    allowed = " ".join(key for key, value in run["may"].items() if value)
    return f"{run['state'].lower()}, {run['phase']} here ({allowed})" if allowed else f"{run['state'].lower()}, {run['phase']} here"
