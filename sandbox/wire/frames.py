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


def parse_header(data: bytes | bytearray, max_length: int = MAX_FRAME_BYTES) -> Header:
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
    """Cuts a stream of bytes into frames, however it arrives. It reads nothing itself: `feed` it while bytes are missing, then `take`.

    It grows with what arrives: a peer that announces a long frame and sends nothing takes no memory. After an error it is of no more use.
    """

    def __init__(self, max_length: int = MAX_FRAME_BYTES) -> None:
        self._max_length = max_length
        self._header: Header | None = None
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Note bytes that arrived."""
        self._buffer += data

    def n_missing(self) -> int:
        """How many bytes the next frame still needs, as far as is known; 0 when it is there. Raises as :func:`parse_header`.

        Never more than up to the end of the header, then of the frame: whoever reads so many reads nothing that follows.
        """
        if self._header is None:
            if len(self._buffer) < HEADER.size:
                return HEADER.size - len(self._buffer)
            self._header = parse_header(self._buffer, self._max_length)
        missing = HEADER.size + self._header.length - len(self._buffer)
        return missing if missing > 0 else 0

    def take(self) -> Frame:
        """The next frame, which has come: :meth:`n_missing` said 0. Raises :class:`ValueError` when it has not."""
        header = self._header
        if header is None or (end := HEADER.size + header.length) > len(self._buffer):
            raise ValueError("no frame has come")
        self._header = None
        with memoryview(self._buffer) as view:
            payload = bytes(view[HEADER.size : end])
        del self._buffer[:end]
        return Frame(header.kind, payload, header.sequence)

    @property
    def is_between_frames(self) -> bool:
        """Whether everything that arrived was taken, so that the stream may end here without cutting a frame."""
        return not self._buffer


def data_frames(data: bytes) -> Iterator[Frame]:
    """`data` as DATA frames of at most :data:`CHUNK_BYTES`."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK_BYTES):
        yield Frame(Kind.DATA, bytes(view[start : start + CHUNK_BYTES]))
