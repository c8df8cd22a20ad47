"""Who a child is: nobody, without capabilities, unable to gain any. Child side only."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final

from sandbox.lockdown.kernel import call, prctl

NOBODY: Final = 65534
"""The identity that root's children take. An ordinary user's children keep the user's: only root may change it."""

_PR_SET_DUMPABLE: Final = 4
_PR_GET_DUMPABLE: Final = 3
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_GET_NO_NEW_PRIVS: Final = 39
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAPABILITY_WORDS: Final = 6
_MORE_THAN_CAPABILITIES: Final = 64


def drop_bounding_set() -> None:
    """Drop every capability from the bounding set. Must precede :func:`become_nobody`, after which the kernel says EPERM."""
    for capability in range(_MORE_THAN_CAPABILITIES):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return  # one past the last capability of this kernel
            if error.errno == errno.EPERM and os.geteuid() != 0:
                return  # an ordinary user has none to give up
            raise


def become_nobody() -> None:
    """Give up root for :data:`NOBODY`, if this is root, and every capability."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    give_up_capabilities()


def give_up_capabilities() -> None:
    """Give up every capability: also those over namespaces of one's own, which come with entering them."""
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = ctypes.create_string_buffer(struct.pack("<II", _CAPABILITY_VERSION_3, 0))
    call("capset", header, ctypes.create_string_buffer(4 * _CAPABILITY_WORDS))


def forbid_new_privileges() -> None:
    """No set-user-id program can raise this process any more."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def forbid_dump() -> None:
    """No core file, no attaching, no reading of this process's memory by others of the same user."""
    prctl(_PR_SET_DUMPABLE, 0)


def is_unprivileged() -> bool:
    """Whether the kernel agrees: not root, no capability, none to be gained, not dumpable."""
    header = ctypes.create_string_buffer(struct.pack("<II", _CAPABILITY_VERSION_3, 0))
    capabilities = ctypes.create_string_buffer(4 * _CAPABILITY_WORDS)
    call("capget", header, capabilities)
    return (
        0 not in (*os.getresuid(), *os.getresgid())
        and not any(capabilities.raw)
        and prctl(_PR_GET_NO_NEW_PRIVS) == 1
        and prctl(_PR_GET_DUMPABLE) == 0
    )
