"""Landlock: a second wall behind seccomp, against files, TCP, abstract sockets and signals to the outside. Child side only.

There are no rules, so everything that the kernel's version can handle is denied. It does not cover `stat`, UDP or descriptors that are
already open: the filter of system calls must.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final

from sandbox.lockdown.kernel import call

_VERSION_QUERY: Final = 1
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
"""Number of file rights by ABI; 16 (with device ioctl) from 5 on."""
_LAST_FILE_RIGHTS: Final = 16
_NETWORK: Final = 0b11
_SCOPES: Final = 0b11
_NETWORK_SINCE: Final = 4
_SCOPES_SINCE: Final = 6
_WORD: Final = 8


def version() -> int:
    """The kernel's Landlock ABI, 0 when it has none."""
    try:
        return call("landlock_create_ruleset", None, 0, _VERSION_QUERY)
    except OSError as error:
        # Older kernel; switched off at boot; hidden by the filter of a container.
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def ruleset(abi: int) -> bytes:
    """The attributes of a rule set that handles, and so denies, all that `abi` knows."""
    words = [(1 << _FILE_RIGHTS.get(abi, _LAST_FILE_RIGHTS)) - 1]
    if abi >= _NETWORK_SINCE:
        words.append(_NETWORK)
    if abi >= _SCOPES_SINCE:
        words.append(_SCOPES)
    return struct.pack(f"<{len(words)}Q", *words)


def deny_all() -> int:
    """Deny everything to this process and its children; the ABI, or 0 when the kernel has no Landlock. Needs no_new_privs."""
    abi = version()
    if abi == 0:
        return 0
    attributes = ruleset(abi)
    descriptor = call("landlock_create_ruleset", ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
    try:
        call("landlock_restrict_self", descriptor, 0)
    finally:
        os.close(descriptor)
    return abi


def holds(path: str) -> bool:
    """Whether Landlock is what keeps this process from opening `path`, which anybody may open. Ask before the filter is on."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        return error.errno == errno.EACCES
    os.close(descriptor)
    return False
