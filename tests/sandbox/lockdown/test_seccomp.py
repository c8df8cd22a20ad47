"""The filters, bit by bit: golden programs for both architectures, and the verdicts of those programs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sandbox.lockdown.plan import Plan, gate_plan, worker_plan
from sandbox.lockdown.seccomp import ALLOW, ERRNO, INSTRUCTION, KILL_PROCESS, assemble
from sandbox.lockdown.syscalls import AARCH64, ARCHITECTURES, X86_64, Architecture, number
from tests.sandbox.lockdown.bpf_machine import verdict

GOLDEN = Path(__file__).parent / "golden"
WORKER, GATE = worker_plan(512 << 20, 3600), gate_plan(8 << 30)
CASES = [(plan, architecture) for plan in (WORKER, GATE) for architecture in ARCHITECTURES]
EPERM, EBADF = ERRNO | errno.EPERM, ERRNO | errno.EBADF
both = pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda architecture: architecture.name)


def ask(plan: Plan, architecture: Architecture, name: str, *arguments: int) -> int:
    return verdict(assemble(plan.rules, architecture), architecture.audit, number(name, architecture), arguments)


def listing(program: bytes) -> str:
    """One instruction a line: code, jumps, value."""
    lines = []
    for at in range(0, len(program), INSTRUCTION.size):
        code, if_true, if_false, value = INSTRUCTION.unpack_from(program, at)
        lines.append(f"{code:02x} {if_true:02x} {if_false:02x} {value:08x}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("plan", "architecture"), CASES, ids=lambda case: getattr(case, "role", getattr(case, "name", "")))
def test_program_is_the_reviewed_one(plan: Plan, architecture: Architecture) -> None:
    # After a change of the plan: TIDEGATE_WRITE_GOLDEN=1, and review the difference.
    path = GOLDEN / f"{plan.role}_{architecture.name}.bpf"
    found = listing(assemble(plan.rules, architecture))
    if os.environ.get("TIDEGATE_WRITE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="ascii")
    assert found == path.read_text(encoding="ascii")


@both
@pytest.mark.parametrize("plan", [WORKER, GATE], ids=lambda plan: plan.role)
def test_every_number_that_no_rule_names_is_killed(plan: Plan, architecture: Architecture) -> None:
    named = {number(rule.name, architecture) for rule in plan.rules}
    program = assemble(plan.rules, architecture)
    for unnamed in set(range(600)) - named:
        assert verdict(program, architecture.audit, unnamed) == KILL_PROCESS


@both
def test_foreign_architecture_is_killed(architecture: Architecture) -> None:
    program = assemble(WORKER.rules, architecture)
    other = AARCH64 if architecture is X86_64 else X86_64
    for audit in (other.audit, 0x40000003):  # the second is i386, which x86_64 kernels run
        assert verdict(program, audit, number("exit_group", architecture)) == KILL_PROCESS


def test_second_table_of_x86_64_is_killed() -> None:
    program = assemble(GATE.rules, X86_64)
    for name in ("read", "exit_group", "futex"):
        assert verdict(program, X86_64.audit, number(name, X86_64) | X86_64.x32_bit) == KILL_PROCESS


@both
@pytest.mark.parametrize("name", ["read", "write"])
def test_worker_reads_and_writes_descriptor_3_only(architecture: Architecture, name: str) -> None:
    verdicts = {descriptor: ask(WORKER, architecture, name, descriptor) for descriptor in range(20)}
    assert verdicts == {descriptor: ALLOW if descriptor == 3 else EBADF for descriptor in range(20)}
    assert ask(WORKER, architecture, name, 0xFFFFFFFF) == EBADF


@both
@pytest.mark.parametrize("name", ["read", "write"])
def test_gate_reads_and_writes_descriptors_3_to_8_only(architecture: Architecture, name: str) -> None:
    verdicts = {descriptor: ask(GATE, architecture, name, descriptor) for descriptor in range(20)}
    assert verdicts == {descriptor: ALLOW if 3 <= descriptor <= 8 else EBADF for descriptor in range(20)}


@both
def test_gate_receives_descriptors_on_3_only_and_cannot_close_it(architecture: Architecture) -> None:
    assert [ask(GATE, architecture, "recvmsg", descriptor) for descriptor in (2, 3, 4)] == [EPERM, ALLOW, EPERM]
    assert [ask(GATE, architecture, "close", descriptor) for descriptor in (0, 3, 4, 8)] == [EPERM, EPERM, ALLOW, ALLOW]


@both
def test_worker_neither_receives_descriptors_nor_closes_any(architecture: Architecture) -> None:
    assert ask(WORKER, architecture, "recvmsg", 3) == EPERM
    assert {ask(WORKER, architecture, "close", descriptor) for descriptor in range(10)} == {EPERM}


@both
@pytest.mark.parametrize("plan", [WORKER, GATE], ids=lambda plan: plan.role)
def test_memory_is_private_and_not_executable(plan: Plan, architecture: Architecture) -> None:
    read, write, execute = 1, 2, 4
    private, shared, anonymous, grows_down = 2, 1, 0x20, 0x100
    assert ask(plan, architecture, "mmap", 0, 4096, read | write, private | anonymous) == ALLOW
    for protection, flags in [
        (read | execute, private | anonymous),
        (read | write | execute, private | anonymous),
        (execute, private | anonymous),
        (read | write, shared | anonymous),
        (read | write, 3 | anonymous),  # MAP_SHARED_VALIDATE
        (read | write, private | anonymous | grows_down),
        (read | execute | 1 << 40, private | anonymous),
    ]:
        assert ask(plan, architecture, "mmap", 0, 4096, protection, flags) == EPERM
    for protection in (read, read | write, read | execute):
        assert ask(plan, architecture, "mprotect", 0, 4096, protection) == EPERM


@both
def test_high_words_that_the_kernel_ignores_do_not_help(architecture: Architecture) -> None:
    # The kernel looks at the low word of a descriptor, and so does the filter.
    assert ask(WORKER, architecture, "write", 1 | 1 << 32) == EBADF
    assert ask(WORKER, architecture, "write", 3 | 1 << 32) == ALLOW


@both
def test_clone3_is_unknown_so_that_libraries_fall_back_to_clone_which_is_refused(architecture: Architecture) -> None:
    assert ask(WORKER, architecture, "clone3") == ERRNO | errno.ENOSYS
    assert ask(WORKER, architecture, "clone") == EPERM


@both
@pytest.mark.parametrize("plan", [WORKER, GATE], ids=lambda plan: plan.role)
def test_no_call_has_two_rules(plan: Plan, architecture: Architecture) -> None:
    numbers = [number(rule.name, architecture) for rule in plan.rules]
    assert len(numbers) == len(set(numbers))
