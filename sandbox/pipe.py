"""A child's end of its channel: blocking frames over one descriptor, with nothing but `read` and `write`.

Child side only; hosts have :mod:`sandbox.channel`. Reads are of exact sizes, because a plain read that swallows the byte which carries a
descriptor loses the descriptor. The methods of sockets are avoided: they are other system calls, which the filter kills.
"""

from __future__ import annotations

import os
import socket
from typing import Final

from sandbox.errors import Code, PeerError
from sandbox.lockdown.plan import CHANNEL
from sandbox.wire.codec import encode
from sandbox.wire.frames import HEADER, MAX_FRAME_BYTES, Frame, Kind, header_of, parse_header
from sandbox.wire.messages import Message

_READ_BYTES: Final = 256 << 10
BULK_BYTES: Final = 1 << 20
"""Size of a DATA frame made by :meth:`Pipe.send_bulk`."""


class Pipe:
    """One end of a channel. `max_length` bounds the payload of a received frame, before anything is allocated."""

    def __init__(self, fd: int = CHANNEL, max_length: int = MAX_FRAME_BYTES) -> None:
        self.fd = fd
        self._max_length = max_length
        self._socket: socket.socket | None = None

    def prepare_descriptors(self) -> None:
        """Make :meth:`receive_descriptor` possible under the filter, which forbids what making a socket object needs."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=self.fd)

    def send(self, *messages: Message) -> None:
        """Send messages, one frame each; raises as :meth:`send_frame`."""
        self._write(b"".join([Frame(Kind.MESSAGE, encode(message)).to_bytes() for message in messages]))

    def send_frame(self, frame: Frame) -> None:
        """Send one frame; raises :class:`OSError` when the other end is gone."""
        self._write(frame.to_bytes())

    def send_bulk(self, data: bytes | memoryview) -> None:
        """Send bytes as DATA frames and an END, without a copy of them."""
        view = memoryview(data)
        for start in range(0, len(view), BULK_BYTES):
            piece = view[start : start + BULK_BYTES]
            self._write(header_of(Kind.DATA, len(piece)))
            self._write(piece)
        self.send_frame(Frame(Kind.END))

    def receive_bulk(self, into: memoryview) -> None:
        """Fill `into` from DATA frames up to an END; raises as :meth:`receive`, and `PeerError` for more bytes or fewer."""
        start = 0
        while (header := parse_header(self._read_exactly(HEADER.size), self._max_length)).kind is Kind.DATA:
            stop = start + header.length
            if stop > len(into):
                raise PeerError(Code.WIRE_FRAME)
            while start < stop:
                piece = self._read(min(stop - start, _READ_BYTES))
                into[start : start + len(piece)] = piece
                start += len(piece)
        if header.kind is not Kind.END or header.length or start != len(into):
            raise PeerError(Code.WIRE_FRAME)

    def receive(self) -> Frame:
        """The next frame.

        Raises :class:`EOFError` when the other end is gone, :class:`~sandbox.errors.PeerError` or
        :class:`~sandbox.errors.LimitError` for bytes that are no frame or too long a one: the channel is then of no more use.
        """
        header = parse_header(self._read_exactly(HEADER.size), self._max_length)
        return Frame(header.kind, self._read_exactly(header.length), header.sequence)

    def receive_descriptor(self) -> int:
        """The descriptor that follows on the channel, carried by one byte."""
        self.prepare_descriptors()
        if self._socket is None:
            raise EOFError
        data, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1)
        if not data or not descriptors:
            raise EOFError
        return descriptors[0]

    def close(self) -> None:
        """Close the descriptor. The filter does not let a locked child do this."""
        if self._socket is not None:
            self._socket.detach()
            self._socket = None
        os.close(self.fd)

    def _read_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            data += self._read(min(size - len(data), _READ_BYTES))
        return bytes(data)

    def _read(self, size: int) -> bytes:
        piece = os.read(self.fd, size)
        if not piece:
            raise EOFError
        return piece

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.fd, rest) :]
