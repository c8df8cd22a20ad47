"""The worker's life over a real pipe: ready, compile, serve, leave."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sandbox.manifest import Pair, load_pair
from sandbox.pipe import Pipe
from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import (
    Ask,
    CallStep,
    Compiled,
    Finished,
    Isolation,
    KeepNow,
    Message,
    Program,
    Replies,
    StepDone,
    Tell,
    Wipe,
    WorkerReady,
    worker_to_gate,
    worker_to_host,
)
from sandbox.worker.channel import MAX_WAITING
from sandbox.worker.serve import serve
from tests.algorithms.federation import contract_of, make

ISOLATION = Isolation("none", 0, False, 0, False)
ARGUMENTS = "The arguments of step moments are not those of the manifest."
SIMI: Pair = load_pair(Path(__file__).parents[3] / "algorithms" / "SIMI")


class Peer:
    """The other end of a worker that serves in a thread."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.pipe, self._theirs = Pipe(ours.detach()), theirs.detach()
        self.thread = threading.Thread(target=serve, args=(Pipe(self._theirs), ISOLATION))
        self.thread.start()
        self._is_open = True

    def send(self, message: Message) -> None:
        self.pipe.send(message)

    def hang_up(self) -> None:
        if self._is_open:
            os.close(self.pipe.fd)
            self._is_open = False

    def close(self) -> None:
        self.hang_up()
        self.thread.join(10)
        os.close(self._theirs)

    @property
    def has_left(self) -> bool:
        self.thread.join(10)
        return not self.thread.is_alive()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    assert worker_to_host.decode(peer.pipe.receive().payload) == WorkerReady(ISOLATION)
    yield peer
    peer.close()


def program(module: str, source: bytes, pair: Pair = SIMI) -> Program:
    return Program("central" if module == "central" else "remote", source, pair.manifest_bytes, 262_144)


def compiled(peer: Peer) -> Compiled:
    message = worker_to_host.decode(peer.pipe.receive().payload)
    assert isinstance(message, Compiled)
    return message


def test_remote_module_answers_calls_until_the_gate_is_gone(peer: Peer) -> None:
    peer.send(program("remote", SIMI.remote_source))
    assert compiled(peer) == Compiled()
    for _ in range(2):
        peer.send(CallStep("moments", {"target": 2}))
        done = worker_to_gate.decode(peer.pipe.receive().payload)
        assert isinstance(done, StepDone)
        assert done.fields == {"moments": 0}
    peer.hang_up()
    assert peer.has_left


def test_findings_are_sent_and_the_worker_leaves(peer: Peer) -> None:
    peer.send(program("remote", b"import os\n"))
    (finding,) = compiled(peer).findings
    assert (finding.line, finding.message) == (1, "os cannot be imported.")
    assert peer.has_left


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"def moments(rows, target):\n    return {}\n", "The manifest declares step score, the remote module has no such function."),
        (SIMI.remote_source.replace(b"(rows, target)", b"(rows)"), ARGUMENTS),
        (SIMI.remote_source.replace(b"(rows, target)", b"(target, rows)"), "The first argument of step moments must be rows."),
        (SIMI.remote_source.replace(b"(rows, target)", b"(rows, *target)"), "Step moments must name its arguments."),
        (
            SIMI.remote_source.replace(b"(rows, target)", b"(rows, target, n)"),
            ARGUMENTS,
        ),
    ],
    ids=["no function", "argument missing", "order", "star", "argument too many"],
)
def test_remote_module_is_held_against_the_manifest(peer: Peer, source: bytes, message: str) -> None:
    peer.send(program("remote", source.replace(b"rows.gram(where=rows.observed(target))", b"None")))
    assert message in [finding.message for finding in compiled(peer).findings]


def test_functions_the_manifest_does_not_declare_cannot_be_called(peer: Peer) -> None:
    peer.send(program("remote", SIMI.remote_source + b"\n\ndef secret(rows):\n    return {}\n"))
    assert compiled(peer) == Compiled()
    peer.send(CallStep("secret", {}))
    assert not isinstance(worker_to_gate.decode(peer.pipe.receive().payload), StepDone)


@pytest.mark.parametrize("source", [b"X = 1\n", b"def impute(job):\n    return 1\n", b"def impute(job, sites, n):\n    return 1\n"])
def test_central_module_needs_impute_with_two_arguments(peer: Peer, source: bytes) -> None:
    peer.send(program("central", source))
    assert len(compiled(peer).findings) == 1


def test_central_module_runs_to_its_end_and_leaves(peer: Peer) -> None:
    rng = np.random.default_rng(1)
    raws = [np.column_stack([rng.normal(size=60), rng.normal(size=60)]) for _ in range(2)]
    raws[0][:10, 1] = np.nan
    federation, start = make(SIMI, raws, contract_of(("x", "y"), {"y": "continuous"}), imputations=2)
    peer.send(program("central", SIMI.central_source))
    assert compiled(peer) == Compiled()
    peer.send(start)
    while not isinstance(message := worker_to_host.decode(peer.pipe.receive().payload), Finished):
        if isinstance(message, Ask | KeepNow):
            peer.send(federation.ask(message))
        else:
            federation.note(message)
    assert len(federation.kept) == 2
    assert set(federation.fits()) == {2}
    assert peer.has_left


def test_a_pair_cannot_outlive_its_host(peer: Peer) -> None:
    source = b"def impute(job, sites):\n while True:\n  try:\n   job.progress(1, 1)\n  except Exception:\n   pass\n"
    _, start = make(SIMI, [np.ones((3, 2))], contract_of(("x", "y"), {"y": "continuous"}))
    peer.send(program("central", source))
    assert compiled(peer) == Compiled()
    peer.send(start)
    peer.pipe.receive()
    peer.hang_up()
    assert peer.has_left


@pytest.mark.parametrize("message", [Wipe(), Replies(), CallStep("moments", {})])
def test_a_message_out_of_turn_ends_the_worker(peer: Peer, message: Message) -> None:
    peer.send(message)
    assert peer.has_left


@pytest.mark.parametrize("frame", [Frame(Kind.DATA, encode(Replies())), Frame(Kind.MESSAGE, b"\xc1"), Frame(Kind.END)])
def test_a_frame_that_is_no_message_ends_the_worker(peer: Peer, frame: Frame) -> None:
    peer.pipe.send_frame(frame)
    assert peer.has_left


def test_a_manifest_that_does_not_parse_ends_the_worker(peer: Peer) -> None:
    peer.send(Program("remote", SIMI.remote_source, b"name = 1", 1000))
    assert peer.has_left


@pytest.mark.parametrize("number", [3, MAX_WAITING + 1])
def test_what_is_told_arrives_before_the_next_question_and_before_the_end(peer: Peer, number: int) -> None:
    tells = f"    for i in range({number}):\n        sites.tell('impute_continuous', target=2, beta=np.zeros(2), sigma=float(i))\n"
    source = f"import numpy as np\n\ndef impute(job, sites):\n{tells}    job.keep_imputation()\n{tells}"
    _, start = make(SIMI, [np.ones((3, 2))], contract_of(("x", "y"), {"y": "continuous"}))
    peer.send(program("central", source.encode()))
    assert compiled(peer) == Compiled()
    peer.send(start)
    for last in (KeepNow, Finished):
        told = [worker_to_host.decode(peer.pipe.receive().payload) for _ in range(number)]
        assert [message.request["sigma"] for message in told if isinstance(message, Tell)] == [float(i) for i in range(number)]
        assert isinstance(worker_to_host.decode(peer.pipe.receive().payload), last)
        if last is KeepNow:
            peer.send(Replies())
    assert peer.has_left


def test_a_pair_that_only_tells_is_heard(peer: Peer) -> None:
    tell = "sites.tell('impute_continuous', target=2, beta=np.zeros(2), sigma=1.0)"
    source = f"import numpy as np\n\ndef impute(job, sites):\n    while True:\n        {tell}\n".encode()
    _, start = make(SIMI, [np.ones((3, 2))], contract_of(("x", "y"), {"y": "continuous"}))
    peer.send(program("central", source))
    assert compiled(peer) == Compiled()
    peer.send(start)
    for _ in range(3 * MAX_WAITING):
        assert isinstance(worker_to_host.decode(peer.pipe.receive().payload), Tell)
