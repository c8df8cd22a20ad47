"""Eight workers misbehave at once: their host goes on, and an honest participant beside them is served."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sandbox.supervisor import Supervisor
from sandbox.wire.messages import StepCall
from tests.benchmarks.host_delay import misbehave
from tests.benchmarks.rig import running
from tests.one_chain import answer, asks

MOMENTS = asks(StepCall("moments", {"target": 1}))


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split())


async def test_host_and_an_honest_job_go_on_beside_eight_misbehaving_workers() -> None:
    before = children()
    supervisor = await Supervisor.start()
    async with running(supervisor, 200, 5) as participant:
        trouble = asyncio.create_task(misbehave(1.5))
        number = 0
        while not trouble.done():
            number += 1
            reply = await participant.run_round(number, MOMENTS)
            assert answer(reply).refused is None
        delays, n_ended = await trouble
    await supervisor.close()
    assert n_ended >= 4
    assert number > 5
    assert max(delays) < 1000, "milliseconds, on a machine that does other things as well"
    assert children() == before
