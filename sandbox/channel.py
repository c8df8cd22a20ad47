"""A host's end of a child's channel: frames over a stream socket, on an event loop (asyncio or uvloop).

What arrives is hostile: lengths are checked before anything is allocated, and a child that floods the channel cannot starve the loop.
Questions and answers are short and many, so a frame is read in one piece when it comes in one. Children have :mod:`sandbox.pipe`.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from sandbox.errors import Code, PeerError
from sandbox.wire.codec import encode
from sandbox.wire.frames import MAX_FRAME_BYTES, Frame, FrameReader, Kind
from sandbox.wire.messages import Message

READ_BYTES: Final = 256 << 10
"""The most that one read takes: a long frame is read in turns with everything else."""
SHORT_BYTES: Final = 16 << 10
"""What one read asks for when nothing says how much will come."""
MANY_FRAMES: Final = 4
"""Frames taken one after the other, without waiting, before everything else has its turn."""


class Channel:
    """One end of a channel; it owns `end`. One task may receive at a time, any number may send.

    Receiving may be cancelled and taken up again; a send that is cancelled half-way ends the channel for sending.

    That the other end is gone is told by :meth:`receive` alone, after what it said last: a child that gives up says why and ends, and
    whether a question to it was still written is a matter of chance. A send that finds nobody only notes it (`peer_is_gone`).
    """

    def __init__(self, end: socket.socket, *, ended: Code, max_length: int = MAX_FRAME_BYTES) -> None:
        """`ended` is the code of the :class:`PeerError` that says that the other end is gone."""
        end.setblocking(False)
        self._socket = end
        self._ended = ended
        self.peer_is_gone = False
        """Whether a send found nobody at the other end, or :meth:`peer_ended` was called: what it said last can still be received."""
        self._frames = FrameReader(max_length)
        self._n_taken = 0
        self._readable: asyncio.Future[None] | None = None
        self._watching: asyncio.AbstractEventLoop | None = None
        self._writable: asyncio.Future[None] | None = None
        self._sending = asyncio.Lock()
        self._is_cut = False
        self._is_closed = False

    async def send(self, message: Message) -> None:
        """Send one message. Raises :class:`PeerError` when this end is closed, or a send was cut short before."""
        await self._send(Frame(Kind.MESSAGE, encode(message)))

    async def send_frame(self, frame: Frame) -> None:
        """Send one frame of many; raises as :meth:`send`."""
        await self._send(frame)
        # A child that takes everything at once must not keep the loop from its timers.
        await asyncio.sleep(0)

    async def _send(self, frame: Frame) -> None:
        data = memoryview(frame.to_bytes())
        async with self._sending:
            if self._is_cut:
                raise self._gone()
            sent = 0
            try:
                while sent < len(data) and not self.peer_is_gone:
                    sent += await self._write(data[sent:])
            finally:
                self._is_cut = 0 < sent < len(data) and not self.peer_is_gone

    async def receive(self) -> Frame:
        """The next frame.

        Raises :class:`PeerError` when the other end is gone or sends what is no frame, :class:`~sandbox.errors.LimitError` when a frame is
        too long. After either, the channel is of no more use.
        """
        if self._n_taken == MANY_FRAMES:
            # A child that floods its channel must not keep the loop from its timers.
            self._n_taken = 0
            await asyncio.sleep(0)
        self._n_taken += 1
        while n_missing := self._frames.n_missing():
            self._n_taken = 1
            await self._fill(n_missing)
        return self._frames.take()

    @property
    def has_frame(self) -> bool:
        """Whether the next frame has come already, so that :meth:`receive` waits for nobody. Raises as that does."""
        return not self._frames.n_missing()

    async def hand_over(self, other: Channel) -> None:
        """Send the socket of `other` over this channel, as a descriptor carried by one byte, and close it here.

        Raises as :meth:`send`, and :class:`PeerError` when more was read of `other` than was asked for: a worker says nothing unasked.
        """
        if not other._frames.is_between_frames:
            raise PeerError(Code.WORKER_PROTOCOL)
        async with self._sending:
            # The flag belongs to the open file, which the receiver shares, and children block.
            other._socket.setblocking(True)
            await self._write(memoryview(b"F"), other._socket.fileno())
        other.close()

    def peer_ended(self) -> None:
        """Note that the process at the other end has ended, and let go on who waits for it.

        An end that leaves something unread is an error of the socket, and uvloop (libuv) tells of such a one at most once.
        """
        self.peer_is_gone = True
        for waiting in (self._readable, self._writable):
            if waiting is not None:
                _wake(waiting)

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._is_closed

    def close(self) -> None:
        """Close this end. Whoever waits on it gets a :class:`PeerError`. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stop_watching()
        if self._writable is not None:
            self._writable.get_loop().remove_writer(self._socket)
        for waiting in (self._readable, self._writable):
            if waiting is not None:
                _wake(waiting)
        self._socket.close()

    def _gone(self) -> PeerError:
        return PeerError(self._ended, reason="the end of its channel")

    async def _fill(self, n_missing: int) -> None:
        """Wait for bytes and read once. Progress is kept in the reader, so that a cancelled call loses nothing."""
        if self._is_closed:
            raise self._gone()
        if not self.peer_is_gone:
            await self._wait_readable()
        try:
            piece = self._socket.recv(min(max(n_missing, SHORT_BYTES), READ_BYTES))
        except BlockingIOError:
            if self.peer_is_gone:
                raise self._gone() from None
            return
        except OSError as error:
            raise self._gone() from error
        if not piece:
            raise self._gone()
        self._frames.feed(piece)

    async def _write(self, data: memoryview, descriptor: int | None = None) -> int:
        """Write once, when the other end takes it; how much was written, 0 when nobody is there."""
        while True:
            try:
                return self._socket.send(data) if descriptor is None else socket.send_fds(self._socket, [data], [descriptor])
            except BlockingIOError:
                await self._wait_writable()
            except ConnectionError:
                self.peer_is_gone = True
                return 0
            except OSError as error:
                raise self._gone() from error

    async def _wait_readable(self) -> None:
        if self._readable is not None:
            raise RuntimeError("two tasks receive from one channel")
        loop = asyncio.get_running_loop()
        self._readable = loop.create_future()
        if self._watching is None:
            loop.add_reader(self._socket, self._on_readable)
            self._watching = loop
        try:
            await self._readable
        finally:
            self._readable = None

    def _on_readable(self) -> None:
        """Wake who waits. The socket stays watched between two frames, which come soon, but not while nobody reads it."""
        if self._readable is None:
            self._stop_watching()
        else:
            _wake(self._readable)

    def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.remove_reader(self._socket)
            self._watching = None

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
