"""The trusted channel between a supervisor and its zygote: length-prefixed messages, with descriptors beside them.

Both ends are our own code and no worker's bytes ever travel here. `multiprocess` frames them; only `send_bytes` and `recv_bytes` with a
maximum are used, because its `send` and `recv` pickle (a test of the architecture forbids them). A descriptor follows its message on the
same socket, carried by one byte.
"""

from __future__ import annotations

import os
import socket
from typing import Final, Literal, TypeAlias

import msgspec
from multiprocess.connection import Connection

from policies import Isolation
from sandbox.wire.codec import Decoder, encode
from sandbox.wire.messages import Message

MAX_BYTES: Final = 4096
"""Far below what `Connection` writes at once (16 KiB), so that a message whose first byte is there is there as a whole."""

EXIT_LOCKDOWN: Final = 96
"""Exit status of a child that could not put a layer on."""
EXIT_SELF_TEST: Final = 97
"""Exit status of a child whose self-test found a layer that does not hold."""
EXIT_RAISED: Final = 98
"""Exit status of a child whose role raised."""


class Spawn(Message, frozen=True):
    """Fork a child; the descriptor of its channel follows. Sizes in bytes; `region_bytes` is 0 for a worker."""

    id: int
    role: Literal["gate", "worker"]
    region_bytes: int
    data_bytes: int
    cpu_seconds: int
    max_frame_bytes: int
    minimum_isolation: Isolation
    blas_threads: int


class Up(Message, frozen=True):
    """The zygote has imported everything and locked itself in; what this machine offers it."""

    pid: int
    landlock_abi: int


class Spawned(Message, frozen=True):
    """The child exists; its pidfd follows."""

    id: int
    pid: int


class NotSpawned(Message, frozen=True):
    """There was no memory or process for the child."""

    id: int


class Exited(Message, frozen=True):
    """A child has ended and was reaped: with an exit status, or by a signal."""

    id: int
    code: int | None
    signal: int | None


FromZygote: TypeAlias = Up | Spawned | NotSpawned | Exited

to_zygote: Final[Decoder[Spawn]] = Decoder(Spawn)
from_zygote: Final[Decoder[FromZygote]] = Decoder(FromZygote)


class Control:
    """One end of the channel; it owns `end`."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._connection = Connection(os.dup(end.fileno()))

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def put(self, message: msgspec.Struct, descriptor: int | None = None) -> None:
        """Send `message`, and `descriptor` after it. Raises :class:`OSError` when the other end is gone."""
        self._connection.send_bytes(encode(message))
        if descriptor is not None:
            socket.send_fds(self._socket, [b"F"], [descriptor])

    def take(self) -> bytes:
        """The bytes of the next message. Raises :class:`EOFError` or :class:`OSError` when the other end is gone."""
        data: bytes = self._connection.recv_bytes(MAX_BYTES)
        return data

    def take_descriptor(self) -> int:
        """The descriptor that follows the message just taken."""
        data, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1)
        if not data or not descriptors:
            raise EOFError
        return descriptors[0]

    def close(self) -> None:
        """Close this end: the other one sees the end of the stream."""
        self._connection.close()
        self._socket.close()
