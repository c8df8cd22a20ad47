"""Namespaces: an empty root and a network without a route, where the kernel lets an ordinary process have them. Child side only.

A third wall, used when it is there and never relied on: many kernels and containers refuse it. The root is a folder that was deleted before
it was entered, so there is nothing in it and nothing can be made in it. It takes no mount, which Landlock would refuse.
"""

from __future__ import annotations

import os
import socket
import tempfile
from typing import Final

from sandbox.lockdown.kernel import call

NO_ROOT: Final = -1
"""There is no folder to make an empty root in."""

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWCGROUP: Final = 0x02000000
_CLONE_NEWUTS: Final = 0x04000000
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
# Not the one of processes: it takes effect in children only, and a locked child has none.
_ALL: Final = _CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS | _CLONE_NEWNS | _CLONE_NEWCGROUP
_READ_AND_ENTER: Final = 0o555
"""For everybody: what refuses the empty root is then Landlock, which the self-test can tell."""
_OUTSIDE: Final = ("/proc", "/dev", "/usr", "/etc")
_DISCARD_PORT: Final = 9


def make_empty_root() -> int:
    """A descriptor of a deleted folder, or :data:`NO_ROOT`. The zygote makes it before its own Landlock."""
    try:
        path = tempfile.mkdtemp(prefix="tidegate-")
    except OSError:
        return NO_ROOT
    try:
        os.chmod(path, _READ_AND_ENTER)
        return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.rmdir(path)


def enter(root: int) -> bool:
    """Move into namespaces of this process's own, with `root` for a root; False when this machine does not let it.

    Afterwards this process has every capability, towards its own namespaces only, and its identity is one that nothing maps.
    """
    if root == NO_ROOT:
        return False
    try:
        call("unshare", _ALL)
        os.fchdir(root)
        os.chroot(".")
        os.chdir("/")
    except OSError:
        return False
    return True


def hold() -> bool:
    """Whether nothing of the machine is under the root, and not even this machine itself can be reached. Ask before the filter is on."""
    return not any(map(os.path.exists, _OUTSIDE)) and not _reaches_loopback()


def _reaches_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # Looks for a route and sends nothing. Landlock leaves datagrams alone, so it cannot be what refuses.
            probe.connect(("127.0.0.1", _DISCARD_PORT))
    except OSError:
        return False
    return True
