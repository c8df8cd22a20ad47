"""The order in which the layers go on. Child side only; the zygote calls it around each fork.

Every step is where it is for a reason: capabilities go before the identity, which the kernel would refuse later; namespaces follow the
identity, so that root's children enter them as nobody, and hand out capabilities that go again; the tie to the parent follows both, which
untie; rows are sealed before there are any; the limit on processes follows the start of BLAS threads, which
it would hang; the filter is last, because it forbids all the others. A step that fails raises, and the caller ends the process.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from policies import ISOLATION_TIERS
from sandbox.lockdown import descriptors, identity, landlock, limits, namespaces, parent, region, seccomp, selftest
from sandbox.lockdown.plan import CHANNEL, REGION, Plan, gate_plan, worker_plan
from sandbox.lockdown.syscalls import this_architecture
from sandbox.wire.messages import Isolation

_SLACK_BYTES: Final = 1 << 20
_EMPTY_ROOT: Final = "/"


@dataclass(frozen=True, slots=True)
class Cradle:
    """What a zygote holds for its children."""

    pid: int
    landlock_abi: int
    empty_root: int


@dataclass(frozen=True, slots=True)
class Stripped:
    """What the first half found: the identity as the machine sees it, and whether namespaces were entered."""

    uid: int
    has_namespaces: bool


def lock_zygote() -> Cradle:
    """Lock down a zygote as far as one that forks can be. Everything must have been imported."""
    for plan in (gate_plan(0), worker_plan(0, 0)):
        seccomp.assemble(plan.rules, this_architecture())  # kept, so that children need not
    identity.drop_bounding_set()
    descriptors.silence_standard_streams()
    identity.forbid_new_privileges()
    identity.forbid_dump()
    empty_root = namespaces.make_empty_root()
    return Cradle(os.getpid(), landlock.deny_all(), empty_root)


def strip_gate(channel: int, rows: int, n_bytes: int, cradle: Cradle) -> tuple[Stripped, mmap.mmap, bool]:
    """First half of a gate: identity, namespaces, descriptors, parent, rows.

    Args:
        channel: Descriptor of the gate's end of its channel; becomes 3.
        rows: Descriptor of the memory made by :func:`region.create`; mapped, sealed and closed.
        n_bytes: Size of that memory.
        cradle: The parent's.

    Returns:
        What was found, the writable map, and whether its pages are kept out of swap.
    """
    limits.allow_locked_memory(n_bytes + _SLACK_BYTES)
    stripped = _become_nobody(cradle)
    descriptors.keep_only((channel, rows))
    parent.tie_to(cradle.pid)
    mapped = region.map_and_seal(REGION, n_bytes)
    is_locked = region.lock(mapped)
    descriptors.close_from(CHANNEL + 1)
    return stripped, mapped, is_locked


def strip_worker(channel: int, cradle: Cradle) -> Stripped:
    """First half of a worker: identity, namespaces, descriptors, parent. `channel` becomes descriptor 3."""
    stripped = _become_nobody(cradle)
    descriptors.keep_only((channel,))
    parent.tie_to(cradle.pid)
    return stripped


def lock(plan: Plan, stripped: Stripped, minimum: str, warm_up: Callable[[], None], *, memory_locked: bool = False) -> Isolation:
    """Second half: limits, Landlock, filter, self-test.

    Args:
        plan: What the child may do.
        stripped: What the first half found.
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
    has_landlock = landlock.holds(_EMPTY_ROOT if stripped.has_namespaces else os.devnull)
    if abi and not has_landlock:
        raise selftest.SelfTestError("Landlock is there and does not hold")
    if stripped.has_namespaces and not namespaces.hold():
        raise selftest.SelfTestError("namespaces were entered and do not hold")
    warm_up()
    limits.apply(plan.late_limits)
    selftest.check_state(plan)
    seccomp.install(seccomp.assemble(plan.rules, this_architecture()))
    selftest.check_filter(plan)
    tier = _tier(has_landlock, stripped.has_namespaces)
    if not _reaches(tier, minimum):
        raise selftest.SelfTestError("the tier is below the policy's")
    return Isolation(
        tier=tier,
        landlock_abi=abi,
        seccomp=True,
        uid=stripped.uid,
        memory_locked=memory_locked,
        namespaces=stripped.has_namespaces,
    )


def _become_nobody(cradle: Cradle) -> Stripped:
    identity.become_nobody()
    selftest.check_identity()
    uid = os.getuid()
    has_namespaces = namespaces.enter(cradle.empty_root)
    if has_namespaces:
        identity.drop_bounding_set()
    identity.give_up_capabilities()
    return Stripped(uid, has_namespaces)


def _tier(has_landlock: bool, has_namespaces: bool) -> str:
    """The tier that holds: a ladder, so namespaces without Landlock do not count."""
    if not has_landlock:
        return "seccomp"
    return "seccomp+landlock+namespaces" if has_namespaces else "seccomp+landlock"


def _reaches(tier: str, minimum: str) -> bool:
    tiers: tuple[str, ...] = ISOLATION_TIERS
    return tiers.index(tier) >= tiers.index(minimum)
