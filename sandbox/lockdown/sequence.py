"""The order in which the layers go on. Child side only; the zygote calls it around each fork.

Every step is where it is for a reason: capabilities go before the identity, which the kernel would refuse later; the tie to the parent
follows the identity, which unties; rows are sealed before there are any; the limit on processes follows the start of BLAS threads, which
it would hang; the filter is last, because it forbids all the others. A step that fails raises, and the caller ends the process.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import Final

from policies import ISOLATION_TIERS
from sandbox.lockdown import descriptors, identity, landlock, limits, parent, region, seccomp, selftest
from sandbox.lockdown.plan import CHANNEL, REGION, Plan, gate_plan, worker_plan
from sandbox.lockdown.syscalls import this_architecture
from sandbox.wire.messages import Isolation

_SLACK_BYTES: Final = 1 << 20


def lock_zygote() -> int:
    """Lock down a zygote as far as one that forks can be; the Landlock ABI. Everything must have been imported."""
    for plan in (gate_plan(0), worker_plan(0)):
        seccomp.assemble(plan.rules, this_architecture())  # kept, so that children need not
    identity.drop_bounding_set()
    descriptors.silence_standard_streams()
    identity.forbid_new_privileges()
    identity.forbid_dump()
    return landlock.deny_all()


def strip_gate(channel: int, rows: int, n_bytes: int, zygote: int) -> tuple[mmap.mmap, bool]:
    """First half of a gate: identity, descriptors, parent, rows.

    Args:
        channel: Descriptor of the gate's end of its channel; becomes 3.
        rows: Descriptor of the memory made by :func:`region.create`; mapped, sealed and closed.
        n_bytes: Size of that memory.
        zygote: Process id of the parent.

    Returns:
        The writable map, and whether its pages are kept out of swap.
    """
    limits.allow_locked_memory(n_bytes + _SLACK_BYTES)
    identity.become_nobody()
    descriptors.keep_only((channel, rows))
    parent.tie_to(zygote)
    mapped = region.map_and_seal(REGION, n_bytes)
    is_locked = region.lock(mapped)
    descriptors.close_from(CHANNEL + 1)
    return mapped, is_locked


def strip_worker(channel: int, zygote: int) -> None:
    """First half of a worker: identity, descriptors, parent. `channel` becomes descriptor 3."""
    identity.become_nobody()
    descriptors.keep_only((channel,))
    parent.tie_to(zygote)


def lock(plan: Plan, minimum: str, warm_up: Callable[[], None], *, memory_locked: bool = False) -> Isolation:
    """Second half: limits, Landlock, filter, self-test.

    Args:
        plan: What the child may do.
        minimum: The weakest tier the policy accepts.
        warm_up: Starts the threads that the child needs; none can be started afterwards.
        memory_locked: Passed on into the report.

    Returns:
        What was found to hold. Raises :class:`selftest.SelfTestError` when a layer does not, or the tier is below `minimum`.
    """
    limits.apply(plan.limits)
    identity.forbid_new_privileges()
    identity.forbid_dump()
    abi = landlock.deny_all()
    has_landlock = landlock.holds()
    if abi and not has_landlock:
        raise selftest.SelfTestError("Landlock is there and does not hold")
    warm_up()
    limits.apply(plan.late_limits)
    selftest.check_state(plan)
    uid = os.getuid()
    seccomp.install(seccomp.assemble(plan.rules, this_architecture()))
    selftest.check_filter(plan)
    tier = "seccomp+landlock" if has_landlock else "seccomp"
    if not _reaches(tier, minimum):
        raise selftest.SelfTestError("the tier is below the policy's")
    return Isolation(tier=tier, landlock_abi=abi, seccomp=True, uid=uid, memory_locked=memory_locked)


def _reaches(tier: str, minimum: str) -> bool:
    tiers: tuple[str, ...] = ISOLATION_TIERS
    return tiers.index(tier) >= tiers.index(minimum)
