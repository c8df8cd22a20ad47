"""Fixtures of central's tests: a served central, an administrator, sites."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from central.settings import Settings
from sandbox.supervisor import Supervisor
from tests.central.postgresql import cluster, programs
from tests.central.serving import Person, Served, serve, set_up
from tests.central.site_client import SiteClient

FOLDER = Path(__file__).parent
MakeSite = Callable[[str], Awaitable[SiteClient]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all tests of this folder: they share a central and the sites' processes."""
    for item in items:
        if isinstance(item, pytest.Function) and item.path.parent == FOLDER and inspect.iscoroutinefunction(item.function):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as `init` leaves it, made once."""
    folder = tmp_path_factory.mktemp("template") / "central"
    set_up(Settings(data_dir=folder))
    return folder


@pytest.fixture(scope="session")
def new_postgresql() -> Iterator[Callable[[], str]]:
    """Makes empty databases at a PostgreSQL."""
    where = programs()
    if where is None:
        if os.environ.get("TIDEGATE_NO_SKIP") == "1":
            pytest.fail("no PostgreSQL on this machine; in CI this does not skip")
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    with cluster(where) as new_database:
        yield new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def of_each_kind(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A central as `init` leaves it, with a database of each kind that it works with."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("new_postgresql")()
    made = fast_settings(tmp_path / "central").model_copy(update={"database_url": url})
    set_up(made)
    return made


@pytest.fixture
def settings(tmp_path: Path, template: Path) -> Settings:
    """A central of its own for a test that needs one."""
    shutil.copytree(template, tmp_path / "central")
    return fast_settings(tmp_path / "central")


def fast_settings(data_dir: Path) -> Settings:
    """High limits, so that nobody is refused; and a site's pong may take as long as a busy machine makes it."""
    return Settings(
        data_dir=data_dir,
        ping_seconds=0.5,
        ping_timeout_seconds=5.0,
        sign_ins_per_minute=1000,
        registrations_per_hour=1000,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory, template: Path) -> AsyncIterator[Served]:
    """The central that most tests share."""
    folder = tmp_path_factory.mktemp("served") / "central"
    shutil.copytree(template, folder)
    async with serve(fast_settings(folder)) as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def admin(served: Served) -> AsyncIterator[Person]:
    person = await served.sign_in("ada")
    yield person
    await person.http.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def make_site(served: Served, admin: Person) -> AsyncIterator[MakeSite]:
    """Make an enrolled site that is not connected yet."""
    made: list[SiteClient] = []

    async def make(username: str) -> SiteClient:
        account = await served.register(username)
        approved = await admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": ["site"]})
        client = SiteClient(served, account["username"], approved["site_id"])
        await client.enrol()
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def supervisor() -> AsyncIterator[Supervisor]:
    """The processes of the sites in these tests."""
    supervisor = await Supervisor.start()
    yield supervisor
    await supervisor.close()
