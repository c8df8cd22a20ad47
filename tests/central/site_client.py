"""A site as central sees it: its own key and tokens, a real WebSocket, the real session; and, where a test runs a job, a real gate."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from policies import built_in
from sandbox.errors import TidegateError
from sandbox.ledger import Ledger
from sandbox.rounds.local import LocalParticipant
from sandbox.supervisor import Supervisor
from sandbox.wire.codec import encode
from sandbox.wire.link import JobEnded, JobOffer, SiteBegin, SiteBegun, SiteReply, SiteRound, SiteStatus, central_to_site
from sandbox.wire.messages import GateSetup, Message
from sandbox.wire.session import Opened, Received, Session
from tests.central.serving import PASSWORD, Served

PATIENCE = 120.0
"""Seconds in which everything comes, on a busy machine too, that comes at all."""


class SiteClient:
    """A site with a key."""

    def __init__(self, served: Served, username: str, site_id: str) -> None:
        self.served = served
        self.username = username
        self.site_id = site_id
        self.key = Ed25519PrivateKey.generate()
        self.session = Session("site", secrets.token_hex(4))
        self.inbox: list[Message] = []
        self.arrived = asyncio.Condition()
        self.opened: list[Opened] = []
        self.socket: ClientConnection | None = None
        self.is_silent = False
        self._reader: asyncio.Task[None] | None = None
        served.closing.push_async_callback(self.close)

    @property
    def public_key(self) -> str:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    async def enrol(self, status: int = 201, **changes: str) -> None:
        body = {"username": self.username, "password": PASSWORD, "site_id": self.site_id, "public_key": self.public_key, **changes}
        async with self.served.client() as http:
            answer = await http.post("/api/enrolments", json=body)
        assert answer.status_code == status, answer.text

    def token(self, key: Any = None, algorithm: str = "EdDSA", **changes: Any) -> str:
        now = int(time.time())
        claims = {"sub": self.site_id, "aud": self.served.central_id, "iat": now, "exp": now + 60, "jti": secrets.token_hex(8), **changes}
        return jwt.encode({name: value for name, value in claims.items() if value is not None}, key or self.key, algorithm)

    async def dial(self, token: str | None = None) -> ClientConnection:
        """A WebSocket, without a greeting."""
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        made = await connect(
            self.served.link_url, additional_headers=headers, ssl=self.served.tls, compression=None, max_size=None, proxy=None
        )
        self.served.closing.push_async_callback(made.close)
        return made

    async def connect(self) -> None:
        """Open the link and read it."""
        self.socket = await self.dial()
        for frame in self.session.connect():
            await self.socket.send(frame)
        self._reader = asyncio.create_task(self._read(self.socket))
        n_opened = len(self.opened)
        await self.until(lambda: len(self.opened) > n_opened)

    async def break_off(self) -> None:
        """Lose the connection without a word."""
        assert self.socket is not None
        self.socket.transport.abort()
        await self.stop_reading()

    async def stop_reading(self) -> None:
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        await self.stop_reading()

    async def send(self, message: Message) -> None:
        for frame in self.session.send(encode(message)):
            assert self.socket is not None
            await self.socket.send(frame)

    async def until(self, condition: Any, seconds: float = PATIENCE) -> None:
        async with self.arrived:
            await asyncio.wait_for(self.arrived.wait_for(condition), seconds)

    async def expect(self, kind: type, where: Any = lambda message: True, seconds: float = PATIENCE) -> Any:
        """The first message of a kind, taken out of the inbox."""

        def found() -> Message | None:
            return next((message for message in self.inbox if isinstance(message, kind) and where(message)), None)

        await self.until(lambda: found() is not None, seconds)
        message = found()
        self.inbox.remove(message)
        return message

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in socket:
                if self.is_silent:
                    continue
                assert isinstance(data, bytes)
                events, frames = self.session.receive(data)
                for frame in frames:
                    await socket.send(frame)
                async with self.arrived:
                    for event in events:
                        if isinstance(event, Opened):
                            self.opened.append(event)
                        elif isinstance(event, Received):
                            self.inbox.append(central_to_site.decode(event.payload))
                    self.arrived.notify_all()
        self.session.disconnect()


class WorkingSite:
    """A site that takes part in a job, with a real gate and worker of its own."""

    def __init__(self, client: SiteClient, supervisor: Supervisor, folder: Path, policy: str = "default") -> None:
        self.client = client
        self.policy = built_in(policy)
        self.ledger = Ledger(folder / f"{client.site_id}.jsonl")
        self._supervisor = supervisor
        self.gate: LocalParticipant | None = None
        self.rounds = 0
        self.steps: list[str] = []
        """What was asked, in order."""
        self.is_closed = False
        client.served.closing.push_async_callback(self.close)

    async def get_ready(self, csv: bytes) -> JobOffer:
        """Approve, upload, attach, start."""
        offer = await self.client.expect(JobOffer, lambda message: message.contract is not None)
        setup = GateSetup(
            job_id=offer.job_id,
            participant=self.client.site_id,
            is_central=False,
            policy=self.policy,
            spec=offer.spec,
            manifest=offer.manifest,
            pair_digest=offer.digest,
            contract=offer.contract,
            row_secret=b"s" * 32,
        )
        self.gate = await LocalParticipant.open(self._supervisor, setup, self.ledger)
        report = await self.gate.upload(chunks_of(csv))
        assert report.is_clean, report.findings
        assert await self.gate.attach(offer.remote_source) == ()
        await self.client.send(ready_status(offer))
        return offer

    async def work(self, pause: asyncio.Event | None = None, pause_at: int = 0) -> JobEnded:
        """Answer rounds until the job ends. At round `pause_at`, wait for `pause`."""
        while True:
            message = await self.client.expect(SiteBegin | SiteRound | JobEnded)
            if isinstance(message, JobEnded):
                return message
            assert self.gate is not None
            if isinstance(message, SiteBegin):
                await self.gate.begin(message.constants)
                await self.client.send(SiteBegun(message.job_id))
                continue
            self.rounds += 1
            self.steps += [call.step for part in message.chains for call in part.calls]
            if pause is not None and self.rounds == pause_at:
                await pause.wait()
            body = await self.gate.run_round_bytes(message.number, message.chains)
            await self.client.send(SiteReply(message.job_id, message.number, body))

    async def close(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        with contextlib.closing(self.ledger):
            if self.gate is not None:
                with contextlib.suppress(TidegateError):
                    await self.gate.wipe()
        await self.client.close()


def ready_status(offer: JobOffer, **changes: Any) -> SiteStatus:
    """The status of a site that has done everything."""
    assert offer.contract is not None
    flags = {"is_ready": True, "is_started": True, **changes}
    return SiteStatus(offer.job_id, offer.contract.digest, offer.digest, **flags)


async def chunks_of(data: bytes) -> AsyncIterator[bytes]:
    yield data
