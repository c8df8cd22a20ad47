"""Central as one ASGI application. Wires objects together; decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import Depends, FastAPI
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from central.accounts.api import router as accounts_api
from central.accounts.mail import Mailer
from central.accounts.service import AccountService
from central.accounts.tokens import Tokens
from central.authority import TlsFiles
from central.db import open_database
from central.hub.api import router as hub_api
from central.hub.hub import Hub
from central.identity import central_id_of
from central.jobs.api import own_job, runner
from central.jobs.api import router as jobs_api
from central.jobs.service import JobService
from central.registry.api import router as registry_api
from central.registry.service import Registry
from central.settings import Settings, read_secret
from central.sites.service import SiteService
from central.web.pages import STATIC, make_pages
from central.web.pages import router as pages
from central.web.security_txt import SecurityContact
from central.web.security_txt import router as security_txt
from policies import load_policy
from sandbox.host import record
from sandbox.host.application import make_application
from sandbox.host.isolation import Isolator
from sandbox.host.parts import part
from sandbox.host.passwords import Passwords
from sandbox.host.record import Record
from sandbox.ledger import Ledger

CA_PATH: Final = "/.well-known/tidegate/ca.pem"


def create_app(settings: Settings, tls: TlsFiles, passwords: Passwords | None = None) -> FastAPI:
    """The application for a data directory that `init` has set up. It answers to the names of the certificate only.

    `passwords` is for tests, which have no time for good hashes.
    """
    policy = load_policy(settings.policy)
    central_id = central_id_of(settings.data_dir)
    database = open_database(settings.database)
    ledger = Ledger(settings.ledger_path)
    isolator = Isolator(policy, settings.blas_threads)
    tokens = Tokens(read_secret(settings.data_dir / "session.key"), central_id)
    accounts = AccountService(settings, database, tokens, Mailer(settings, database), passwords or Passwords(), central_id)
    sites = SiteService(database, accounts, central_id)
    registry = Registry(database, isolator, policy)
    hub = Hub(settings, policy.max_frame_bytes)
    jobs = JobService(settings, database, isolator, registry, sites, hub, policy, ledger)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(database.upgrade)
        await jobs.start()
        try:
            yield
        finally:
            hub.close()
            await jobs.stop()
            await isolator.close()
            ledger.close()
            database.close()

    parts = (accounts, sites, registry, hub, jobs, Record(settings.ledger_path), tls, SecurityContact(settings.security_contact))
    app = make_application("Tidegate central", lifespan=lifespan, pages=make_pages(), names=tls.names, parts=parts)
    for router in (accounts_api, registry_api, hub_api, jobs_api, pages, security_txt):
        app.include_router(router)
    app.include_router(record.job_router, tags=["jobs"], dependencies=[Depends(own_job)])
    app.include_router(record.chain_router, tags=["jobs"], dependencies=[Depends(runner)])
    app.mount("/static/central", StaticFiles(directory=STATIC))
    app.get(CA_PATH, include_in_schema=False)(read_authority)
    return app


def read_authority(tls: Annotated[TlsFiles, Depends(part(TlsFiles))]) -> Response:
    """The authority's certificate; a site accepts it by its fingerprint."""
    return Response(tls.ca_pem, media_type="application/x-pem-file")
