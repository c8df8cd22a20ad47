"""Every limit of the policy ends with an error of its own, at the participant whose worker reached it, and costs that job only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from policies import Policy, built_in
from sandbox.errors import Code
from sandbox.job import JobSpec, Target, check_job
from sandbox.manifest import make_pair
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE
from sandbox.supervisor import Supervisor
from tests.sandbox.rounds.test_engine import Bench

GRAM = '    return {"moments": rows.gram(where=rows.observed(target))}'
DRAW = '    rows.draw(target, family="gaussian", beta=beta, sigma=sigma)'


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start()
    yield supervisor
    await supervisor.close()


@pytest_asyncio.fixture(loop_scope="module")
async def bench(supervisor: Supervisor, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(supervisor, tmp_path)
    yield bench
    await bench.close()


def policy(**limits: int) -> Policy:
    return msgspec.structs.replace(built_in("research"), **limits)


def remote(body: str, instead_of: str = GRAM) -> str:
    assert instead_of in REMOTE
    return REMOTE.replace("\n\n\n", "\n\nimport numpy as np\n\n\n", 1).replace(instead_of, body + "\n" + instead_of)


ENDLESS = "    x = 0\n    while True:\n        x += 1"
REMOTE_LIMITS = {
    "wall time of a step": (ENDLESS, GRAM, policy(step_seconds=1), Code.LIMIT_TIME),
    "processor time": (ENDLESS, GRAM, policy(step_seconds=20, worker_cpu_seconds=1), Code.LIMIT_CPU),
    "memory at once": ("    np.zeros(100000000)", GRAM, policy(worker_data_bytes=256 << 20), Code.LIMIT_MEMORY),
    "memory little by little": (
        "    x = []\n    while True:\n        x.append(np.ones(100000))",
        GRAM,
        policy(worker_data_bytes=256 << 20),
        Code.LIMIT_MEMORY,
    ),
    "kernels in one step": ("    for _ in range(20):\n    " + DRAW, DRAW, policy(max_messages_per_step=10), Code.LIMIT_STEP_MESSAGES),
    "messages of a job": ("    pass", GRAM, policy(max_messages=2), Code.LIMIT_MESSAGES),
}


@pytest.mark.parametrize("limit", REMOTE_LIMITS)
async def test_a_remote_module_at_a_limit_gets_the_error_of_that_limit(bench: Bench, limit: str) -> None:
    body, instead_of, limits, code = REMOTE_LIMITS[limit]
    error = await bench.failing(remote=remote(body, instead_of), policy=limits)
    assert error.code is code
    assert (await bench.run()).summary.imputations == 2, "the machine goes on"


CENTRAL_LIMITS = {
    "wall time of a step": ("    while True:\n        pass", policy(step_seconds=1), Code.LIMIT_TIME),
    "processor time": ("    while True:\n        pass", policy(step_seconds=20, worker_cpu_seconds=1), Code.LIMIT_CPU),
    "tells before a question": (
        '    for _ in range(20):\n        sites.tell("impute", target=target, beta=job.rng.normal(2), sigma=1.0)',
        policy(max_messages_per_step=10),
        Code.LIMIT_STEP_MESSAGES,
    ),
    "notes before a question": (
        "    for i in range(20):\n        job.progress(i, 20)",
        policy(max_messages_per_step=10),
        Code.LIMIT_STEP_MESSAGES,
    ),
    "wall time of the job": (
        '    for _ in range(1000000):\n        sites.sum("moments", target=target)',
        policy(job_seconds=1),
        Code.LIMIT_TIME,
    ),
}


@pytest.mark.parametrize("limit", CENTRAL_LIMITS)
async def test_a_central_module_at_a_limit_gets_the_error_of_that_limit(bench: Bench, limit: str) -> None:
    body, limits, code = CENTRAL_LIMITS[limit]
    first = "    target = job.targets[0].column\n"
    error = await bench.failing(central=CENTRAL.replace(first, first + body + "\n"), policy=limits)
    assert error.code is code
    assert (await bench.run()).summary.imputations == 2, "the machine goes on"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (REMOTE + "#" * 5000, "max_source_bytes"),
        (REMOTE + "X = " + "(" * 250 + "1" + ")" * 250, "Python cannot read"),
        (REMOTE + "X = " + "-" * 150 + "1", "nested"),
        (REMOTE + "X = " + "+".join(["1"] * 200), "nested"),
    ],
    ids=["too long", "brackets", "signs", "sums"],
)
async def test_source_too_long_or_too_deep_is_a_finding(bench: Bench, source: str, words: str) -> None:
    pair = make_pair(MANIFEST.format(name="X").encode(), CENTRAL.encode(), source.encode())
    spec = check_job(JobSpec((Target("y", "continuous"),), seed=1), pair.manifest)
    participant = await bench.participant(pair, spec, policy(max_source_bytes=4096))
    findings = await participant.attach(pair.remote_source)
    assert len(findings) == 1
    assert words in findings[0].message + findings[0].remedy
