"""The memory that holds a gate's rows: a sealed memfd, mapped once. Child side only.

The zygote creates it and a gate inherits it; host and gate never send its descriptor anywhere. It is sealed before it holds any data: from
then on nobody can map it writable or resize it, while the gate's own map still writes, so that it can be wiped by overwriting.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import resource
from typing import Final

from sandbox.lockdown.kernel import call

_SEAL_FUTURE_WRITE: Final = 0x10  # fcntl names it from Python 3.13 on
_LOCK_ON_FAULT: Final = 1


def create(n_bytes: int) -> int:
    """A descriptor of `n_bytes` bytes of sparse memory: pages exist once they are written."""
    descriptor = os.memfd_create("rows", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, n_bytes)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def map_and_seal(descriptor: int, n_bytes: int) -> mmap.mmap:
    """The one writable map of the memory. Raises :class:`OSError` when it cannot be sealed or kept out of dumps."""
    region = mmap.mmap(descriptor, n_bytes, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    seals = _SEAL_FUTURE_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    region.madvise(mmap.MADV_DONTDUMP)
    return region


def lock(region: mmap.mmap) -> bool:
    """Keep the pages out of swap once they are written; whether that holds for all of them.

    Where the limit on locked memory is smaller than the region, the first pages are locked as far as it reaches: a gate fills its region
    from the start.
    """
    address = ctypes.addressof(ctypes.c_char.from_buffer(region))
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    n_bytes = len(region) if limit == resource.RLIM_INFINITY else min(len(region), limit - limit % mmap.PAGESIZE)
    try:
        call("mlock2", address, n_bytes, _LOCK_ON_FAULT)
    except OSError:
        return False
    return n_bytes == len(region)
