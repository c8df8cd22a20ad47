"""Keeps one WebSocket to central open: connects, greets, pings, resumes, and says how it stands.

The protocol is `sandbox.wire.session`; this module owns the socket and the clock. What the messages mean is the receiver's business: it is
called on the event loop and must not block.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus

from remote.link.backoff import Backoff
from remote.link.status import LinkState, LinkStatus, Reason
from sandbox.errors import Code, PeerError, TidegateError
from sandbox.outgoing import Outgoing
from sandbox.wire.codec import encode
from sandbox.wire.link import FRAME_OVERHEAD, CentralToSite, CloseCode, SiteToCentral, central_to_site
from sandbox.wire.session import Alive, Opened, Session

PATH: Final = "/link"
OPEN_SECONDS: Final = 10.0
SILENT_PINGS: Final = 3
"""Pings without any answer after which the connection is given up."""
CLOSED: Final[dict[int, tuple[LinkState, Reason]]] = {
    CloseCode.GOING_AWAY: (LinkState.OFFLINE, Reason.CLOSED),
    CloseCode.PROTOCOL: (LinkState.OFFLINE, Reason.PROTOCOL),
    CloseCode.REVOKED: (LinkState.REFUSED, Reason.REVOKED),
    CloseCode.SILENT: (LinkState.OFFLINE, Reason.SILENT),
    CloseCode.DUPLICATE: (LinkState.REFUSED, Reason.DUPLICATE),
}
"""What a page says after central closed with a code; a code that is none of central's says no more than that it is over."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Address:
    """Where to connect and how to be trusted there. `token` makes a fresh one for every connection."""

    url: str
    """`https://host:port` of central."""
    trust: ssl.SSLContext
    token: Callable[[], str]


class Receiver(Protocol):
    """What the link delivers to."""

    def on_opened(self, is_new: bool) -> None:
        """The connection is open. `is_new`: central's process or its memory of us is new, nothing sent before will arrive."""

    def on_message(self, message: CentralToSite) -> None:
        """A message, once and in order."""


class _Connect(connect):
    """A connection that follows no redirect: the token is for central and nobody else."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Link:
    """The link of this site. `run` is its life; `send` may be called at any time, also before that and while the connection is down."""

    def __init__(
        self,
        find_address: Callable[[], Address | LinkState],
        *,
        ping_seconds: float,
        backoff: Backoff,
        proxy: str = "",
        max_frame_bytes: int,
    ) -> None:
        self._find_address = find_address
        self._ping_seconds = ping_seconds
        self._backoff = backoff
        self._proxy: str | Literal[True] | None = True if proxy == "system" else proxy or None
        self._max_frame_bytes = max_frame_bytes
        self._boot_id = secrets.token_hex(16)
        self._session = self._new_session()
        self._outgoing: Outgoing | None = None
        self._changed = asyncio.Event()
        self._address: Address | None = None
        self._status = LinkStatus(LinkState.NOT_CONFIGURED)
        self._last_heard: datetime | None = None

    @property
    def status(self) -> LinkStatus:
        """How the link stands now."""
        return replace(self._status, last_heard=self._last_heard)

    def send(self, message: SiteToCentral) -> None:
        """Send a message to central, now or when the link is open again."""
        self._put(self._session.send(encode(message)))

    async def write(self, message: SiteToCentral) -> None:
        """As :meth:`send`, and out in this turn of the event loop if nothing is in the way."""
        frames = self._session.send(encode(message))
        if self._outgoing is not None:
            # A broken connection shows in the reader.
            with contextlib.suppress(ConnectionClosed):
                await self._outgoing.write(frames)

    def reconfigure(self) -> None:
        """The configuration changed: close what is open and start anew, with nothing remembered of the old central."""
        self._address = None
        self._changed.set()

    async def run(self, receiver: Receiver) -> None:
        """Keep the link open until cancelled; `receiver` gets what arrives."""
        while True:
            self._changed.clear()
            found = self._next_address()
            if isinstance(found, LinkState):
                self._set(found)
                await self._changed.wait()
                continue
            conversation = asyncio.create_task(self._connect(found, receiver))
            change = asyncio.create_task(self._changed.wait())
            try:
                await asyncio.wait((conversation, change), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (conversation, change):
                    task.cancel()
                outcome, _ = await asyncio.gather(conversation, change, return_exceptions=True)
            if isinstance(outcome, Exception):
                # A bug of ours, in a receiver perhaps; the link goes on.
                log.error("link.failed", error=type(outcome).__name__)
                self._set(LinkState.OFFLINE, Reason.CLOSED)
            if not self._changed.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._backoff.next()):
                        await self._changed.wait()

    def _next_address(self) -> Address | LinkState:
        if self._address is None:
            found = self._find_address()
            if isinstance(found, LinkState):
                return found
            self._address = found
            self._session = self._new_session()
            self._backoff.reset()
        return self._address

    def _new_session(self) -> Session:
        return Session("site", self._boot_id, self._max_frame_bytes)

    async def _connect(self, address: Address, receiver: Receiver) -> None:
        """One connection, from opening to its end, whatever that is."""
        if self._status.state is not LinkState.REFUSED:
            self._set(LinkState.CONNECTING, self._status.reason)
        try:
            token = address.token()
        except ValueError as error:
            log.error("link.key", error=type(error).__name__)
            self._set(LinkState.REFUSED, Reason.KEY_FILE)
            return
        try:
            async with _Connect(
                address.url.replace("https://", "wss://", 1) + PATH,
                ssl=address.trust,
                additional_headers={"Authorization": f"Bearer {token}"},
                user_agent_header="tidegate-site",
                compression=None,
                proxy=self._proxy,
                max_size=self._max_frame_bytes + FRAME_OVERHEAD,
                open_timeout=OPEN_SECONDS,
                close_timeout=2,
                ping_interval=None,
            ) as connection:
                await self._converse(connection, receiver)
            self._set(LinkState.OFFLINE, Reason.CLOSED)
        except (OSError, TimeoutError, InvalidHandshake, InvalidProxy, ConnectionClosed, TidegateError) as error:
            state, reason = _explain(error)
            if reason is Reason.PROTOCOL:
                # The two ends no longer agree on what was said: resuming would only repeat it. Begin anew, as after a restart.
                self._session = self._new_session()
            self._set(state, reason)

    async def _converse(self, connection: ClientConnection, receiver: Receiver) -> None:
        outgoing = self._outgoing = Outgoing(connection.send)
        self._heard()
        self._put(self._session.connect())
        writer = asyncio.create_task(outgoing.run())
        pinger = asyncio.create_task(self._ping(connection))
        try:
            async for data in connection:
                self._on_data(data, receiver)
        except ConnectionClosed as error:
            if pinger.done():
                raise PeerError(Code.SITE_LOST) from error
            raise
        finally:
            self._outgoing = None
            self._session.disconnect()
            for task in (writer, pinger):
                task.cancel()
            await asyncio.gather(writer, pinger, return_exceptions=True)

    def _on_data(self, data: str | bytes, receiver: Receiver) -> None:
        if isinstance(data, str):
            raise PeerError(Code.WIRE_FRAME)
        self._heard()
        events, frames = self._session.receive(data)
        self._put(frames)
        if self._outgoing is not None and self._outgoing.is_overrun:
            # Central asks (pings want answers) and does not read: what waits takes memory here.
            raise PeerError(Code.WIRE_SEQUENCE)
        for event in events:
            if isinstance(event, Opened):
                self._backoff.reset()
                self._set(LinkState.ONLINE)
                receiver.on_opened(event.is_new)
            elif not isinstance(event, Alive):
                receiver.on_message(central_to_site.decode(event.payload))

    async def _ping(self, connection: ClientConnection) -> None:
        """Ping until nothing was heard for too long; then drop the connection and end."""
        while True:
            await asyncio.sleep(self._ping_seconds)
            heard = self._last_heard
            if heard is not None and (datetime.now(UTC) - heard).total_seconds() > SILENT_PINGS * self._ping_seconds:
                # Not a close: a peer that does not answer would not answer that either.
                connection.transport.abort()
                return
            self._put(self._session.ping())

    def _put(self, frames: list[bytes]) -> None:
        if self._outgoing is not None:
            self._outgoing.put(frames)

    def _heard(self) -> None:
        self._last_heard = datetime.now(UTC)

    def _set(self, state: LinkState, reason: Reason = Reason.NONE) -> None:
        if (state, reason) != (self._status.state, self._status.reason):
            log.info("link.state", state=state.value, reason=reason.name.lower())
        self._status = LinkStatus(state, reason)


def _explain(error: Exception) -> tuple[LinkState, Reason]:
    """State and reason after a connection ended with `error`."""
    if isinstance(error, InvalidStatus) and error.response.status_code in (401, 403):
        return LinkState.REFUSED, Reason.REVOKED
    if isinstance(error, InvalidStatus) and error.response.status_code == 409:
        return LinkState.REFUSED, Reason.DUPLICATE
    if isinstance(error, ConnectionClosed):
        code = error.rcvd.code if error.rcvd is not None else 0
        return CLOSED.get(code, (LinkState.OFFLINE, Reason.CLOSED))
    if isinstance(error, TidegateError):
        return LinkState.OFFLINE, Reason.SILENT if error.code is Code.SITE_LOST else Reason.PROTOCOL
    if isinstance(error, ssl.SSLCertVerificationError):
        return LinkState.OFFLINE, Reason.CERTIFICATE
    return LinkState.OFFLINE, Reason.UNREACHABLE
