"""The central worker's line to the round engine: questions with an answer, and notes without one."""

from __future__ import annotations

from typing import Final, Protocol

from sandbox.errors import TidegateError
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import Ask, FitRecord, KeepNow, LogEvent, Message, Progress, Replies, Tell, host_to_worker

MAX_WAITING: Final = 64
"""Tells that wait for a question. A pair that only ever tells is its host's to stop, who must hear of it."""


class Duplex(Protocol):
    """What a worker needs of its pipe (`sandbox.pipe.Pipe`)."""

    def send(self, *messages: Message) -> None:
        """Send messages in order."""

    def receive(self) -> Frame:
        """Wait for one frame. Raises :class:`EOFError` when the other end is gone."""


class LineLost(BaseException):
    """The host is gone or speaks nonsense. Not an `Exception`, so that no pair can catch it and go on."""


class Line(Protocol):
    """What `job` and `sites` speak through."""

    def ask(self, question: Ask | KeepNow) -> Replies:
        """Send a question and wait for its answer."""

    def note(self, message: Tell | Progress | LogEvent | FitRecord) -> None:
        """Send a message that has no answer."""


class PipeLine:
    """A :class:`Line` over the worker's pipe. What participants are told waits for the next message of another kind."""

    def __init__(self, pipe: Duplex) -> None:
        self._pipe = pipe
        self._tells: list[Message] = []

    def ask(self, question: Ask | KeepNow) -> Replies:
        """Send a question and wait for its answer. Raises :class:`LineLost`."""
        self.send(question)
        try:
            answer = host_to_worker.decode(message_payload(self._pipe.receive()))
        except (EOFError, OSError, TidegateError) as error:
            raise LineLost from error
        if not isinstance(answer, Replies):
            raise LineLost
        return answer

    def note(self, message: Tell | Progress | LogEvent | FitRecord) -> None:
        """Send a message that has no answer. Raises :class:`LineLost`."""
        if isinstance(message, Tell) and len(self._tells) < MAX_WAITING:
            self._tells.append(message)
        else:
            self.send(message)

    def send(self, message: Message) -> None:
        """Send a message after the tells that wait. Raises :class:`LineLost`."""
        tells, self._tells = self._tells, []
        try:
            self._pipe.send(*tells, message)
        except OSError as error:
            raise LineLost from error


def message_payload(frame: Frame) -> bytes:
    """The payload of a MESSAGE frame. Raises :class:`LineLost` for other frames: a worker is sent nothing else."""
    if frame.kind is not Kind.MESSAGE:
        raise LineLost
    return frame.payload
