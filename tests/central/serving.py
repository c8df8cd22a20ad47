"""A real central in a thread of its own: uvicorn, TLS, one port; and people who use it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from argon2 import PasswordHasher

from central.accounts.mail import Mailer
from central.accounts.service import AccountService
from central.accounts.tokens import Tokens
from central.authority import make_authority
from central.db import open_database
from central.identity import central_id_of
from central.registry.service import register_bundled
from central.server import central_config
from central.settings import Settings, make_data_dir, read_secret
from sandbox.host.passwords import Passwords

PASSWORD = "a long password"

_numbers = itertools.count(1)


@dataclass
class Person:
    """A client with a bearer token."""

    http: httpx.AsyncClient
    account: dict[str, Any]

    async def call(self, method: str, path: str, status: int = 200, **arguments: Any) -> Any:
        """A request that must be answered with `status`; its JSON."""
        answer = await self.http.request(method, path, **arguments)
        assert answer.status_code == status, answer.text
        return answer.json()


@dataclass
class Served:
    """A central that serves."""

    settings: Settings
    url: str
    tls: ssl.SSLContext
    fingerprint: str
    closing: contextlib.AsyncExitStack
    """What ends with the server at the latest, also when a test fails before it ends its own: clients, sites, their gates."""

    @property
    def central_id(self) -> str:
        return central_id_of(self.settings.data_dir)

    @property
    def link_url(self) -> str:
        return self.url.replace("https", "wss") + "/link"

    def client(self) -> httpx.AsyncClient:
        """A client without a token."""
        made = httpx.AsyncClient(base_url=self.url, verify=self.tls, timeout=120, trust_env=False)
        self.closing.push_async_callback(made.aclose)
        return made

    async def sign_in(self, username: str, password: str = PASSWORD) -> Person:
        http = self.client()
        answer = await http.post("/api/sessions", json={"username": username, "password": password})
        assert answer.status_code == 201, answer.text
        http.cookies.clear()
        http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return Person(http, {})

    async def register(self, username: str, institution: str = "Hospital") -> dict[str, Any]:
        """A new account; the name gets a number, since a central serves many tests."""
        username = f"{username}-{next(_numbers)}"
        async with self.client() as http:
            body = {"username": username, "password": PASSWORD, "email": f"{username}@example.org", "institution": institution}
            answer = await http.post("/api/accounts", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def person(self, admin: Person, username: str, *roles: str) -> Person:
        """Somebody who registered, was approved and is signed in."""
        account = await self.register(username)
        approved = await admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": list(roles)})
        person = await self.sign_in(account["username"])
        person.account = approved
        return person


def set_up(settings: Settings) -> None:
    """What `tidegate-central init --admin ada` does, in this process."""
    make_data_dir(settings.data_dir)
    make_authority(settings)
    with contextlib.closing(open_database(settings.database)) as database:
        database.upgrade()
        register_bundled(database)
        central_id = central_id_of(settings.data_dir)
        tokens = Tokens(read_secret(settings.data_dir / "session.key"), central_id)
        accounts = AccountService(settings, database, tokens, Mailer(settings, database), quick_passwords(), central_id)
        accounts.make_administrator("ada", PASSWORD)


@contextlib.asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Served]:
    """Serve on a port of the system's choice until the block ends."""
    files = make_authority(settings)
    server = uvicorn.Server(central_config(settings, files, quick_passwords()))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            assert thread.is_alive()
        context = ssl.create_default_context(cadata=files.ca_pem.decode())
        async with contextlib.AsyncExitStack() as closing:
            yield Served(settings, f"https://localhost:{port}", context, files.fingerprint, closing)
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join)
        listener.close()


def quick_passwords() -> Passwords:
    """Argon2id with next to no work."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
