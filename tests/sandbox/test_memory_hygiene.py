"""Rows are gone when a job is over: the memory of the processes is read before and after, from outside, as only root can."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from policies import built_in
from sandbox.errors import Code, TidegateError
from sandbox.job import JobSpec, Target, check_job
from sandbox.manifest import make_pair
from sandbox.rounds.constants import constants_from
from sandbox.rounds.local import LocalParticipant
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE
from sandbox.supervisor import Supervisor
from sandbox.wire.messages import StepCall
from tests.one_chain import answer, asks
from tests.sandbox.process_memory import areas, open_rows, where
from tests.sandbox.rounds.test_engine import Bench, chunks

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(os.getuid() != 0, reason="only root may read another process's memory"),
]
CANARY = 424242.4242421
AS_NUMBER = struct.pack("<d", CANARY)
AS_TEXT = b"424242.4242421"
ROW_COUNT = 300
HARMLESS = b"y,a\n" + b"".join(b"%d,%d\n" % (row * 7 % 50, row % 13) for row in range(ROW_COUNT))
SECRET = HARMLESS.replace(b"y,a\n", b"y,a\n" + AS_TEXT + b",5\n")
POLICY = msgspec.structs.replace(built_in("research"), max_rows_bytes=32 << 20, step_seconds=10)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start()
    yield supervisor
    await supervisor.close()


@pytest.fixture
def bench(supervisor: Supervisor, tmp_path: Path) -> Bench:
    return Bench(supervisor, tmp_path)


async def with_rows(bench: Bench, remote: str = REMOTE) -> LocalParticipant:
    """A participant with the secret uploaded and its worker attached."""
    pair = make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), remote.encode())
    spec = check_job(JobSpec((Target("y", "continuous"),), imputations=2, seed=1), pair.manifest)
    participant = await bench.participant(pair, spec, POLICY)
    report = await participant.upload(chunks(SECRET))
    assert report.is_clean
    assert report.contract is not None
    assert await participant.attach(pair.remote_source) == ()
    participant.contract = report.contract  # type: ignore[attr-defined]
    return participant


def gate_pid(participant: LocalParticipant) -> int:
    return participant._gate.pid


async def begin(participant: LocalParticipant) -> None:
    reply = await participant.run_round(0, asks(StepCall("margins")))
    await participant.begin(constants_from([answer(reply).fields["margins"]], participant.contract))  # type: ignore[attr-defined]


async def finish(participant: LocalParticipant) -> None:
    await begin(participant)
    await participant.run_round(1, asks(StepCall("moments", {"target": 1})))
    await participant.wipe()


async def cancel_in_a_step(participant: LocalParticipant) -> None:
    await begin(participant)
    step = asyncio.create_task(participant.run_round(1, asks(StepCall("moments", {"target": 1}))))
    await asyncio.sleep(0.2)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    await participant.wipe()


async def fail(participant: LocalParticipant) -> None:
    await begin(participant)
    await participant.processes[1].kill()
    with pytest.raises(TidegateError) as caught:
        await participant.run_round(1, asks(StepCall("moments", {"target": 1})))
    assert caught.value.code is Code.WORKER_DIED
    await participant._gate.wait()


async def lose_the_host(participant: LocalParticipant) -> None:
    participant._gate.channel.close()
    await participant._gate.wait()


ENDLESS = REMOTE.replace("    return {", "    while True:\n        pass\n    return {")
ENDS: dict[str, tuple[str, Callable[[LocalParticipant], Awaitable[None]]]] = {
    "completion": (REMOTE, finish),
    "cancel in the middle of a step": (ENDLESS, cancel_in_a_step),
    "failure of the worker": (REMOTE, fail),
    "loss of the host": (REMOTE, lose_the_host),
}


@pytest.mark.parametrize("end", ENDS)
async def test_rows_are_overwritten_at(bench: Bench, end: str) -> None:
    remote, ending = ENDS[end]
    participant = await with_rows(bench, remote)
    pid = gate_pid(participant)
    rows = open_rows(pid)
    try:
        assert AS_NUMBER in os.pread(rows, POLICY.max_rows_bytes, 0), "the control: before the end they are there"
        await ending(participant)
        assert not Path(f"/proc/{pid}").exists()
        assert not any(os.pread(rows, POLICY.max_rows_bytes, 0)), "the pages outlive the gate here, and hold nothing"
    finally:
        os.close(rows)
        await participant.wipe()


async def test_canary_is_found_before_and_nowhere_after_another_upload(bench: Bench) -> None:
    participant = await with_rows(bench)
    pid = gate_pid(participant)
    assert "rows" in where(pid, AS_NUMBER)
    assert "rows" in where(pid, AS_TEXT), "central keeps the uploaded text, for the result"
    assert (await participant.upload(chunks(HARMLESS))).is_clean
    assert "rows" not in where(pid, AS_NUMBER)
    assert "rows" not in where(pid, AS_TEXT)
    await participant.wipe()
    assert not Path(f"/proc/{pid}").exists()


async def test_no_row_is_in_the_zygote_or_in_a_worker(bench: Bench) -> None:
    participant = await with_rows(bench)
    zygote = int(Path(f"/proc/{gate_pid(participant)}/status").read_text().split("PPid:")[1].split()[0])
    assert "rows" in where(gate_pid(participant), AS_NUMBER), "the control: later they are standardised"
    await begin(participant)
    await participant.run_round(1, asks(StepCall("moments", {"target": 1})))
    for pid in (zygote, participant.processes[1].pid):
        assert not any(area.is_rows for area in areas(pid))
        assert where(pid, AS_NUMBER) == set()
        assert where(pid, AS_TEXT) == set()
    await participant.wipe()


async def test_rows_are_kept_out_of_core_files_and_the_process_leaves_none(bench: Bench) -> None:
    participant = await with_rows(bench)
    pid = gate_pid(participant)
    smaps = Path(f"/proc/{pid}/smaps").read_text(encoding="ascii").split("/memfd:rows", 1)[1]
    flags = next(line for line in smaps.splitlines() if line.startswith("VmFlags:")).split()
    assert "dd" in flags, "left out of dumps"
    assert not participant.isolation.memory_locked or "lo" in flags, "locked, when the report says so"
    limit = next(line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core file size"))
    assert limit.split()[4:6] == ["0", "0"]
    await participant.wipe()
