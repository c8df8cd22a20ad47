"""Locked children cannot do what plain ones can. Each deed runs in a plain process, in a worker and in a gate."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from policies import built_in
from sandbox.errors import Code, IsolationError, PeerError
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.frames import Frame, Kind

HERE = Path(__file__).parent
ZYGOTE = str(HERE / "hostile_zygote.py")
POLICY = built_in("default")
EPERM, EBADF = f"errno {errno.EPERM}", f"errno {errno.EBADF}"
KILLED = "killed"

EXPECTED = {
    # deed: (worker, gate)
    "open_a_file": (EPERM, EPERM),
    "write_a_file": (EPERM, EPERM),
    "stat_a_file": (EPERM, EPERM),
    "list_a_folder": (EPERM, EPERM),
    "open_openat2": (KILLED, KILLED),
    "make_tcp_socket": (EPERM, EPERM),
    "make_udp_socket": (EPERM, EPERM),
    "make_unix_socket": (EPERM, EPERM),
    "make_socketpair": (KILLED, KILLED),
    "make_pipe": (KILLED, KILLED),
    "fork": (EPERM, EPERM),
    "start_thread": ("RuntimeError", "RuntimeError"),
    "execute": (EPERM, EPERM),
    "signal_the_parent": (EPERM, EPERM),
    "stop_itself": (EPERM, EPERM),
    "write_standard_output": (EBADF, EBADF),
    "read_standard_input": (EBADF, EBADF),
    "read_another_descriptor": (EBADF, EBADF),
    "duplicate_the_channel": (EPERM, EPERM),
    "map_writable_and_executable": (EPERM, EPERM),
    "make_a_map_executable": (EPERM, EPERM),
    "map_shared_memory": (EPERM, EPERM),
    "map_growing_memory": (EPERM, EPERM),
    "make_a_memfd": (KILLED, KILLED),
    "become_dumpable": (EPERM, EPERM),
    "raise_a_limit": (EPERM, EPERM),
    "become_traced": (EPERM, EPERM),
    "read_memory_of_a_process": (KILLED, KILLED),
    "open_a_pidfd": (KILLED, KILLED),
    "set_up_io_uring": (KILLED, KILLED),
    "load_bpf": (KILLED, KILLED),
    "change_directory": (KILLED, KILLED),
    "sleep": (EPERM, EPERM),
    "take_600_mb": (f"errno {errno.ENOMEM}", "done"),
}


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
        how = await child.wait()
        return KILLED if how.reason == "signal SIGSYS" else how.reason
    finally:
        await child.kill()


def outcome_in_a_plain_child(deed: str) -> str:
    child = subprocess.run([sys.executable, str(HERE / "hostile_deeds.py"), deed], capture_output=True, text=True, check=True)
    return child.stdout


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("deed", EXPECTED)
async def test_worker_cannot_do_what_a_plain_child_can(supervisor: Supervisor, deed: str) -> None:
    assert outcome_in_a_plain_child(deed) == ("done" if deed != "execute" else "")
    assert await outcome_in(await supervisor.spawn_worker(POLICY), deed) == EXPECTED[deed][0]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("deed", EXPECTED)
async def test_gate_cannot_do_what_a_plain_child_can(supervisor: Supervisor, deed: str) -> None:
    assert await outcome_in(await supervisor.spawn_gate(POLICY), deed) == EXPECTED[deed][1]


@pytest.mark.asyncio(loop_scope="module")
async def test_children_do_not_inherit_the_hosts_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_CANARY", "a secret of the host")
    supervisor = await Supervisor.start(program=[ZYGOTE])
    worker = await supervisor.spawn_worker(POLICY)
    environment = await outcome_in(worker, "environment")
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
    assert child.isolation.tier == "seccomp+landlock+namespaces"
    assert child.isolation.namespaces
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
        assert await outcome_in(worker, "open_a_file") == EPERM
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
        assert await outcome_in(worker, "open_a_file") == EPERM
    finally:
        await supervisor.close()
