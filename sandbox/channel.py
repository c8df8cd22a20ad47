"""A host's end of a child's channel: frames over a stream socket, on an event loop (asyncio or uvloop).

What arrives is hostile: lengths are checked before anything is allocated, and a child that floods the channel cannot starve the loop.
Reads are of exact sizes, so that the socket can be handed on between two frames. Children have :mod:`sandbox.pipe`.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from sandbox.errors import Code, PeerError
from sandbox.wire.codec import encode
from sandbox.wire.frames import HEADER, MAX_FRAME_BYTES, Frame, Header, Kind, parse_header
from sandbox.wire.messages import Message

READ_BYTES: Final = 256 << 10


class Channel:
    """One end of a channel; it owns `end`. One task may receive at a time, any number may send.

    Receiving may be cancelled and taken up again; a send that is cancelled half-way ends the channel for sending.
    """

    def __init__(self, end: socket.socket, *, ended: Code, max_length: int = MAX_FRAME_BYTES) -> None:
        """`ended` is the code of the :class:`PeerError` that says that the other end is gone."""
        end.setblocking(False)
        self._socket = end
        self._ended = ended
        self._max_length = max_length
        self._header: Header | None = None
        self._buffer = bytearray()
        self._expected = HEADER.size
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._sending = asyncio.Lock()
        self._is_cut = False
        self._is_closed = False

    async def send(self, message: Message) -> None:
        """Send one message. Raises :class:`PeerError` when the other end is gone."""
        await self.send_frame(Frame(Kind.MESSAGE, encode(message)))

    async def send_frame(self, frame: Frame) -> None:
        """Send one frame. Raises :class:`PeerError` when the other end is gone."""
        data = memoryview(frame.to_bytes())
        async with self._sending:
            if self._is_cut:
                raise self._gone()
            sent = 0
            try:
                while sent < len(data):
                    sent += await self._write(data[sent:])
            finally:
                self._is_cut = 0 < sent < len(data)
        await asyncio.sleep(0)

    async def receive(self) -> Frame:
        """The next frame.

        Raises :class:`PeerError` when the other end is gone or sends what is no frame, :class:`~sandbox.errors.LimitError` when a frame is
        too long. After either, the channel is of no more use.
        """
        # Bytes that are there never suspend: without this, a child that floods its channel would keep the loop from its timers.
        await asyncio.sleep(0)
        if self._header is None:
            await self._fill()
            self._header = parse_header(bytes(self._buffer), self._max_length)
            self._expect(self._header.length)
        await self._fill()
        frame = Frame(self._header.kind, bytes(self._buffer), self._header.sequence)
        self._header = None
        self._expect(HEADER.size)
        return frame

    async def hand_over(self, other: Channel) -> None:
        """Send the socket of `other` over this channel, as a descriptor carried by one byte, and close it here.

        `other` must be between two frames.
        """
        async with self._sending:
            # The flag belongs to the open file, which the receiver shares, and children block.
            other._socket.setblocking(True)
            while True:
                try:
                    socket.send_fds(self._socket, [b"F"], [other._socket.fileno()])
                    break
                except BlockingIOError:
                    await self._wait_writable()
                except OSError as error:
                    raise self._gone() from error
        other.close()

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._is_closed

    def close(self) -> None:
        """Close this end. Whoever waits on it gets a :class:`PeerError`. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        for waiting, remove in ((self._readable, _remove_reader), (self._writable, _remove_writer)):
            if waiting is not None:
                remove(waiting, self._socket)
                if not waiting.done():
                    waiting.set_result(None)
        self._socket.close()

    def _gone(self) -> PeerError:
        return PeerError(self._ended, reason="the end of its channel")

    def _expect(self, size: int) -> None:
        self._buffer = bytearray()
        self._expected = size

    async def _fill(self) -> None:
        """Read until the buffer is full. Progress is kept in the object, so that a cancelled call loses nothing.

        The buffer grows with what arrives: a peer that announces a long frame and sends nothing takes no memory.
        """
        while len(self._buffer) < self._expected:
            try:
                piece = self._socket.recv(min(self._expected - len(self._buffer), READ_BYTES))
            except BlockingIOError:
                await self._wait_readable()
                continue
            except OSError as error:
                raise self._gone() from error
            if not piece:
                raise self._gone()
            self._buffer += piece
            if len(self._buffer) < self._expected:
                await asyncio.sleep(0)  # a long frame is read in turns with everything else

    async def _write(self, data: memoryview) -> int:
        while True:
            try:
                return self._socket.send(data)
            except BlockingIOError:
                await self._wait_writable()
            except OSError as error:
                raise self._gone() from error

    async def _wait_readable(self) -> None:
        if self._readable is not None:
            raise RuntimeError("two tasks receive from one channel")
        loop = asyncio.get_running_loop()
        self._readable = loop.create_future()
        loop.add_reader(self._socket, _wake, self._readable)
        try:
            await self._readable
        finally:
            self._readable = None
            if not self._is_closed:
                loop.remove_reader(self._socket)

    async def _wait_writable(self) -> None:
        loop = asyncio.get_running_loop()
        self._writable = loop.create_future()
        loop.add_writer(self._socket, _wake, self._writable)
        try:
            await self._writable
        finally:
            self._writable = None
            if not self._is_closed:
                loop.remove_writer(self._socket)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _remove_reader(waiting: asyncio.Future[None], end: socket.socket) -> None:
    waiting.get_loop().remove_reader(end)


def _remove_writer(waiting: asyncio.Future[None], end: socket.socket) -> None:
    waiting.get_loop().remove_writer(end)
