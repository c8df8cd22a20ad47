"""The gate's end of a blind worker's pipe: calls go together, answers are taken one by one, what nobody takes is thrown away."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from sandbox.errors import Code, PeerError
from sandbox.gate.attached import TOGETHER_BYTES, AttachedWorker
from sandbox.gate.guard import Refusal
from sandbox.pipe import Pipe
from sandbox.wire.messages import CallStep, KernelCall, Message, StepCall, StepDone, StepFailed, Wipe, gate_to_worker
from sandbox.wire.values import floats

LONG = floats([1.0] * (TOGETHER_BYTES // 8))


class Peer:
    """The worker's end of the pipe."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._pipe = Pipe(end.fileno())

    def hear(self) -> str:
        """The step that is called next."""
        message = gate_to_worker.decode(self._pipe.receive().payload)
        assert isinstance(message, CallStep)
        return message.step

    def end(self) -> None:
        self._socket.close()

    def say(self, *answers: Message) -> None:
        self._pipe.send(*answers)

    @property
    def has_heard_all(self) -> bool:
        self._socket.setblocking(False)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return True
        finally:
            self._socket.setblocking(True)


@pytest.fixture
def ends() -> Iterator[tuple[AttachedWorker, Peer]]:
    gate, worker = socket.socketpair()
    with gate, worker:
        yield AttachedWorker(gate.fileno()), Peer(worker)


def named(target: int) -> StepDone:
    return StepDone((KernelCall("gram", target),), {"moments": 0})


def test_the_calls_of_a_round_are_sent_before_the_first_answer_is_awaited(ends: tuple[AttachedWorker, Peer]) -> None:
    worker, peer = ends
    peer.say(named(1), named(2))
    answers = worker.run([StepCall("a", {}, is_tell=True), StepCall("b", {})])
    assert next(answers) == named(1)
    assert [peer.hear(), peer.hear()] == ["a", "b"]
    assert next(answers) == named(2)
    assert next(answers, None) is None


def test_an_answer_that_the_gate_did_not_take_is_not_the_answer_of_the_next_call(ends: tuple[AttachedWorker, Peer]) -> None:
    worker, peer = ends
    peer.say(named(1), named(2), named(3))
    assert next(worker.run([StepCall("a", {}, is_tell=True), StepCall("b", {})])) == named(1)
    assert list(worker.run([StepCall("c", {})])) == [named(3)]


def test_after_a_step_that_raised_the_next_call_gets_its_own_answer(ends: tuple[AttachedWorker, Peer]) -> None:
    worker, peer = ends
    peer.say(StepFailed(7), named(2), named(3))
    with pytest.raises(Refusal) as refusal:
        next(worker.run([StepCall("a", {}, is_tell=True), StepCall("b", {})]))
    assert (refusal.value.code, refusal.value.line) == (Code.WORKER_RAISED, 7)
    assert list(worker.run([StepCall("c", {})])) == [named(3)]


def test_a_call_with_long_arguments_waits_until_the_one_before_it_is_answered(ends: tuple[AttachedWorker, Peer]) -> None:
    worker, peer = ends
    calls = [StepCall("a", {"beta": LONG}, is_tell=True), StepCall("b", {"beta": LONG})]
    peer.say(named(1))
    answers = worker.run(calls)
    assert next(answers) == named(1)
    assert peer.hear() == "a"
    assert peer.has_heard_all
    peer.say(named(2))
    assert next(answers) == named(2)
    assert peer.hear() == "b"


@pytest.mark.parametrize(("said", "code"), [(StepDone(), None), (Wipe(), Code.WORKER_PROTOCOL), (None, Code.WORKER_DIED)])
def test_what_a_worker_said_last_counts_when_it_is_gone_before_it_is_asked(
    ends: tuple[AttachedWorker, Peer], said: StepDone | Wipe | None, code: Code | None
) -> None:
    worker, peer = ends
    if said is not None:
        peer.say(said)
    peer.end()
    answers = worker.run([StepCall("a", {}), StepCall("b", {})])
    if code is None:
        assert next(answers) == said
    with pytest.raises(PeerError) as caught:
        next(answers)
    assert caught.value.code is (code or Code.WORKER_DIED)


def test_many_calls_and_long_answers_do_not_lock_gate_and_worker(ends: tuple[AttachedWorker, Peer]) -> None:
    worker, peer = ends
    calls = [StepCall("a", {"beta": floats([1.0] * 300)}, is_tell=True)] * 400
    long_answer = StepDone((KernelCall("draw", 1, "gaussian", floats([1.0] * 30_000), 1.0),))

    def serve() -> None:
        for _ in calls:
            peer.hear()
            peer.say(long_answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert sum(1 for _ in worker.run(calls)) == len(calls)
    thread.join(10)
    assert not thread.is_alive()
