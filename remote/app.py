"""Wires a site together: makes every part, hands them to each other, and starts and stops what runs in the background.

Nothing happens at import, and nothing here decides anything. `cli` serves what `create_app` returns; tests build their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI

from policies import Policy, load_policy
from remote import problems, status
from remote.approvals.service import Approvals
from remote.config import api as config_api
from remote.config.service import ConfigService
from remote.db import Database
from remote.keys import Keys
from remote.link.address import make_find_address
from remote.link.backoff import Backoff
from remote.link.client import Link
from remote.owner import api as owner_api
from remote.owner.guard import make_guard
from remote.owner.service import OwnerService
from remote.probes import api as probes_api
from remote.probes.service import Proofs
from remote.runs import api as runs_api
from remote.runs.custody import Custody
from remote.runs.egress import Egress
from remote.runs.isolation import Isolator
from remote.runs.journal import Journal
from remote.runs.service import Runs
from remote.settings import Settings
from remote.web import pages
from sandbox.ledger import Ledger
from sandbox.pages.bodies import BodyLimit
from sandbox.pages.headers import SecurityHeaders
from sandbox.pages.origin import OriginCheck

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
    egress: Egress
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
    database = Database(settings.database)
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

    config.on_change = on_config_change
    owner = OwnerService(database, settings.session_hours, settings.sign_in_attempts_per_minute)
    return Parts(policy, isolator, ledger, database, owner, config, journal, Egress(settings.ledger), proofs, runs, link)


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
    config, runs, egress, proofs = parts.config, parts.runs, parts.egress, parts.proofs
    app = FastAPI(
        title="Tidegate site",
        version=version("tidegate"),
        lifespan=lambda _: running(parts),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    guard = make_guard(parts.owner)
    state = status.Status(config, parts.link, parts.isolator, parts.policy, proofs)
    problems.install(app)
    app.include_router(owner_api.make_router(parts.owner, guard, settings.session_hours))
    app.include_router(config_api.make_router(config, guard))
    app.include_router(status.make_router(state, guard))
    app.include_router(probes_api.make_router(proofs, guard))
    app.include_router(runs_api.make_router(runs, egress, guard))
    pages.install(app, pages=pages.Pages(state), guard=guard, config=config, runs=runs, egress=egress, proofs=proofs)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, is_stream=lambda path: path.endswith("/data"))
    app.add_middleware(OriginCheck, names=HOST_NAMES)
    app.add_middleware(SecurityHeaders)
    return app
