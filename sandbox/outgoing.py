"""Frames on their way out of one WebSocket, in order. Both ends of a link use it: `wire.session` says what goes out, the owner how.

An answer that somebody waits for leaves in the turn of the event loop in which it was made; the rest is left to a task of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

MAX_WAITING: Final = 4096
"""Frames that wait for a peer that does not read. It may ask (pings want answers) as fast as it likes: what waits takes memory here."""


class Outgoing:
    """What waits to be written with `write`, which raises when the peer is gone; so do :meth:`write` and :meth:`run` here."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._write_frame = write
        self._waiting: deque[bytes] = deque()
        self._is_wanted = asyncio.Event()
        self._is_writing = False
        self._is_ending = False
        self.is_overrun = False
        """Whether a frame was dropped because too many wait: the connection is of no more use."""

    def put(self, frames: Iterable[bytes]) -> None:
        """Leave frames to :meth:`run`."""
        self._take(frames)
        self._is_wanted.set()

    async def write(self, frames: Iterable[bytes]) -> None:
        """As :meth:`put`, but when nobody writes they go out in this turn of the loop; waits when the peer does not take them."""
        self._take(frames)
        if not self._is_writing:
            await self._drain()

    def end(self) -> None:
        """Let :meth:`run` end when what waits is written."""
        self._is_ending = True
        self._is_wanted.set()

    async def run(self) -> None:
        """Write until :meth:`end`."""
        is_open = True
        while is_open:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            is_open = not self._is_ending
            if not self._is_writing:
                await self._drain()

    def _take(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            if len(self._waiting) >= MAX_WAITING:
                self.is_overrun = True
                return
            self._waiting.append(frame)

    async def _drain(self) -> None:
        """Write what waits. A frame whose write is given up is still the first: what comes twice is dropped by the session of the peer."""
        self._is_writing = True
        try:
            while self._waiting:
                await self._write_frame(self._waiting[0])
                self._waiting.popleft()
        finally:
            self._is_writing = False
            if self._waiting:
                self._is_wanted.set()
