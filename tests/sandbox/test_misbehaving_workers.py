"""Eight workers misbehave at once: their host goes on, and an honest participant beside them is served."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.supervisor import Supervisor
from sandbox.wire.messages import StepCall
from tests.benchmarks.host_delay import misbehaving
from tests.benchmarks.rig import running
from tests.one_chain import answer, asks

N_ROUNDS = 12
MOMENTS = asks(StepCall("moments", {"target": 1}))


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split())


async def test_host_and_an_honest_job_go_on_beside_eight_misbehaving_workers() -> None:
    before = children()
    supervisor = await Supervisor.start()
    try:
        async with running(supervisor, 200, 5) as participant, misbehaving() as ended:
            for number in range(1, N_ROUNDS + 1):
                # A host that were kept from its loop would end no worker, and answer nobody, for ever.
                await ended.acquire()
                assert answer(await participant.run_round(number, MOMENTS)).refused is None
    finally:
        await supervisor.close()
    assert children() == before
