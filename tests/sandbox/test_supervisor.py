"""The supervisor with real children: their whole life, and every way to end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
import uvloop

import sandbox.supervisor
from policies import built_in
from sandbox.errors import Code, LimitError, PeerError
from sandbox.supervisor import Child, Exit, Supervisor
from sandbox.wire.frames import Frame, Kind
from tests.sandbox.this_machine import tier

ZYGOTE = str(Path(__file__).parent / "lockdown" / "hostile_zygote.py")
POLICY = built_in("default")
TIER = tier()
PATIENCE = 60.0
"""Seconds in which a killed process is reaped, on a busy machine too."""


@pytest_asyncio.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start(program=[ZYGOTE])
    yield supervisor
    await supervisor.close()


async def tell(child: Child, word: str) -> None:
    await child.channel.send_frame(Frame(Kind.DATA, word.encode()))


async def ask(child: Child, word: str) -> str:
    await tell(child, word)
    return (await child.channel.receive()).payload.decode()


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def descriptors_of(zygote: int) -> int:
    # A zygote keeps other processes of its user out; only root may look.
    return len(os.listdir(f"/proc/{zygote}/fd")) if os.getuid() == 0 else 0


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what nobody tells."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


async def until_dead(*pids: int) -> None:
    """Wait for processes that are not this one's children."""
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def test_a_gate_pushes_nobody_aside_who_wakes_it_and_a_worker_need_not_wait_for_one(supervisor: Supervisor) -> None:
    gate, worker = await supervisor.spawn_gate(POLICY), await supervisor.spawn_worker(POLICY)
    assert os.sched_getscheduler(gate.pid) == os.SCHED_BATCH
    assert os.sched_getscheduler(worker.pid) == os.sched_getscheduler(0) == os.SCHED_OTHER


async def test_gate_takes_over_a_workers_channel(supervisor: Supervisor) -> None:
    gate, worker = await supervisor.spawn_gate(POLICY), await supervisor.spawn_worker(POLICY)
    assert await ask(worker, "echo to the host") == "to the host"
    before = len(open_descriptors())
    await tell(gate, "attach")
    await supervisor.hand_over(worker, gate)
    assert (await gate.channel.receive()).payload == b"4"
    assert len(open_descriptors()) == before - 1
    with pytest.raises(PeerError):
        await worker.channel.receive()
    assert await ask(gate, "ask echo through the gate") == "through the gate"
    await worker.kill()
    assert await ask(gate, "ask echo again") == "the worker is gone"


async def test_gate_can_be_given_one_worker_after_another(supervisor: Supervisor) -> None:
    gate = await supervisor.spawn_gate(POLICY)
    for word in ("first", "second"):
        worker = await supervisor.spawn_worker(POLICY)
        await tell(gate, "attach")
        await supervisor.hand_over(worker, gate)
        assert (await gate.channel.receive()).payload == b"4"
        assert await ask(gate, f"ask echo {word}") == word
        await worker.kill()
        assert await ask(gate, "ask echo again") == "the worker is gone"


@pytest.mark.parametrize(
    ("word", "reason"),
    [("exit", "exit 7"), ("raise", "exit 98"), ("make_pipe", "signal SIGSYS")],
)
async def test_end_of_a_child_is_reported_as_it_was(supervisor: Supervisor, word: str, reason: str) -> None:
    worker = await supervisor.spawn_worker(POLICY)
    await tell(worker, word)
    assert (await worker.wait()).reason == reason
    with pytest.raises(PeerError) as caught:
        await worker.channel.receive()
    assert caught.value.code is Code.WORKER_DIED
    assert (await worker.kill()).reason == reason


async def test_child_is_told_nothing_of_an_exception_but_the_status(supervisor: Supervisor) -> None:
    worker = await supervisor.spawn_worker(POLICY)
    await tell(worker, "raise")
    with pytest.raises(PeerError) as caught:
        await worker.channel.receive()
    assert "data set" not in str(caught.value)
    await worker.kill()


@pytest.mark.parametrize("word", ["spin", "flood"])
async def test_child_that_does_not_stop_is_killed(supervisor: Supervisor, word: str) -> None:
    worker = await supervisor.spawn_worker(POLICY)
    await tell(worker, word)
    await asyncio.sleep(0.05)
    assert await worker.kill() == Exit(signal=signal.SIGKILL)
    assert await worker.kill() == Exit(signal=signal.SIGKILL)


async def test_worker_beyond_its_memory_gets_an_error_and_lives(supervisor: Supervisor) -> None:
    worker = await supervisor.spawn_worker(msgspec.structs.replace(POLICY, worker_data_bytes=256 << 20))
    assert await ask(worker, "take_too_much_memory") == "ENOMEM"
    assert await ask(worker, "take_memory_in_small_pieces") == "MemoryError"
    assert await ask(worker, "echo still here") == "still here"
    await worker.kill()


async def test_frame_above_the_policys_limit_is_refused(supervisor: Supervisor) -> None:
    worker = await supervisor.spawn_worker(POLICY)
    await tell(worker, "long")
    with pytest.raises(LimitError):
        await worker.channel.receive()
    await worker.kill()


async def test_garbage_of_a_worker_is_refused(supervisor: Supervisor) -> None:
    worker = await supervisor.spawn_worker(POLICY)
    await tell(worker, "garbage")
    with pytest.raises(PeerError):
        await worker.channel.receive()
    await worker.kill()


async def test_fifty_spawns_leave_no_process_and_no_descriptor(supervisor: Supervisor) -> None:
    zygote = int(children_of(os.getpid())[-1])
    here, there = len(open_descriptors()), descriptors_of(zygote)
    for number in range(50):
        child = await (supervisor.spawn_gate(POLICY) if number % 2 else supervisor.spawn_worker(POLICY))
        await child.kill()
    assert children_of(zygote) == []
    assert (len(open_descriptors()), descriptors_of(zygote)) == (here, there)


async def test_children_can_be_spawned_side_by_side(supervisor: Supervisor) -> None:
    children = await asyncio.gather(*(supervisor.spawn_worker(POLICY) for _ in range(10)))
    assert len({child.pid for child in children}) == 10
    words = await asyncio.gather(*(ask(child, f"echo {child.pid}") for child in children))
    assert words == [str(child.pid) for child in children]


async def test_close_leaves_no_process_and_no_descriptor() -> None:
    await asyncio.to_thread(int)  # the loop's own threads and descriptors come first
    before, children = open_descriptors(), set(children_of(os.getpid()))
    supervisor = await Supervisor.start(program=[ZYGOTE])
    try:
        spawned = [await supervisor.spawn_gate(POLICY), await supervisor.spawn_worker(POLICY), await supervisor.spawn_worker(POLICY)]
        await tell(spawned[1], "exit")
        await spawned[1].wait()
        await tell(spawned[2], "spin")
    finally:
        await supervisor.close()
    await supervisor.close()
    with pytest.raises(PeerError):
        await supervisor.spawn_worker(POLICY)
    assert not any(is_alive(child.pid) for child in spawned)
    assert open_descriptors() == before
    assert set(children_of(os.getpid())) == children


async def test_cancelled_spawn_leaves_no_process_and_no_descriptor(supervisor: Supervisor) -> None:
    zygote = int(children_of(os.getpid())[-1])
    await (await supervisor.spawn_worker(POLICY)).kill()
    before = len(open_descriptors())
    for delay in (0, 0.0005, 0.001, 0.002, 0.004, 0.008):
        spawning = asyncio.create_task(supervisor.spawn_worker(POLICY))
        await asyncio.sleep(delay)
        spawning.cancel()
        for child in await asyncio.gather(spawning, return_exceptions=True):
            if isinstance(child, Child):
                await child.kill()
    # The zygote forks in order, so no cancelled child is still to come. Nobody waits for their end: it comes when the machine gets to it.
    await (await supervisor.spawn_worker(POLICY)).kill()
    await until(lambda: children_of(zygote) == [])
    await until(lambda: len(open_descriptors()) == before)


async def test_dead_zygote_takes_its_children_along_and_is_replaced(supervisor: Supervisor) -> None:
    worker = await supervisor.spawn_worker(POLICY)
    await tell(worker, "spin")
    os.kill(int(children_of(os.getpid())[-1]), signal.SIGKILL)
    assert (await worker.wait()).reason == "the end of its zygote"
    await until_dead(worker.pid)
    await worker.kill()
    assert await ask(await supervisor.spawn_worker(POLICY), "echo another") == "another"


HOST = """
import asyncio, sys
from policies import built_in
from sandbox.supervisor import Supervisor
from sandbox.wire.frames import Frame, Kind

async def main():
    supervisor = await Supervisor.start(program=[sys.argv[1]])
    policy = built_in("default")
    children = [await supervisor.spawn_gate(policy), await supervisor.spawn_worker(policy)]
    await children[1].channel.send_frame(Frame(Kind.DATA, b"spin"))
    print(*(child.pid for child in children), children[0].isolation.uid, children[0].isolation.tier, flush=True)
    if sys.argv[2] == "stay":
        await asyncio.Event().wait()
    await supervisor.close()

asyncio.run(main())
"""


async def test_host_that_is_killed_takes_everything_along() -> None:
    with subprocess.Popen([sys.executable, "-c", HOST, ZYGOTE, "stay"], stdout=subprocess.PIPE, text=True) as host:
        try:
            assert host.stdout is not None
            pids = [int(word) for word in host.stdout.readline().split()[:2]]
            zygote = int(children_of(host.pid)[0])
            assert all(is_alive(pid) for pid in (zygote, *pids))
        finally:
            host.kill()
    await until_dead(zygote, *pids)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; the other tests run as this one")
def test_ordinary_user_gets_the_same_isolation() -> None:
    host = subprocess.run(
        [sys.executable, "-c", HOST, ZYGOTE, "leave"], user=1234, group=1234, extra_groups=[], capture_output=True, text=True, cwd="/"
    )
    assert host.stderr == ""
    assert host.stdout.split()[2:] == ["1234", TIER]


async def test_child_that_is_not_ready_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.supervisor, "SPAWN_SECONDS", 0.3)
    supervisor = await Supervisor.start(program=[ZYGOTE, "--without", "ready"])
    try:
        with pytest.raises(LimitError) as caught:
            await supervisor.spawn_worker(POLICY)
        assert caught.value.code is Code.LIMIT_TIME
    finally:
        await supervisor.close()


async def test_child_that_says_something_else_than_ready_is_killed() -> None:
    supervisor = await Supervisor.start(program=[ZYGOTE, "--without", "protocol"])
    try:
        with pytest.raises(PeerError) as caught:
            await supervisor.spawn_worker(POLICY)
        assert caught.value.code is Code.WIRE_MESSAGE
    finally:
        await supervisor.close()


def test_supervisor_works_on_uvloop() -> None:
    async def body() -> str:
        supervisor = await Supervisor.start(program=[ZYGOTE])
        try:
            gate, worker = await supervisor.spawn_gate(POLICY), await supervisor.spawn_worker(POLICY)
            await tell(gate, "attach")
            await supervisor.hand_over(worker, gate)
            await gate.channel.receive()
            return await ask(gate, "ask echo on uvloop")
        finally:
            await supervisor.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(body()) == "on uvloop"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_child_that_ends_and_leaves_something_unread_is_not_waited_for(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """uvloop tells of a socket in error once, and whoever read what the child said last would wait for the rest until the deadline."""

    async def body() -> list[str]:
        supervisor = await Supervisor.start(program=[ZYGOTE])
        try:
            worker = await supervisor.spawn_worker(POLICY)
            for word in ("echo last words", "exit", "unread"):
                await tell(worker, word)
            await worker.wait()
            said = (await worker.channel.receive()).payload.decode()
            with pytest.raises(PeerError) as caught:
                await worker.channel.receive()
            return [said, caught.value.code, (await worker.wait()).reason]
        finally:
            await supervisor.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(asyncio.wait_for(body(), 60)) == ["last words", Code.WORKER_DIED, "exit 7"]


@pytest.mark.parametrize("threads", [1, 2])
async def test_production_zygote_brings_forth_both_roles(threads: int) -> None:
    supervisor = await Supervisor.start(blas_threads=threads)
    try:
        for spawn in (supervisor.spawn_gate, supervisor.spawn_worker):
            child = await spawn(POLICY)
            assert child.isolation.tier == TIER
            await child.kill()
    finally:
        await supervisor.close()


def test_importing_the_supervisor_does_not_load_numpy() -> None:
    code = "import sys, sandbox.supervisor; sys.exit(bool({'numpy', 'scipy', 'pandas', 'sandbox.lockdown.kernel'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
