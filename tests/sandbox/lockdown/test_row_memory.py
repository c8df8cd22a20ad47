"""The memory of rows is sealed before it holds any."""

from __future__ import annotations

import fcntl
import mmap
import os
import resource
from collections.abc import Iterator

import pytest

from sandbox.lockdown import region

SIZE = 1 << 30


@pytest.fixture
def descriptor() -> Iterator[int]:
    descriptor = region.create(SIZE)
    yield descriptor
    os.close(descriptor)


def test_region_takes_no_memory_before_it_is_written(descriptor: int) -> None:
    assert os.fstat(descriptor).st_size == SIZE
    assert os.fstat(descriptor).st_blocks == 0


def test_only_the_first_map_of_a_sealed_region_can_write(descriptor: int) -> None:
    mmap.mmap(descriptor, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE).close()  # the control
    with region.map_and_seal(descriptor, SIZE) as rows:
        rows[:4] = b"rows"
        with pytest.raises(PermissionError):
            mmap.mmap(descriptor, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"lies", 0)
        with mmap.mmap(descriptor, 4096, mmap.MAP_SHARED, mmap.PROT_READ) as view:
            assert view[:4] == b"rows"
            rows[:4] = bytes(4)
            assert view[:4] == bytes(4)


def test_sealed_region_cannot_be_resized_nor_unsealed(descriptor: int) -> None:
    with region.map_and_seal(descriptor, SIZE):
        for size in (0, SIZE * 2):
            with pytest.raises(PermissionError):
                os.ftruncate(descriptor, size)
        with pytest.raises(PermissionError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)


def test_region_is_left_out_of_core_dumps(descriptor: int) -> None:
    with region.map_and_seal(descriptor, SIZE):
        with open("/proc/self/smaps", encoding="ascii") as maps:
            of_rows = maps.read().split("memfd:rows", 1)[1]
        flags = next(line for line in of_rows.splitlines() if line.startswith("VmFlags:"))
        assert "dd" in flags.split()


def locked_kilobytes() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmLck:")).split()[1])


def test_pages_are_kept_out_of_swap_as_far_as_the_limit_reaches() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for size in (1 << 20, 1 << 40):
        descriptor = region.create(size)
        with region.map_and_seal(descriptor, size) as rows:
            before = locked_kilobytes()
            assert region.lock(rows) == (size <= limit or limit == resource.RLIM_INFINITY)
            expected = size if limit == resource.RLIM_INFINITY else min(size, limit)
            assert locked_kilobytes() - before == expected // 1024
        os.close(descriptor)
