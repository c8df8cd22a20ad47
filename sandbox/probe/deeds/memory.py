"""Memory and processor time: what is executable, what is shared, and more than its share of either."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Final

from sandbox.probe.deed import IS_X86, Group, raw

MEMORY: Final = Group("memory and time")
_PIECE: Final = 64 << 20
_PIECES: Final = 512
_GROWS_DOWN: Final = 0x100
_READ_AND_EXECUTE: Final = 5


def _take(n_pieces: int) -> None:
    """Map private memory without touching it."""
    pieces = [mmap.mmap(-1, _PIECE, mmap.MAP_PRIVATE) for _ in range(n_pieces)]
    for piece in pieces:
        piece.close()


def _take_one_piece() -> None:
    _take(1)


@MEMORY.deed("take more memory than its limit", twin=_take_one_piece, required=True)
def _take_too_much_memory() -> None:
    _take(_PIECES)


def _count_a_little() -> None:
    sum(range(1000))


@MEMORY.deed("use more processor time than its limit", twin=_count_a_little, required=True, roles=("worker",))
def _run_without_end() -> None:
    while True:
        pass


@MEMORY.deed("map memory that is writable and executable")
def _map_writable_and_executable() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


@MEMORY.deed("make memory executable")
def _make_a_map_executable() -> None:
    memory = mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE)
    raw(10 if IS_X86 else 226, ctypes.addressof(ctypes.c_char.from_buffer(memory)), mmap.PAGESIZE, _READ_AND_EXECUTE)


@MEMORY.deed("make memory executable with a protection key")
def _make_a_map_executable_with_a_key() -> None:
    memory = mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE)
    raw(329 if IS_X86 else 288, ctypes.addressof(ctypes.c_char.from_buffer(memory)), mmap.PAGESIZE, _READ_AND_EXECUTE, -1)


@MEMORY.deed("map shared memory, which no limit counts", required=True)
def _map_shared_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_SHARED)


@MEMORY.deed("map memory that grows, which no limit counts")
def _map_growing_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | _GROWS_DOWN)


@MEMORY.deed("make a file in memory", required=True)
def _make_a_memfd() -> None:
    os.close(os.memfd_create("probe"))


MEMORY.call("make_secret_memory", "make a secret file in memory", (447, 447), 0)
MEMORY.call("lock_memory", "lock memory", (149, 228), 0, 0)
MEMORY.call("find_shared_memory", "find shared memory of others", (29, 194), 0x54474154, 0, 0)
MEMORY.call("find_a_semaphore", "find a semaphore of others", (64, 190), 0x54474154, 0, 0)
MEMORY.call("find_a_queue", "find a message queue of others", (68, 186), 0x54474154, 0)
MEMORY.call("open_a_queue", "open a message queue by name", (180, 180), None, 0, 0, None)
