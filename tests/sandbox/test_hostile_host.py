"""A locked gate under a host, or a link, that sends it anything: it ends with a code or silently, in time, and takes nobody along."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from policies import built_in
from sandbox.errors import Code, PeerError
from sandbox.job import JobSpec, Target, check_job
from sandbox.manifest import make_pair
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.codec import encode
from sandbox.wire.frames import HEADER, MAGIC, VERSION, Frame, Kind, data_frames
from sandbox.wire.messages import (
    AttachWorker,
    Begin,
    CallStep,
    Constants,
    GateFailed,
    GateSetup,
    GateToHost,
    KeepImputation,
    Message,
    RunRound,
    SendResult,
    StepCall,
    Wiped,
    gate_to_host,
)
from sandbox.wire.messages import Wipe as WipeMessage
from sandbox.wire.values import floats
from tests.one_chain import asks

pytestmark = pytest.mark.asyncio(loop_scope="module")
POLICY = msgspec.structs.replace(built_in("research"), max_rows_bytes=64 << 20, max_frame_bytes=4 << 20)
CSV = b"y,a\n" + b"".join(b"%d,%d\n" % (row * 7 % 50, row % 13) for row in range(200))
PAIR = make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), REMOTE.encode())
SPEC = check_job(JobSpec((Target("y", "continuous"),), imputations=2, seed=1), PAIR.manifest)
SETUP = GateSetup("job", "central", True, POLICY, SPEC, PAIR.manifest_bytes, PAIR.digest, None, b"k" * 32)
MARGINS = RunRound(0, asks(StepCall("margins")))
TWO = floats([0.0, 0.0])
SECONDS = 120
"""For a machine that is busy: nothing takes so long but what never ends."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start()
    yield supervisor
    await supervisor.close()


@pytest_asyncio.fixture(loop_scope="module")
async def gate(supervisor: Supervisor) -> AsyncIterator[Child]:
    gate = await supervisor.spawn_gate(POLICY)
    yield gate
    await gate.kill()


def message(content: Message) -> bytes:
    return Frame(Kind.MESSAGE, encode(content)).to_bytes()


def upload(text: bytes) -> bytes:
    return b"".join(frame.to_bytes() for frame in data_frames(text)) + END


async def send(gate: Child, data: bytes) -> None:
    """Raw bytes on the gate's channel, until it takes no more."""
    loop = asyncio.get_running_loop()
    end = gate.channel._socket
    try:
        await asyncio.wait_for(loop.sock_sendall(end, data), SECONDS)
    except ConnectionError:
        return


async def send_descriptors(gate: Child, data: bytes, descriptors: list[int]) -> None:
    """Descriptors beside a few bytes, when the gate takes them: how fast it reads is its own affair."""
    while True:
        try:
            socket.send_fds(gate.channel._socket, [data], descriptors)
            return
        except BlockingIOError:
            await gate.channel._wait_writable()


async def last_words(gate: Child) -> list[GateToHost]:
    """Everything a gate says until it is gone."""
    said = []
    try:
        while True:
            frame = await asyncio.wait_for(gate.channel.receive(), SECONDS)
            if frame.kind is Kind.MESSAGE:
                said.append(gate_to_host.decode(frame.payload))
    except PeerError:
        return said


END = Frame(Kind.END).to_bytes()
SET_UP = message(SETUP)
CLEAN = SET_UP + upload(CSV)
OUT_OF_ORDER = {
    "data before the setup": upload(CSV),
    "an order before the setup": message(MARGINS),
    "two setups": SET_UP + SET_UP,
    "a message of another channel": SET_UP + message(CallStep("moments", {})),
    "a message in the middle of an upload": SET_UP + Frame(Kind.DATA, CSV).to_bytes() + message(MARGINS),
    "a round before the upload": SET_UP + message(MARGINS),
    "begin before the margins": CLEAN + message(Begin(Constants(TWO, TWO, TWO))),
    "keep before begin": CLEAN + message(KeepImputation()),
    "the result before there is one": CLEAN + message(SendResult({})),
    "margins twice": CLEAN + message(MARGINS) + message(RunRound(1, asks(StepCall("margins")))),
    "a round of a past number": CLEAN + message(MARGINS) + message(RunRound(-1, asks(StepCall("moments", {"target": 1})))),
    "an upload after the margins": CLEAN + message(MARGINS) + upload(CSV),
    "too many steps in a round": CLEAN + message(RunRound(0, asks(*(StepCall("margins"),) * 1001))),
    "no steps in a round": CLEAN + message(RunRound(0, asks())),
    "no chain in a round": CLEAN + message(RunRound(0, ())),
}
NO_FRAMES = {
    "bytes that are no frame": SET_UP + b"GET / HTTP/1.1\r\n\r\n" * 10,
    "another version": SET_UP + HEADER.pack(MAGIC, VERSION + 1, Kind.DATA, 0, 0),
    "an unknown kind": SET_UP + HEADER.pack(MAGIC, VERSION, 9, 0, 0),
    "a frame that announces 4 GB": SET_UP + HEADER.pack(MAGIC, VERSION, Kind.DATA, 0, 0xFFFFFFFF),
    "a frame above the policy's limit": SET_UP + HEADER.pack(MAGIC, VERSION, Kind.DATA, 0, POLICY.max_frame_bytes + 1),
    "a message that is no message": SET_UP + Frame(Kind.MESSAGE, b"\xc1").to_bytes(),
    "a message that nests for ever": SET_UP + Frame(Kind.MESSAGE, b"\x91" * 100_000).to_bytes(),
    "an empty message": SET_UP + Frame(Kind.MESSAGE).to_bytes(),
    "a pickle": SET_UP + Frame(Kind.MESSAGE, b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.").to_bytes(),
}


async def serves_another(supervisor: Supervisor) -> bool:
    gate = await supervisor.spawn_gate(POLICY)
    await send(gate, CLEAN)
    report = gate_to_host.decode((await gate.channel.receive()).payload)
    await gate.kill()
    return bool(getattr(report, "is_clean", False))


@pytest.mark.parametrize("case", [*OUT_OF_ORDER, *NO_FRAMES])
async def test_gate_ends_itself_over(supervisor: Supervisor, gate: Child, case: str) -> None:
    await send(gate, {**OUT_OF_ORDER, **NO_FRAMES}[case])
    said = await last_words(gate)
    assert isinstance(said[-1], GateFailed), said
    assert said[-1].code in {
        *(Code.GATE_PROTOCOL, Code.WIRE_FRAME, Code.WIRE_MESSAGE, Code.LIMIT_FRAME, Code.LIMIT_STEP_MESSAGES),
    }
    assert (await asyncio.wait_for(gate.wait(), SECONDS)).code == 0
    assert await serves_another(supervisor)


async def test_an_upload_that_ends_twice_is_an_empty_upload_and_not_the_old_rows(gate: Child) -> None:
    await send(gate, CLEAN + END)
    clean, empty = [gate_to_host.decode((await gate.channel.receive()).payload) for _ in range(2)]
    assert clean.is_clean  # type: ignore[union-attr]
    assert [finding.code for finding in empty.findings] == [Code.DATA_EMPTY]  # type: ignore[union-attr]
    await send(gate, message(MARGINS))
    assert isinstance((await last_words(gate))[-1], GateFailed), "there are no rows to ask about"


async def test_a_wipe_is_obeyed_in_the_middle_of_an_upload(gate: Child) -> None:
    await send(gate, SET_UP + Frame(Kind.DATA, CSV).to_bytes() + message(WipeMessage()))
    assert isinstance((await last_words(gate))[-1], Wiped)


async def test_half_a_frame_and_a_closed_channel_end_a_gate_without_a_word(gate: Child) -> None:
    await send(gate, SET_UP + HEADER.pack(MAGIC, VERSION, Kind.DATA, 0, 1000) + b"half")
    gate.channel._socket.shutdown(socket.SHUT_WR)
    assert await last_words(gate) == []
    assert (await gate.wait()).code == 0


async def test_descriptors_that_nobody_asked_for_do_not_stay_with_a_gate(supervisor: Supervisor, gate: Child) -> None:
    await send(gate, SET_UP)
    frame = Frame(Kind.DATA, b"y,a\n").to_bytes()
    with open(os.devnull, "rb") as null:
        for _ in range(100):
            await send_descriptors(gate, frame, [null.fileno()] * 200)
    await send(gate, END)
    report = gate_to_host.decode((await gate.channel.receive()).payload)
    assert not report.is_clean  # type: ignore[union-attr]
    if os.getuid() == 0:  # a gate keeps other processes of its user out
        assert sorted(map(int, os.listdir(f"/proc/{gate.pid}/fd"))) == [0, 1, 2, 3]
    assert await serves_another(supervisor)


async def test_more_descriptors_than_one_for_a_worker_are_dropped(gate: Child) -> None:
    await send(gate, CLEAN + message(MARGINS))
    for _ in range(2):
        await gate.channel.receive()
    await send(gate, message(AttachWorker()))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await send_descriptors(gate, b"F", [theirs.fileno()] * 50)
        await gate.channel.receive()
        if os.getuid() == 0:
            assert sorted(map(int, os.listdir(f"/proc/{gate.pid}/fd"))) == [0, 1, 2, 3, 4]


async def test_what_is_attached_and_is_no_worker_ends_the_gate(gate: Child) -> None:
    await send(gate, CLEAN + message(MARGINS) + message(Begin(Constants(TWO, floats([1.0, 1.0]), TWO))))
    for _ in range(3):
        await gate.channel.receive()
    await send(gate, message(AttachWorker()))
    with open(os.devnull, "rb+", buffering=0) as file:
        await send_descriptors(gate, b"F", [file.fileno()])
    await gate.channel.receive()
    await send(gate, message(RunRound(1, asks(StepCall("moments", {"target": 1})))))
    said = await last_words(gate)
    assert isinstance(said[-1], GateFailed)
    assert said[-1].code is Code.WORKER_DIED


async def test_a_flood_of_uploads_keeps_a_gates_memory_bounded(gate: Child) -> None:
    await send(gate, SET_UP)
    for _ in range(20):
        await send(gate, upload(CSV * 50))
        await gate.channel.receive()
    if os.getuid() == 0:
        status = Path(f"/proc/{gate.pid}/status").read_text(encoding="ascii")
        private = int(next(line for line in status.splitlines() if line.startswith("RssAnon:")).split()[1])
        assert private < 150_000, f"{private} kB"
