"""Central as one ASGI application. Wires objects together; decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from central.accounts.api import router as accounts_api
from central.accounts.mail import Mailer
from central.accounts.passwords import Passwords
from central.accounts.service import AccountService
from central.accounts.tokens import Tokens
from central.authority import TlsFiles
from central.db import Database
from central.hub.api import router as hub_api
from central.hub.hub import Hub
from central.identity import central_id_of
from central.jobs.api import router as jobs_api
from central.jobs.service import JobService
from central.problems import install
from central.processes import Processes
from central.registry.api import router as registry_api
from central.registry.service import Registry
from central.settings import Settings, read_secret
from central.sites.service import SiteService
from central.web.pages import STATIC, page_of
from central.web.pages import router as pages
from central.web.security_txt import router as security_txt
from policies import load_policy
from sandbox.ledger import Ledger
from sandbox.pages.bodies import BodyLimit
from sandbox.pages.headers import SecurityHeaders
from sandbox.pages.origin import OriginCheck
from sandbox.pages.templates import STATIC as SHARED_STATIC

CA_PATH = "/.well-known/tidegate/ca.pem"


def create_app(settings: Settings, tls: TlsFiles, passwords: Passwords | None = None) -> ASGIApp:
    """The application for a data directory that `init` has set up. It answers to the names of the certificate only.

    `passwords` is for tests, which have no time for good hashes.
    """
    policy = load_policy(settings.policy)
    central_id = central_id_of(settings.data_dir)
    database = Database(settings.database)
    ledger = Ledger(settings.ledger_path)
    processes = Processes(settings.blas_threads)
    tokens = Tokens(read_secret(settings.data_dir / "session.key"), central_id)
    accounts = AccountService(settings, database, tokens, Mailer(settings, database), passwords or Passwords(), central_id)
    sites = SiteService(database, accounts, central_id)
    registry = Registry(database, processes, policy)
    hub = Hub(settings, policy.max_frame_bytes)
    jobs = JobService(settings, database, processes, registry, sites, hub, policy, ledger)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(database.upgrade)
        await jobs.start()
        try:
            yield
        finally:
            hub.close()
            await jobs.stop()
            await processes.close()
            ledger.close()
            database.close()

    app = FastAPI(title="Tidegate central", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.state.accounts, app.state.sites, app.state.registry = accounts, sites, registry
    app.state.hub, app.state.jobs, app.state.ledger_path = hub, jobs, settings.ledger_path
    app.state.fingerprint, app.state.security_contact = tls.fingerprint, settings.security_contact
    for router in (accounts_api, registry_api, hub_api, jobs_api, pages, security_txt):
        app.include_router(router)
    app.mount("/static/shared", StaticFiles(directory=SHARED_STATIC))
    app.mount("/static/central", StaticFiles(directory=STATIC))
    install(app, page_of)

    @app.get(CA_PATH, include_in_schema=False)
    async def authority() -> Response:
        return Response(tls.ca_pem, media_type="application/x-pem-file")

    guarded = OriginCheck(BodyLimit(app, _is_upload), tls.names)
    return SecurityHeaders(guarded)


def _is_upload(path: str) -> bool:
    return path.startswith("/api/jobs/") and path.endswith("/data")
