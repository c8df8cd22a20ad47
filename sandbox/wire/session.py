"""A link that survives a lost connection. Sans-I/O: bytes in, events and bytes out; the caller owns the socket and the clock.

Both ends number the messages they send, keep each until the other acknowledged it, and on a new connection first tell each other how far
they got; what is missing is sent again, what came twice is dropped. So a message is delivered exactly once, in order, as long as both
processes live. When a process was restarted its `boot_id` is new: both ends forget the old link (`Opened.is_new`), and the callers tell
each other anew how things stand.

The file knows which side it plays only in who speaks first: the site says Hello, central answers Welcome.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from sandbox.errors import Code, PeerError
from sandbox.wire.codec import encode
from sandbox.wire.frames import MAX_FRAME_BYTES, Frame, Kind, parse_frame
from sandbox.wire.link import PROTOCOL, Ack, Hello, Ping, Pong, Welcome, control
from sandbox.wire.messages import Message

ACK_EVERY: Final = 32
"""Received messages between two acknowledgements; a Ping brings one forward."""
ACK_BYTES: Final = 1 << 20
"""Received bytes that bring one forward, too: until then the peer keeps them in its memory."""


class State(StrEnum):
    """Where the connection stands. The link itself (numbers, unacknowledged messages) outlives every connection."""

    DOWN = "down"
    GREETING = "greeting"
    OPEN = "open"


class Input(StrEnum):
    """What can happen to a session."""

    CONNECT = "connect"
    GREETING = "greeting"
    MESSAGE = "message"
    CONTROL = "control"
    DISCONNECT = "disconnect"


TRANSITIONS: Final[dict[tuple[State, Input], State]] = {
    (State.DOWN, Input.CONNECT): State.GREETING,
    (State.GREETING, Input.GREETING): State.OPEN,
    (State.OPEN, Input.MESSAGE): State.OPEN,
    (State.OPEN, Input.CONTROL): State.OPEN,
    (State.DOWN, Input.DISCONNECT): State.DOWN,
    (State.GREETING, Input.DISCONNECT): State.DOWN,
    (State.OPEN, Input.DISCONNECT): State.DOWN,
}
"""Anything that is not here is a protocol error."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection is open. `is_new`: the peer's process is not the one we knew, nothing sent before will arrive."""

    is_new: bool


@dataclass(frozen=True, slots=True)
class Received:
    """The payload of a message of the peer, delivered once and in order."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Alive:
    """The peer answered a ping."""


Event: TypeAlias = Opened | Received | Alive


class Session:
    """One end of a link. Every method that may produce bytes returns them as a list of frames, to be sent in order."""

    def __init__(self, side: Literal["site", "central"], boot_id: str, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self.side = side
        self.state = State.DOWN
        self.peer_boot_id = ""
        self._boot_id = boot_id
        self._max_frame_bytes = max_frame_bytes
        self._next_sequence = 1
        self._last_received = 0
        self._last_acked = 0
        self._n_bytes = 0
        self._outbox: deque[tuple[int, bytes]] = deque()

    def connect(self) -> list[bytes]:
        """A connection was made. The site must send what is returned; central waits for Hello."""
        self._step(Input.CONNECT)
        return [_control(Hello(PROTOCOL, self._boot_id, self.peer_boot_id, self._last_received))] if self.side == "site" else []

    def disconnect(self) -> None:
        """The connection is gone. Messages sent meanwhile are kept for the next one."""
        self._step(Input.DISCONNECT)

    def send(self, payload: bytes) -> list[bytes]:
        """Queue a message; the frames to send now (none while the connection is down)."""
        frame = Frame(Kind.MESSAGE, payload, self._next_sequence).to_bytes()
        self._outbox.append((self._next_sequence, frame))
        self._next_sequence += 1
        return [frame] if self.state is State.OPEN else []

    def ping(self) -> list[bytes]:
        """Ask whether the peer is there; an :class:`Alive` event answers."""
        return [_control(Ping())] if self.state is State.OPEN else []

    def receive(self, data: bytes) -> tuple[list[Event], list[bytes]]:
        """Take one frame from the peer. Raises :class:`PeerError` or `LimitError`: close the connection, then call `disconnect`."""
        frame = parse_frame(data, self._max_frame_bytes)
        if frame.kind is not Kind.MESSAGE:
            raise PeerError(Code.WIRE_FRAME)
        if frame.sequence:
            return self._on_message(frame)
        message = control.decode(frame.payload)
        if isinstance(message, Hello | Welcome):
            return self._on_greeting(message)
        self._step(Input.CONTROL)
        if isinstance(message, Ack):
            self._forget(message.sequence)
            return [], []
        if isinstance(message, Ping):
            return [], [_control(Pong()), *self._ack()]
        return [Alive()], []

    @property
    def n_unacknowledged(self) -> int:
        """Messages kept for a resend."""
        return len(self._outbox)

    def _step(self, event: Input) -> None:
        following = TRANSITIONS.get((self.state, event))
        if following is None:
            raise PeerError(Code.WIRE_MESSAGE)
        self.state = following

    def _on_greeting(self, greeting: Hello | Welcome) -> tuple[list[Event], list[bytes]]:
        if isinstance(greeting, Hello) is (self.side == "site"):
            raise PeerError(Code.WIRE_MESSAGE)
        if greeting.protocol != PROTOCOL:
            raise PeerError(Code.WIRE_VERSION, found=greeting.protocol, expected=PROTOCOL)
        self._step(Input.GREETING)
        # Central decides, from what the site still knows: a Welcome that was lost must not leave the two with different beliefs.
        if isinstance(greeting, Hello):
            is_new = greeting.boot_id != self.peer_boot_id or greeting.known_boot_id != self._boot_id
        else:
            is_new = greeting.is_new
        if is_new:
            self._reset()
            self.peer_boot_id = greeting.boot_id
        else:
            self._forget(greeting.last_received)
        answer = [_control(Welcome(PROTOCOL, self._boot_id, is_new, self._last_received))] if self.side == "central" else []
        return [Opened(is_new)], answer + [frame for _, frame in self._outbox]

    def _reset(self) -> None:
        self._next_sequence, self._last_received, self._last_acked, self._n_bytes = 1, 0, 0, 0
        self._outbox.clear()

    def _on_message(self, frame: Frame) -> tuple[list[Event], list[bytes]]:
        self._step(Input.MESSAGE)
        if frame.sequence <= self._last_received:
            return [], []
        if frame.sequence != self._last_received + 1:
            raise PeerError(Code.WIRE_SEQUENCE)
        self._last_received = frame.sequence
        self._n_bytes += len(frame.payload)
        is_due = self._last_received - self._last_acked >= ACK_EVERY or self._n_bytes >= ACK_BYTES
        return [Received(frame.payload)], self._ack() if is_due else []

    def _ack(self) -> list[bytes]:
        self._last_acked, self._n_bytes = self._last_received, 0
        return [_control(Ack(self._last_received))]

    def _forget(self, sequence: int) -> None:
        if sequence >= self._next_sequence:
            raise PeerError(Code.WIRE_SEQUENCE)
        while self._outbox and self._outbox[0][0] <= sequence:
            self._outbox.popleft()


def _control(message: Message) -> bytes:
    return Frame(Kind.MESSAGE, encode(message)).to_bytes()
