"""One WebSocket of a site: frames out in order, frames in one by one. It knows bytes; the session of the link knows what they mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sandbox.outgoing import Outgoing
from sandbox.wire.link import CloseCode

_GONE: Final = (WebSocketDisconnect, RuntimeError, OSError)


class Connection:
    """An accepted WebSocket. `send` never waits: a task of :meth:`run_writer` takes what it leaves. Frames go out in order."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._outgoing = Outgoing(websocket.send_bytes)
        self._close_code: CloseCode | None = None

    def send(self, frames: Iterable[bytes]) -> None:
        """Queue frames; close when the peer does not take them."""
        if not self.is_closing:
            self._outgoing.put(frames)
            self._close_if_overrun()

    async def write(self, frames: Iterable[bytes]) -> None:
        """As :meth:`send`, but when nobody writes they go out in this turn of the loop; waits when the peer does not take them."""
        if not self.is_closing:
            # A peer that is gone shows in :meth:`receive`.
            with contextlib.suppress(*_GONE):
                await self._outgoing.write(frames)
            self._close_if_overrun()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is said or heard."""
        return self._close_code is not None

    def close(self, code: CloseCode) -> None:
        """Stop writing and close with `code`; the first reason given is the one that counts."""
        if self._close_code is None:
            self._close_code = code
            self._outgoing.end()

    async def run_writer(self) -> None:
        """Write until :meth:`close` or the peer is gone."""
        with contextlib.suppress(*_GONE):
            await self._outgoing.run()
            if self._close_code is not None and self._websocket.application_state is WebSocketState.CONNECTED:
                await self._websocket.close(self._close_code)

    def _close_if_overrun(self) -> None:
        if self._outgoing.is_overrun:
            self.close(CloseCode.PROTOCOL)

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
