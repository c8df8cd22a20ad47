"""Hundreds of gates and workers, honest and not: nothing is left of them, and their host stays responsive."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from policies import built_in
from sandbox.probe.runner import PROGRAM
from sandbox.probe.script import run_under
from sandbox.supervisor import Supervisor
from tests.benchmarks.host_delay import MISDEEDS, misbehave

pytestmark = pytest.mark.soak
POLICY = msgspec.structs.replace(built_in("default"), worker_data_bytes=128 << 20)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def resident_kilobytes() -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS:")).split()[1])


async def test_two_hundred_spawns_leave_no_process_no_descriptor_and_no_memory() -> None:
    before = set(children(os.getpid()))
    supervisor = await Supervisor.start(program=PROGRAM)
    [zygote] = set(children(os.getpid())) - before
    # Once each, so that what is made once is there when the counting begins.
    await _spawn_and_end(supervisor, 8)
    here, there = len(os.listdir("/proc/self/fd")), _descriptors(zygote)
    memory = resident_kilobytes()
    await _spawn_and_end(supervisor, 200)
    assert children(int(zygote)) == []
    assert (len(os.listdir("/proc/self/fd")), _descriptors(zygote)) == (here, there)
    assert resident_kilobytes() - memory < 20_000
    await supervisor.close()
    assert set(children(os.getpid())) == before


async def test_host_stays_responsive_for_a_minute_of_eight_misbehaving_workers() -> None:
    before = set(children(os.getpid()))
    delays, n_ended = await misbehave(60.0)
    worst, typical = max(delays), sorted(delays)[len(delays) // 2]
    assert n_ended > 60
    assert worst < 500, f"worst delay {worst:.0f} ms, typical {typical:.1f} ms"
    assert typical < 20
    assert set(children(os.getpid())) == before


async def _spawn_and_end(supervisor: Supervisor, n: int) -> None:
    """One after another: a gate, an idle worker, and a worker at one of the misdeeds."""
    for number in range(n):
        match number % 4:
            case 0:
                await (await supervisor.spawn_gate(POLICY)).kill()
            case 1:
                await (await supervisor.spawn_worker(POLICY)).kill()
            case _:
                source = MISDEEDS[number // 2 % len(MISDEEDS)]
                await run_under(supervisor, source.encode(), POLICY, is_restricted=False, seconds=0.2)
    await asyncio.sleep(0)


def _descriptors(zygote: str) -> int:
    # A zygote keeps other processes of its user out; only root may look.
    return len(os.listdir(f"/proc/{zygote}/fd")) if os.getuid() == 0 else 0
