"""A small central for the tests of a site: real TLS, real HTTP, real WebSocket, the real session; it decides nothing by itself."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import trustme
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from central.server import LinkProtocol
from sandbox.errors import PeerError
from sandbox.host.serving import server_config
from sandbox.wire.codec import encode
from sandbox.wire.link import CentralToSite, CloseCode, SiteToCentral, site_to_central
from sandbox.wire.session import Opened, Received, Session

CENTRAL_ID = "central-under-test"


@contextlib.asynccontextmanager
async def served(app: Any, tls: Path | None = None) -> AsyncIterator[int]:
    """Serve an ASGI application on a free loopback port, until the end of the block."""
    server = uvicorn.Server(server_config(app, host="127.0.0.1", port=0, ws=LinkProtocol, ws_per_message_deflate=False, ssl_certfile=tls))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            if task.done():
                task.result()
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def until(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """Wait until `condition` is true; its value. Nothing takes so long, on a busy machine either, but what never comes."""
    async with asyncio.timeout(seconds):
        while not (value := condition()):
            await asyncio.sleep(0.02)
    return value


@dataclass
class StandIn:
    """Central, as far as a site sees it. Attributes say how it behaves; tests set them."""

    tls: Path
    ca_pem: str
    port: int = 0
    boot_id: str = field(default_factory=lambda: secrets.token_hex(8))
    accounts: dict[str, str] = field(default_factory=lambda: {"anna": "secret of anna"})
    keys: dict[str, str] = field(default_factory=dict)
    seen_tokens: list[dict[str, Any]] = field(default_factory=list)
    n_connections: int = 0
    refuse: int = 0
    """Status to answer the handshake with, 0 to accept."""
    close_code: int = 0
    """Code to close with right after accepting, 0 to talk."""
    redirect_to: str = ""
    is_silent: bool = False
    received: list[SiteToCentral] = field(default_factory=list)
    opened: list[bool] = field(default_factory=list)
    on_open: Callable[[], Awaitable[None]] | None = None
    session: Session = field(init=False)
    socket: WebSocket | None = None

    def __post_init__(self) -> None:
        self.session = Session("central", self.boot_id)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def fingerprint(self) -> str:
        return x509.load_pem_x509_certificate(self.ca_pem.encode()).fingerprint(SHA256()).hex()

    def restart(self) -> None:
        """Forget everything but the keys, as a new process would."""
        self.boot_id = secrets.token_hex(8)
        self.session = Session("central", self.boot_id)

    async def send(self, message: CentralToSite) -> None:
        for frame in self.session.send(encode(message)):
            assert self.socket is not None
            await self.socket.send_bytes(frame)

    async def drop(self) -> None:
        """Break the connection."""
        assert self.socket is not None
        with contextlib.suppress(RuntimeError):
            await self.socket.close(1012)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.received if isinstance(message, kind)]

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/tidegate/ca.pem")
        async def ca_pem() -> Response:
            return RedirectResponse(self.redirect_to) if self.redirect_to else PlainTextResponse(self.ca_pem)

        @app.post("/api/enrolments")
        async def enrol(request: Request) -> Response:
            body = await request.json()
            if self.accounts.get(body["username"]) != body["password"]:
                return JSONResponse({"code": "access.credentials", "sentence": "<b>no</b>", "remedy": "", "findings": []}, 401)
            self.keys[body["site_id"]] = body["public_key"]
            return JSONResponse({"central_id": CENTRAL_ID, "site_id": body["site_id"]}, 201)

        app.add_api_websocket_route("/link", self._link)
        return app

    async def _link(self, socket: WebSocket) -> None:
        self.n_connections += 1
        token = socket.headers["authorization"].removeprefix("Bearer ")
        site_id = jwt.decode(token, options={"verify_signature": False})["sub"]
        claims = jwt.decode(token, self.keys[site_id], algorithms=["EdDSA"], audience=CENTRAL_ID)
        self.seen_tokens.append(claims)
        if self.refuse:
            await socket.send_denial_response(Response(status_code=self.refuse))
            return
        await socket.accept()
        if self.close_code:
            await socket.close(self.close_code)
            return
        self.socket = socket
        session = self.session
        session.connect()
        try:
            while True:
                data = await socket.receive_bytes()
                if self.is_silent:
                    continue
                await self._take(socket, session, data)
        except (WebSocketDisconnect, RuntimeError):
            pass
        except PeerError:
            await socket.close(CloseCode.PROTOCOL)
        finally:
            session.disconnect()

    async def _take(self, socket: WebSocket, session: Session, data: bytes) -> None:
        events, frames = session.receive(data)
        for frame in frames:
            await socket.send_bytes(frame)
        for event in events:
            if isinstance(event, Opened):
                self.opened.append(event.is_new)
                if self.on_open is not None:
                    await self.on_open()
            elif isinstance(event, Received):
                self.received.append(site_to_central.decode(event.payload))


def make_stand_in(folder: Path, *names: str) -> StandIn:
    """A central with a certificate for `names` (localhost, unless told otherwise)."""
    authority = trustme.CA()
    folder.mkdir(parents=True, exist_ok=True)
    certificate = authority.issue_cert(*(names or ("localhost",)))
    path = folder / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(path)
    return StandIn(path, authority.cert_pem.bytes().decode())


def trusting(pem: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=pem)
