"""All links of a central: who may open one, which of two connections wins, and where messages go."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from central.hub.connection import Connection
from central.hub.link import Link
from central.settings import Settings
from sandbox.errors import Code, PeerError, TidegateError
from sandbox.wire.link import CloseCode, SiteCancel, SiteStatus, site_to_central
from sandbox.wire.messages import Message
from sandbox.wire.session import Opened, Received

GREETING_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 1.0

log = structlog.get_logger()


class Listener(Protocol):
    """Who hears what happens on the links: the jobs. Called on the event loop; must not wait for a site."""

    def site_opened(self, site_id: str, is_new: bool) -> None:
        """A site opened a connection: it is told anew how its jobs stand. `is_new`: it is another process than before."""

    def site_closed(self, site_id: str) -> None:
        """A site's connection ended."""

    def site_said(self, site_id: str, message: SiteStatus | SiteCancel) -> None:
        """A site tells where it stands in a job, or cancels it."""


class Hub:
    """The links of one central."""

    def __init__(self, settings: Settings, max_frame_bytes: int) -> None:
        self.max_frame_bytes = max_frame_bytes
        self._listener: Listener | None = None
        self._settings = settings
        self._boot_id = secrets.token_hex(8)
        self._links: dict[str, Link] = {}
        self._is_closing = False
        self.n_revocations = 0
        """Keys taken away since the start."""

    def listen(self, listener: Listener) -> None:
        """Tell `listener` what happens from now on."""
        self._listener = listener

    def link(self, site_id: str) -> Link:
        """The link of a site, whether or not it ever connected."""
        if site_id not in self._links:
            self._links[site_id] = Link(site_id, self._boot_id, self.max_frame_bytes, self._settings.away_seconds)
        return self._links[site_id]

    def is_online(self, site_id: str) -> bool:
        """Whether a site has an open link."""
        return site_id in self._links and self._links[site_id].is_online

    def notify(self, site_id: str, message: Message) -> None:
        """Send a message if the site is online."""
        if site_id in self._links:
            self._links[site_id].notify(message)

    def revoke(self, site_id: str) -> None:
        """Close the link of a site whose key was taken away or replaced; jobs that run with it fail."""
        self.n_revocations += 1
        if site_id in self._links:
            self._links[site_id].give_up(CloseCode.REVOKED, PeerError(Code.SITE_REVOKED, site=site_id))

    def close(self) -> None:
        """Close every link: central shuts down."""
        self._is_closing = True
        for link in self._links.values():
            link.stop()

    async def serve(self, site_id: str, connection: Connection, n_revocations: int) -> None:
        """Serve an authenticated connection to its end.

        `n_revocations` is what there were before it was authenticated: a key that was taken away since, while the connection waited for an
        older one to answer, must not come in. Sites whose key is good connect again.

        The newest connection replaces an old one only when that misses a ping: a stolen key cannot push a living site out, and a site
        whose old connection hangs is not locked out by it.
        """
        link = self.link(site_id)
        writer = asyncio.create_task(connection.run_writer())
        tasks = [writer]
        try:
            async with link.handover:
                if self._is_closing or not await self._take(link, connection, n_revocations):
                    connection.close(CloseCode.DUPLICATE)
                    return
            tasks.append(asyncio.create_task(self._read(link, connection)))
            tasks.append(asyncio.create_task(link.watch(connection, self._settings.ping_seconds, self._settings.ping_timeout_seconds)))
            # A peer that is gone never answers a close: whoever ends first ends the others.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.disconnect(connection)
            if link.connection is None and self._listener is not None:
                self._listener.site_closed(site_id)
            connection.close(CloseCode.PROTOCOL)
            await _end(tasks, CLOSE_SECONDS)

    async def _take(self, link: Link, connection: Connection, n_revocations: int) -> bool:
        old = link.connection
        if old is not None:
            if await link.is_alive(self._settings.ping_timeout_seconds):
                log.warning("link.duplicate", site=link.site_id)
                return False
            link.disconnect(old)
            old.close(CloseCode.PROTOCOL)
        if self.n_revocations != n_revocations:
            connection.close(CloseCode.GOING_AWAY)
            return False
        link.connect(connection)
        return True

    async def _read(self, link: Link, connection: Connection) -> None:
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                data = await connection.receive()
            # A connection that was replaced meanwhile has nothing more to say.
            while data is not None and link.connection is connection and not connection.is_closing:
                self._on_frame(link, data)
                data = await connection.receive()
        except TidegateError as error:
            log.warning("link.protocol", site=link.site_id, code=error.code.value, reason=error.sentence)
        except TimeoutError:
            log.warning("link.no_greeting", site=link.site_id)

    def _on_frame(self, link: Link, data: bytes) -> None:
        for event in link.receive(data):
            if isinstance(event, Opened):
                log.info("link.open", site=link.site_id, is_new=event.is_new)
                if self._listener is not None:
                    self._listener.site_opened(link.site_id, event.is_new)
            elif isinstance(event, Received):
                message = site_to_central.decode(event.payload)
                if not isinstance(message, SiteStatus | SiteCancel):
                    link.answered(message)
                elif self._listener is not None:
                    self._listener.site_said(link.site_id, message)


async def _end(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Give the tasks a moment to say goodbye, then cancel them."""
    _, pending = await asyncio.wait(tasks[:1], timeout=seconds)
    for task in (*pending, *tasks[1:]):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
