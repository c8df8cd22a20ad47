"""Which descriptors a child holds: its channel, and nothing that came along by inheritance. Child side only."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from typing import Final

from sandbox.lockdown.kernel import call
from sandbox.lockdown.plan import CHANNEL

_OUT_OF_THE_WAY: Final = 100
_LAST: Final = 0xFFFFFFFF
_SCANNED: Final = 256


def silence_standard_streams() -> None:
    """Make 0, 1 and 2 /dev/null: nothing a child prints can leave."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(CHANNEL):
        os.dup2(null, stream)
    if null >= CHANNEL:
        os.close(null)


def keep_only(descriptors: Sequence[int]) -> None:
    """Make `descriptors` 3, 4, … and close every other one."""
    # First out of the way: one of them may already sit where another belongs.
    parked = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for descriptor in descriptors]
    for place, descriptor in enumerate(parked, start=CHANNEL):
        os.dup2(descriptor, place, inheritable=False)
    close_from(CHANNEL + len(parked))


def close_from(first: int) -> None:
    """Close every descriptor from `first` on, also those that Python objects hold unseen (``mmap`` keeps a duplicate)."""
    call("close_range", first, _LAST, 0)


def only_channel_is_open() -> bool:
    """Whether 0 to 3 are the only open descriptors (as far as the limit on files lets any number exist)."""
    return all(_is_open(descriptor) == (descriptor <= CHANNEL) for descriptor in range(_SCANNED))


def _is_open(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_GETFD)
    except OSError as error:
        if error.errno == errno.EBADF:
            return False
        raise
    return True
