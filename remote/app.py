"""Wires a site together: makes every part, hands them to each other, and starts and stops what runs in the background.

Nothing happens at import, and nothing here decides anything. `cli` serves what `create_app` returns; tests build their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from fastapi import Depends, FastAPI

from policies import Policy, load_policy
from remote import status
from remote.approvals.service import Approvals
from remote.config.api import router as config_api
from remote.config.service import ConfigService
from remote.db import open_database
from remote.keys import Keys
from remote.link.address import make_find_address
from remote.link.backoff import Backoff
from remote.link.client import Link
from remote.owner.access import signed_in
from remote.owner.api import router as owner_api
from remote.owner.service import OwnerService
from remote.probes.api import router as probes_api
from remote.probes.service import Proofs
from remote.runs.api import router as runs_api
from remote.runs.custody import Custody
from remote.runs.journal import Journal
from remote.runs.service import Runs
from remote.settings import Settings
from remote.web.pages import make_pages
from remote.web.pages import own_router as own_pages
from remote.web.pages import router as pages
from sandbox.host import record
from sandbox.host.application import make_application
from sandbox.host.database import Database
from sandbox.host.isolation import Isolator
from sandbox.host.record import Record
from sandbox.ledger import Ledger

HOST_NAMES: Final = ("127.0.0.1", "localhost", "::1")
"""What a browser may call this server; any other name is a rebound one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a site is made of."""

    policy: Policy
    isolator: Isolator
    ledger: Ledger
    database: Database
    owner: OwnerService
    config: ConfigService
    journal: Journal
    record: Record
    proofs: Proofs
    runs: Runs
    link: Link


def make_parts(settings: Settings, isolator: Isolator | None) -> Parts:
    """Make every part and hand them to each other. Raises as :func:`create_app`."""
    policy = load_policy(settings.policy)
    isolator = isolator or Isolator(policy)
    # What may fail comes before what must be closed.
    keys = Keys(settings.data_dir)
    row_secret = keys.row_secret()
    ledger = Ledger(settings.ledger)
    database = open_database(settings.database)
    config = ConfigService(database, keys, settings.proxy)
    journal, proofs = Journal(database), Proofs(database, policy)

    link = Link(
        make_find_address(config, keys),
        ping_seconds=settings.ping_seconds,
        backoff=Backoff(settings.retry_seconds, settings.retry_seconds_most),
        proxy=settings.proxy,
        max_frame_bytes=policy.max_frame_bytes,
    )
    runs = Runs(
        policy=policy,
        approvals=Approvals(database),
        journal=journal,
        custody=Custody(isolator, ledger, policy, row_secret),
        site_id=lambda: config.current.site_id if config.current else "",
        link=link,
        proof=proofs.named,
    )

    def on_config_change() -> None:
        runs.forget_all()
        link.reconfigure()

    config.listen(on_config_change)
    owner = OwnerService(database, settings.session_hours, settings.sign_in_attempts_per_minute)
    return Parts(policy, isolator, ledger, database, owner, config, journal, Record(settings.ledger), proofs, runs, link)


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Keep the link open; at the end wipe every run, then close what was opened, in this order."""
    background = [asyncio.create_task(parts.link.run(parts.runs)), asyncio.create_task(parts.isolator.try_out())]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await parts.proofs.close()
        await parts.runs.close()
        await parts.isolator.close()
        await parts.journal.close()
        parts.ledger.close()
        parts.database.close()


def create_app(settings: Settings, isolator: Isolator | None = None) -> FastAPI:
    """The application of a site whose data directory was made by `tidegate-site init`.

    Raises `PolicyError`, `KeyFileError`, or `ValueError` for a ledger whose chain is broken.
    """
    parts = make_parts(settings, isolator)
    state = status.Status(parts.config, parts.link, parts.isolator, parts.policy, parts.proofs)
    app = make_application(
        "Tidegate site",
        lifespan=lambda _: running(parts),
        pages=make_pages(),
        names=HOST_NAMES,
        parts=(parts.owner, parts.config, parts.proofs, parts.runs, parts.record, state),
    )
    for router in (owner_api, config_api, status.router, probes_api, runs_api, pages, own_pages):
        app.include_router(router)
    for router in (record.job_router, record.chain_router):
        app.include_router(router, tags=["jobs"], dependencies=[Depends(signed_in)])
    return app
