"""Resource limits. Child side only."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from typing import Final

from sandbox.lockdown.plan import ResourceName

_RESOURCES: Final[dict[ResourceName, int]] = {
    "AS": resource.RLIMIT_AS,
    "CORE": resource.RLIMIT_CORE,
    "CPU": resource.RLIMIT_CPU,
    "DATA": resource.RLIMIT_DATA,
    "FSIZE": resource.RLIMIT_FSIZE,
    "MSGQUEUE": resource.RLIMIT_MSGQUEUE,
    "NOFILE": resource.RLIMIT_NOFILE,
    "NPROC": resource.RLIMIT_NPROC,
    "STACK": resource.RLIMIT_STACK,
}
_GRACE: Final[dict[ResourceName, int]] = {"CPU": 1}
"""How far the hard limit lies above the soft one: the signal at the soft limit says what happened, and can be blocked, which the one at
the hard limit cannot."""


def apply(limits: Iterable[tuple[ResourceName, int]]) -> None:
    """Set soft and hard limit; a lower limit that is already there stays."""
    for name, value in limits:
        _, hard = resource.getrlimit(_RESOURCES[name])
        bound = value + _GRACE.get(name, 0)
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(_RESOURCES[name], (min(value, bound), bound))


def hold(limits: Iterable[tuple[ResourceName, int]]) -> bool:
    """Whether the kernel reports every limit as at most what was asked for."""
    return all(
        bound != resource.RLIM_INFINITY and bound <= value + _GRACE.get(name, 0)
        for name, value in limits
        for bound in resource.getrlimit(_RESOURCES[name])
    )


def allow_locked_memory(n_bytes: int) -> None:
    """Ask for `n_bytes` of lockable memory; only root gets more than it had, so failure is not an error."""
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (n_bytes, n_bytes))
    except (OSError, ValueError):
        return
