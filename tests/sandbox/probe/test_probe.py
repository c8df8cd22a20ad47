"""The isolation report of this machine: every deed is blocked in every locked child, and open to a plain one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from policies import built_in
from sandbox.errors import IsolationError
from sandbox.probe.catalogue import BY_NAME, CATALOGUE
from sandbox.probe.report import Report
from sandbox.probe.runner import Progress, probe
from tests.sandbox.this_machine import tier

POLICY = built_in("default")
HOSTILE_ZYGOTE = str(Path(__file__).parents[1] / "lockdown" / "hostile_zygote.py")
OPEN_ZYGOTE = str(Path(__file__).parent / "open_zygote.py")
TIDEGATE = [sys.executable, "-I", "-c", "from sandbox.cli import main; main()", "probe"]
KILLED = "signal SIGSYS"
REFUSED = {
    # What is refused and not killed, by (worker, gate); a change of this table is a change of the plan.
    **dict.fromkeys(["read_a_file", "write_a_file", "list_a_folder", "stat_a_file", "stat_extended"], ("EPERM", "EPERM")),
    **dict.fromkeys(["read_proc_self", "read_environment_of_host", "open_proc_mem", "control_a_file"], ("EPERM", "EPERM")),
    **dict.fromkeys(["read_another_descriptor", "find_a_descriptor"], ("EBADF", "EBADF")),
    **dict.fromkeys(["read_standard_input", "write_standard_output"], ("EBADF", "EBADF")),
    **dict.fromkeys(["duplicate_a_descriptor", "flags_of_a_file", "close_its_channel", "send_a_descriptor"], ("EPERM", "EPERM")),
    **dict.fromkeys(["make_tcp_socket", "make_udp_socket", "make_ipv6_socket", "make_raw_socket"], ("EPERM", "EPERM")),
    **dict.fromkeys(["make_unix_socket", "make_netlink_socket", "make_packet_socket", "make_vsock_socket"], ("EPERM", "EPERM")),
    **dict.fromkeys(["make_alg_socket", "make_any_socket", "fork", "execute", "spawn"], ("EPERM", "EPERM")),
    **dict.fromkeys(["signal_the_host", "signal_the_zygote", "signal_everybody", "signal_a_thread"], ("EPERM", "EPERM")),
    **dict.fromkeys(["become_traced", "trace_another", "handle_a_signal", "sleep"], ("EPERM", "EPERM")),
    **dict.fromkeys(["raise_a_limit", "become_dumpable", "name_of_the_machine", "load_of_the_machine"], ("EPERM", "EPERM")),
    **dict.fromkeys(["map_writable_and_executable", "make_a_map_executable"], ("EPERM", "EPERM")),
    **dict.fromkeys(["map_shared_memory", "map_growing_memory"], ("EPERM", "EPERM")),
    **dict.fromkeys(["read_the_environment", "find_the_environment"], ("not there", "not there")),
    "start_thread": ("RuntimeError", "RuntimeError"),
    "clone3": ("ENOSYS", "ENOSYS"),
    "resolve_a_name": ("no name service", "no name service"),
    "take_too_much_memory": ("ENOMEM", "ENOMEM"),
    "receive_a_descriptor": ("EPERM",),
    "run_without_end": ("signal SIGXCPU",),
}
"""glibc asks for clone first or clone3 first; both are refused."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def report() -> Report:
    return await probe(POLICY)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("deed", BY_NAME)
async def test_locked_children_cannot_do_what_a_plain_child_can(report: Report, deed: str) -> None:
    [row] = [row for row in report.rows if row.name == deed]
    assert row.has_control or not row.is_required
    assert tuple(row.locked.values()) == REFUSED.get(deed, (KILLED,) * len(row.locked))


@pytest.mark.asyncio(loop_scope="module")
async def test_this_machine_is_proved(report: Report) -> None:
    assert report.holds
    assert report.isolation.tier == tier()
    assert report.n_blocked >= 90
    assert len(report.rows) == len(CATALOGUE) == len(BY_NAME)


def test_the_list_that_must_have_controls_covers_every_kind_of_deed() -> None:
    required = {deed.name for deed in CATALOGUE if deed.is_required}
    assert required >= {
        *("read_a_file", "write_a_file", "list_a_folder", "stat_a_file", "read_proc_self", "find_a_descriptor"),
        *("make_tcp_socket", "make_udp_socket", "make_unix_socket", "resolve_a_name"),
        *("fork", "start_thread", "execute", "signal_the_host", "read_the_environment", "find_the_environment"),
        *("raise_a_limit", "become_dumpable", "map_shared_memory", "take_too_much_memory", "run_without_end"),
    }


async def test_a_wall_without_its_filter_is_found_and_landlock_still_holds() -> None:
    seen: list[Progress] = []
    report = await probe(POLICY, seen.append, program=[OPEN_ZYGOTE])
    assert not report.holds
    allowed = {row.name for row in report.rows for role in row.locked if row.verdict(role) == "allowed"}
    assert {"make_pipe", "make_socketpair", "sleep", "duplicate_a_descriptor", "set_up_io_uring"} <= allowed
    assert not {"read_a_file", "write_a_file", "list_a_folder", "signal_the_host", "read_another_descriptor"} & allowed
    assert (seen[0].done, seen[-1].done) == (0, len(CATALOGUE))


async def test_what_the_report_puts_into_its_environment_is_gone_afterwards(report: Report) -> None:
    assert report.rows
    assert "TIDEGATE_PROBE" not in os.environ


async def test_a_tier_that_the_machine_lacks_is_an_error_and_no_report() -> None:
    unreachable = msgspec.structs.replace(POLICY, minimum_isolation="seccomp+landlock+namespaces")
    with pytest.raises(IsolationError):
        await probe(unreachable, program=[HOSTILE_ZYGOTE, "--without", "namespaces-in-the-kernel"])


def test_command_prints_one_json_object_and_exits_with_0() -> None:
    ran = subprocess.run([*TIDEGATE, "--json"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    said = json.loads(ran.stdout)
    assert said["holds"]
    assert said["not_blocked"] == []
    assert {row["worker"]["verdict"] for row in said["rows"]} == {"blocked"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; the other tests run as this one")
def test_an_ordinary_user_gets_the_same_report() -> None:
    ran = subprocess.run(TIDEGATE, user=65534, group=65534, extra_groups=[], cwd="/", env={}, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("The wall holds.\n")
