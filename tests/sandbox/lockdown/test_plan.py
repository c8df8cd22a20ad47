"""The plans as data: what a reviewer signs."""

from __future__ import annotations

from sandbox.lockdown.landlock import ruleset
from sandbox.lockdown.plan import Allow, Plan, gate_plan, worker_plan

MIB = 1 << 20


def allowed(plan: Plan) -> set[str]:
    return {rule.name for rule in plan.rules if isinstance(rule, Allow)}


EVERY_CHILD = {
    *("read", "write"),
    *("mmap", "munmap", "mremap", "brk", "madvise"),
    *("futex", "exit_group", "exit", "sched_yield", "getrandom", "rt_sigreturn", "rt_sigprocmask", "clock_gettime", "restart_syscall"),
}


def test_worker_is_allowed_sixteen_calls() -> None:
    assert allowed(worker_plan(512 * MIB, 3600)) == EVERY_CHILD


def test_gate_is_allowed_two_calls_more_than_a_worker() -> None:
    assert allowed(gate_plan(8 << 30)) == EVERY_CHILD | {"recvmsg", "close"}


def test_limits_of_a_worker() -> None:
    plan = worker_plan(512 * MIB, 3600)
    assert dict(plan.limits) == {"CORE": 0, "FSIZE": 0, "MSGQUEUE": 0, "STACK": 8 * MIB, "DATA": 512 * MIB, "AS": 2560 * MIB, "CPU": 3600}
    assert dict(plan.late_limits) == {"NOFILE": 4, "NPROC": 0}


def test_limits_of_a_gate_leave_room_for_its_region() -> None:
    plan = gate_plan(8 << 30)
    assert dict(plan.limits) == {
        "CORE": 0,
        "FSIZE": 0,
        "MSGQUEUE": 0,
        "STACK": 8 * MIB,
        "DATA": 1536 * MIB,
        "AS": (1536 + 2048 + 8192) * MIB,
        "NOFILE": 16,
    }
    assert dict(plan.late_limits) == {"NPROC": 0}


def test_landlock_handles_every_right_that_the_kernel_knows() -> None:
    words = {abi: [int.from_bytes(ruleset(abi)[at : at + 8], "little") for at in range(0, len(ruleset(abi)), 8)] for abi in range(1, 8)}
    assert words == {
        1: [0x1FFF],
        2: [0x3FFF],
        3: [0x7FFF],
        4: [0x7FFF, 3],
        5: [0xFFFF, 3],
        6: [0xFFFF, 3, 3],
        7: [0xFFFF, 3, 3],
    }
