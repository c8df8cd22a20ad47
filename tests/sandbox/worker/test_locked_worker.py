"""What a pair may use works where it runs: in a worker that cannot open a file, with the memory and time of the policy."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import numpy as np
import pytest

from policies import Policy, built_in
from sandbox.errors import Code, IsolationError
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.messages import Compiled, Failed, Finished, Message, Program, WorkerToHost, worker_to_host
from tests.algorithms.federation import contract_of, make, pair

SIMI = pair("SIMI")
EVERYTHING = b"""
import numpy as np
from scipy import linalg, special
from tidegate import estimation

def impute(job, sites):
    x = job.rng.normal(50)
    X = np.column_stack([x, np.ones(50)])
    assert f"{x.mean():.3f} {x.std()} {x!r} {x.clip(0, 1)}"
    a = np.linalg.solve(X.T @ X, X.T @ x)
    b = linalg.cho_solve(linalg.cho_factor(X.T @ X), X.T @ x)
    assert np.allclose(a, b)
    values, vectors = np.linalg.eigh(X.T @ X)
    u, s, v = np.linalg.svd(X)
    assert special.expit(0.0) == 0.5 and special.logsumexp(values) > 0
    try:
        x + "a"
    except TypeError:
        pass
    try:
        np.zeros((1000000, 1000000))
    except MemoryError:
        pass
    else:
        assert False
    r\xc3\xa9sultat = np.sort(np.unique(np.round(x, 1))).sum() + np.median(x) + np.quantile(x, 0.3) + np.einsum("ij,ij->", X, X)
    assert np.isfinite(r\xc3\xa9sultat)
"""


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start()
    yield supervisor
    await supervisor.close()


async def locked(supervisor: Supervisor) -> tuple[Child, Policy]:
    """A locked worker under the default policy."""
    policy = built_in("default")
    try:
        return await supervisor.spawn_worker(policy), policy
    except IsolationError as error:
        if os.environ.get("TIDEGATE_NO_SKIP") == "1":
            raise
        pytest.skip(f"no isolation here: {error}")


async def said(worker: Child) -> WorkerToHost:
    return worker_to_host.decode((await worker.channel.receive()).payload)


async def run(supervisor: Supervisor, source: bytes) -> Message:
    """How a central module ends in a locked worker."""
    worker, policy = await locked(supervisor)
    await worker.channel.send(Program("central", source, SIMI.manifest_bytes, policy.max_source_bytes))
    assert await said(worker) == Compiled()
    _, start = make(SIMI, [np.eye(3)[:, :2]], contract_of(("x", "y"), {"y": "continuous"}))
    await worker.channel.send(start)
    end = await said(worker)
    await worker.kill()
    return end


async def test_everything_a_pair_may_use_works_under_lockdown(supervisor: Supervisor) -> None:
    assert await run(supervisor, EVERYTHING) == Finished()


async def test_memory_beyond_the_policy_is_a_named_limit(supervisor: Supervisor) -> None:
    source = b"import numpy as np\ndef impute(job, sites):\n    kept = []\n    while True:\n        kept.append(np.ones(1000000))\n"
    assert await run(supervisor, source) == Failed(Code.LIMIT_MEMORY, line=5)


async def test_syntax_errors_are_findings_under_lockdown_too(supervisor: Supervisor) -> None:
    worker, policy = await locked(supervisor)
    await worker.channel.send(Program("remote", b"def f(:\n    return 1\n", SIMI.manifest_bytes, policy.max_source_bytes))
    compiled = await said(worker)
    assert isinstance(compiled, Compiled)
    assert [finding.line for finding in compiled.findings] == [1]
    await worker.kill()
