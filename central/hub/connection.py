"""One WebSocket of a site: frames out in order, frames in one by one. It knows bytes; the session of the link knows what they mean."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

CLOSE_PROTOCOL: Final = 4400
CLOSE_REVOKED: Final = 4403
CLOSE_SILENT: Final = 4408
CLOSE_DUPLICATE: Final = 4409
CLOSE_GOING_AWAY: Final = 1001


MAX_WAITING: Final = 4096
"""Frames that wait for a peer that does not read. It may ask (pings want answers) as fast as it likes: what waits takes memory here."""
_GONE: Final = (WebSocketDisconnect, RuntimeError, OSError)


class Connection:
    """An accepted WebSocket. `send` never waits: a task of :meth:`run_writer` takes what it leaves. Frames go out in order."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._outgoing: deque[bytes] = deque()
        self._is_wanted = asyncio.Event()
        self._is_writing = False
        self._close_code = 0

    def send(self, frames: Iterable[bytes]) -> None:
        """Queue frames; close when the peer does not take them."""
        self._put(frames)
        self._is_wanted.set()

    async def write(self, frames: Iterable[bytes]) -> None:
        """As :meth:`send`, but when nobody writes they go out in this turn of the loop; waits when the peer does not take them."""
        self._put(frames)
        if not self._is_writing:
            # A peer that is gone shows in :meth:`receive`.
            with contextlib.suppress(*_GONE):
                await self._drain()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is said or heard."""
        return self._close_code != 0

    def close(self, code: int) -> None:
        """Stop writing and close with `code`; the first reason given is the one that counts."""
        if not self._close_code:
            self._close_code = code
            self._is_wanted.set()

    async def run_writer(self) -> None:
        """Write until :meth:`close` or the peer is gone."""
        with contextlib.suppress(*_GONE):
            is_open = True
            while is_open:
                await self._is_wanted.wait()
                self._is_wanted.clear()
                is_open = not self.is_closing
                if not self._is_writing:
                    await self._drain()
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._websocket.close(self._close_code)

    def _put(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            if len(self._outgoing) >= MAX_WAITING:
                self.close(CLOSE_PROTOCOL)
            if not self.is_closing:
                self._outgoing.append(frame)

    async def _drain(self) -> None:
        """Write what waits. A frame whose write was cancelled had not begun to leave, and is still the first."""
        self._is_writing = True
        try:
            while self._outgoing:
                await self._websocket.send_bytes(self._outgoing[0])
                self._outgoing.popleft()
        finally:
            self._is_writing = False
            if self._outgoing:
                self._is_wanted.set()

    async def receive(self) -> bytes | None:
        """The next binary message; None when the connection is over, or for text, which nobody sends here."""
        try:
            message = await self._websocket.receive()
        except RuntimeError:
            # Starlette's answer to a receive after the disconnect was seen.
            return None
        if message["type"] != "websocket.receive":
            return None
        data = message.get("bytes")
        return data if isinstance(data, bytes) else None
