"""What locks a child in, layer by layer: what holds is reported, and what does not hold is found."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from policies import built_in
from sandbox.errors import Code, IsolationError, PeerError
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.frames import Frame, Kind
from tests.sandbox.this_machine import tier

HERE = Path(__file__).parent
ZYGOTE = str(HERE / "hostile_zygote.py")
POLICY = built_in("default")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start(program=[ZYGOTE])
    yield supervisor
    await supervisor.close()


async def outcome_in(child: Child, deed: str) -> str:
    """What the child says became of the deed, or how it ended over it."""
    try:
        await child.channel.send_frame(Frame(Kind.DATA, deed.encode()))
        return (await child.channel.receive()).payload.decode()
    except PeerError:
        return (await child.wait()).reason
    finally:
        await child.kill()


@pytest.mark.asyncio(loop_scope="module")
async def test_children_do_not_inherit_the_hosts_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_CANARY", "a secret of the host")
    supervisor = await Supervisor.start(program=[ZYGOTE])
    try:
        environment = await outcome_in(await supervisor.spawn_worker(POLICY), "environment")
    finally:
        await supervisor.close()
    assert "OPENBLAS_NUM_THREADS" in environment
    assert "CANARY" not in environment


@pytest.mark.asyncio(loop_scope="module")
async def test_gate_writes_both_ends_of_a_region_larger_than_memory_would_hold(supervisor: Supervisor) -> None:
    assert await outcome_in(await supervisor.spawn_gate(POLICY), "rows") == "8 bytes!"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", ["gate", "worker"])
async def test_isolation_report_says_what_holds(supervisor: Supervisor, role: str) -> None:
    child = await (supervisor.spawn_gate(POLICY) if role == "gate" else supervisor.spawn_worker(POLICY))
    await child.kill()
    assert child.isolation.tier == tier()
    assert child.isolation.namespaces == tier().endswith("namespaces")
    assert child.isolation.seccomp
    assert child.isolation.landlock_abi >= 1
    assert child.isolation.uid == (os.getuid() or 65534)


IS_ROOT = os.getuid() == 0
LEFT_OUT = {
    # layer: exit status of the child
    "seccomp": 97,
    "landlock": 97,
    "landlock-in-the-kernel": 97,
    "limits": 97,
    "descriptors": 97,
    "namespaces": 97,
    "a-filter-that-installs": 96,
    # The kernel lets root's zygote go on without this, but not its children, who are nobody; and it makes those undumpable by itself.
    **({"identity": 97, "no-new-privileges": 96} if IS_ROOT else {"dump": 97}),
}


@pytest.mark.parametrize("layer", LEFT_OUT)
async def test_self_test_fails_closed_without(layer: str) -> None:
    supervisor = await Supervisor.start(program=[ZYGOTE, "--without", layer])
    try:
        for spawn in (supervisor.spawn_worker, supervisor.spawn_gate):
            with pytest.raises(IsolationError) as caught:
                await spawn(POLICY)
            assert caught.value.code is Code.ISOLATION_MISSING
            expected = "no Landlock" if layer == "landlock-in-the-kernel" else f"exit {LEFT_OUT[layer]}"
            assert expected in caught.value.sentence
    finally:
        await supervisor.close()


async def test_namespaces_are_used_where_they_are_and_not_required() -> None:
    supervisor = await Supervisor.start(program=[ZYGOTE, "--without", "namespaces-in-the-kernel"])
    try:
        worker = await supervisor.spawn_worker(POLICY)
        assert (worker.isolation.tier, worker.isolation.namespaces) == ("seccomp+landlock", False)
        assert await outcome_in(worker, "read_a_file") == "EPERM"
        with pytest.raises(IsolationError) as caught:
            await supervisor.spawn_gate(msgspec.structs.replace(POLICY, minimum_isolation="seccomp+landlock+namespaces"))
        assert caught.value.code is Code.ISOLATION_MISSING
    finally:
        await supervisor.close()


async def test_policy_that_accepts_it_gets_a_child_without_landlock_that_says_so() -> None:
    supervisor = await Supervisor.start(program=[ZYGOTE, "--without", "landlock-in-the-kernel"])
    try:
        worker = await supervisor.spawn_worker(msgspec.structs.replace(POLICY, minimum_isolation="seccomp"))
        assert worker.isolation.tier == "seccomp"
        assert await outcome_in(worker, "read_a_file") == "EPERM"
    finally:
        await supervisor.close()
