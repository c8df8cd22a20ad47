"""Fixtures of the site's tests: a stand-in central and a site, both real servers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from policies import built_in
from remote.app import create_app
from remote.db import open_database
from remote.keys import Keys
from remote.owner.service import OwnerService
from remote.settings import Settings
from sandbox.host.isolation import Isolator
from tests.remote.standin import StandIn, make_stand_in, served

PASSWORD = "correct horse"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A site that was set up."""
    made = Settings(data_dir=tmp_path / "site", ping_seconds=5.0, retry_seconds=0.05, retry_seconds_most=0.2)
    made.data_dir.mkdir(mode=0o700)
    Keys(made.data_dir).create_row_secret()
    database = open_database(made.database)
    OwnerService(database).set_password("olga", PASSWORD)
    database.close()
    return made


@pytest.fixture
async def central(tmp_path: Path) -> AsyncIterator[StandIn]:
    """The stand-in, serving."""
    stand_in = make_stand_in(tmp_path / "central")
    async with served(stand_in.app(), stand_in.tls) as port:
        stand_in.port = port
        yield stand_in


class LazyIsolator(Isolator):
    """Starts no process before a run needs one: most tests need none."""

    async def try_out(self) -> None:
        """Nothing."""


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings, LazyIsolator(built_in("default")))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the served site, not signed in."""
    async with served(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http:
        yield http


@pytest.fixture
async def owner(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same client, signed in as the owner."""
    answer = await client.post("/api/sessions", json={"password": PASSWORD})
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return client


@pytest.fixture
async def enrolled(owner: httpx.AsyncClient, central: StandIn) -> httpx.AsyncClient:
    """The signed-in client of a site that is configured and enrolled at the stand-in."""
    config = {"central_url": central.url, "site_id": "site-a", "ca_fingerprint": central.fingerprint}
    assert (await owner.put("/api/config", json=config)).status_code == 200
    credentials = {"username": "anna", "password": "secret of anna"}
    assert (await owner.post("/api/enrolment", json=credentials)).status_code == 201
    return owner
