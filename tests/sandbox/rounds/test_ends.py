"""A child that gives up says why and ends, before or after the next write to it: its host always tells what the child said.

In each test the child certainly is gone before the write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from policies import built_in
from sandbox.contract import Column, Contract
from sandbox.declared import Declarations
from sandbox.errors import Code, PeerError, TidegateError
from sandbox.job import JobSpec, Target, check_job
from sandbox.lockdown.plan import GATE_DATA_BYTES
from sandbox.manifest import make_pair
from sandbox.rounds.chain import Chain
from sandbox.rounds.local import LocalParticipant
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE
from sandbox.supervisor import Supervisor
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.messages import Constants, KeepNow, Replies, StepCall
from sandbox.wire.values import floats
from tests.one_chain import asks
from tests.sandbox.rounds.test_engine import CSV, Bench, chunks

QUITTING = str(Path(__file__).parent / "quitting_zygote.py")
HOSTILE = str(Path(__file__).parents[1] / "lockdown" / "hostile_zygote.py")
POLICY = built_in("research")
PAIR = make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), REMOTE.encode())
SPEC = check_job(JobSpec((Target("y", "continuous"),), seed=1), PAIR.manifest)
CONTRACT = Contract((Column("y", "target", "continuous"), Column("a", "predictor")))
TWO = floats([0.0, 0.0])


async def read(stream: AsyncIterator[bytes]) -> None:
    async for _ in stream:
        pass


CALLS: dict[str, Callable[[LocalParticipant], Awaitable[object]]] = {
    "upload": lambda participant: participant.upload(chunks(CSV)),
    "attach": lambda participant: participant.attach(PAIR.remote_source),
    "begin": lambda participant: participant.begin(Constants(TWO, TWO, TWO)),
    "round": lambda participant: participant.run_round(0, asks(StepCall("margins"))),
    "keep": lambda participant: participant.keep_imputation(),
    "result": lambda participant: read(participant.result({})),
    "plot": lambda participant: read(participant.plot("trace")),
}


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    supervisor = await Supervisor.start(program=[QUITTING])
    try:
        bench = Bench(supervisor, tmp_path)
        yield bench
        await bench.close()
    finally:
        await supervisor.close()


@pytest.mark.parametrize("call", CALLS)
async def test_whatever_a_gate_that_gave_up_is_sent_next_fails_with_the_gates_own_code(bench: Bench, call: str) -> None:
    participant = await bench.participant(PAIR, SPEC, POLICY)
    gate, *_ = participant.processes
    assert (await gate.wait()).code == 0
    with pytest.raises(TidegateError) as caught:
        await CALLS[call](participant)
    assert caught.value.code is Code.LIMIT_MEMORY
    assert caught.value.details["limit"] == GATE_DATA_BYTES
    assert b'"limit.memory"' in (bench.folder / "ledger.jsonl").read_bytes()


async def test_an_upload_stops_where_its_gate_gave_up(bench: Bench) -> None:
    participant = await bench.participant(PAIR, SPEC, POLICY)
    gate, *_ = participant.processes
    n_asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal n_asked
        while True:
            n_asked += 1
            yield bytes(1 << 20)
            await gate.wait()

    with pytest.raises(TidegateError) as caught:
        await participant.upload(endless())
    assert caught.value.code is Code.LIMIT_MEMORY
    assert n_asked <= 2


def test_a_gate_that_is_gone_is_not_waited_for_to_wipe_on_uvloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the end of a child that left something unread is told once (see `Channel.peer_ended`)."""
    monkeypatch.setattr("sandbox.rounds.local.WIPE_SECONDS", 1e6)

    async def body() -> None:
        supervisor = await Supervisor.start(program=[QUITTING])
        try:
            bench = Bench(supervisor, tmp_path)
            participant = await bench.participant(PAIR, SPEC, POLICY)
            with pytest.raises(TidegateError):
                await participant.upload(chunks(CSV))
            await bench.close()
        finally:
            await supervisor.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())
    assert b'"wipe"' in (tmp_path / "ledger.jsonl").read_bytes()


async def test_a_central_worker_that_ended_before_it_was_answered_is_told_by_how_it_ended() -> None:
    supervisor = await Supervisor.start(program=[HOSTILE])
    try:
        worker = await supervisor.spawn_worker(POLICY)
        chain = Chain(0, worker, Declarations(PAIR.manifest, CONTRACT, False), POLICY, (), lambda *_: None)
        chain.waits_for = KeepNow()
        await worker.channel.send_frame(Frame(Kind.DATA, b"exit"))
        await worker.wait()
        await chain.answer(Replies())
        with pytest.raises(PeerError) as caught:
            await chain.advance()
    finally:
        await supervisor.close()
    assert (caught.value.code, caught.value.details) == (Code.WORKER_DIED, {"reason": "exit 7"})
