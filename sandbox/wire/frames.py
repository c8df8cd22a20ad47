"""Frames: a fixed header, then a payload whose length was checked before anything was allocated.

    0      2         3      4           8          12
    | "TG" | version | kind | sequence  | length   | payload …

MESSAGE carries one encoded message, DATA a piece of a stream of bytes (an upload or a result), END closes that stream. The same frames
travel over pipes and inside WebSocket messages. `sequence` counts messages on a resumable link (see `session`) and is 0 elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from sandbox.errors import Code, LimitError, PeerError

MAGIC: Final = b"TG"
VERSION: Final = 1
HEADER: Final = struct.Struct("<2sBBII")
MAX_FRAME_BYTES: Final = 64 << 20
CHUNK_BYTES: Final = 128 << 10
"""Size of a DATA frame made by :func:`data_frames`."""


class Kind(IntEnum):
    """What a frame carries."""

    MESSAGE = 1
    DATA = 2
    END = 3


_KINDS: Final = {int(kind): kind for kind in Kind}


class Frame(NamedTuple):
    """One frame."""

    kind: Kind
    payload: bytes = b""
    sequence: int = 0

    def to_bytes(self) -> bytes:
        """The frame as it travels."""
        return header_of(self.kind, len(self.payload), self.sequence) + self.payload


def header_of(kind: Kind, length: int, sequence: int = 0) -> bytes:
    """The header of a frame whose payload follows."""
    return HEADER.pack(MAGIC, VERSION, kind, sequence, length)


class Header(NamedTuple):
    """A checked header: `length` is within the reader's limit."""

    kind: Kind
    sequence: int
    length: int


def parse_header(data: bytes, max_length: int = MAX_FRAME_BYTES) -> Header:
    """The header in the first bytes of `data`.

    `max_length` is a security limit: the caller allocates only after this returned.
    Raises :class:`PeerError` for bytes that are no header and :class:`LimitError` for a payload above `max_length`.
    """
    magic, version, number, sequence, length = HEADER.unpack_from(data)
    kind = _KINDS.get(number)
    if magic != MAGIC or version != VERSION or kind is None:
        raise PeerError(Code.WIRE_FRAME)
    if length > max_length:
        raise LimitError(Code.LIMIT_FRAME, limit=max_length)
    return Header(kind, sequence, length)


def parse_frame(data: bytes, max_length: int = MAX_FRAME_BYTES) -> Frame:
    """The single frame that `data` must be, no more and no less (a WebSocket message)."""
    if len(data) < HEADER.size:
        raise PeerError(Code.WIRE_FRAME)
    header = parse_header(data, max_length)
    if len(data) != HEADER.size + header.length:
        raise PeerError(Code.WIRE_FRAME)
    return Frame(header.kind, data[HEADER.size :], header.sequence)


class FrameReader:
    """Cuts a stream of bytes into frames, however it arrives. After an error the reader is of no more use."""

    def __init__(self, max_length: int = MAX_FRAME_BYTES) -> None:
        self._max_length = max_length
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames completed by `data`. Raises as :func:`parse_header`."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            header = parse_header(bytes(self._buffer[: HEADER.size]), self._max_length)
            end = HEADER.size + header.length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield Frame(header.kind, payload, header.sequence)

    @property
    def is_between_frames(self) -> bool:
        """Whether the stream may end here without cutting a frame."""
        return not self._buffer


def data_frames(data: bytes) -> Iterator[Frame]:
    """`data` as DATA frames of at most :data:`CHUNK_BYTES`."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK_BYTES):
        yield Frame(Kind.DATA, bytes(view[start : start + CHUNK_BYTES]))
