"""Resource limits. Child side only."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from typing import Final

from sandbox.lockdown.plan import ResourceName

_RESOURCES: Final[dict[ResourceName, int]] = {
    "AS": resource.RLIMIT_AS,
    "CORE": resource.RLIMIT_CORE,
    "DATA": resource.RLIMIT_DATA,
    "FSIZE": resource.RLIMIT_FSIZE,
    "MSGQUEUE": resource.RLIMIT_MSGQUEUE,
    "NOFILE": resource.RLIMIT_NOFILE,
    "NPROC": resource.RLIMIT_NPROC,
}


def apply(limits: Iterable[tuple[ResourceName, int]]) -> None:
    """Set soft and hard limit at once; a lower limit that is already there stays."""
    for name, value in limits:
        _, hard = resource.getrlimit(_RESOURCES[name])
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(_RESOURCES[name], (bound, bound))


def hold(limits: Iterable[tuple[ResourceName, int]]) -> bool:
    """Whether the kernel reports every limit as at most what was asked for."""
    return all(
        bound != resource.RLIM_INFINITY and bound <= value for name, value in limits for bound in resource.getrlimit(_RESOURCES[name])
    )


def allow_locked_memory(n_bytes: int) -> None:
    """Ask for `n_bytes` of lockable memory; only root gets more than it had, so failure is not an error."""
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (n_bytes, n_bytes))
    except (OSError, ValueError):
        return
