"""The region holds every array and forgets all of them at once."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from sandbox.gate.region import Region, RegionFull


def test_arrays_do_not_overlap_and_a_wipe_leaves_zeros() -> None:
    memory = mmap.mmap(-1, 1 << 16)
    region = Region(memory)
    arrays = [region.array(100), region.array((7, 3), np.int64, order="F"), region.store(b"abc"), region.array(5, np.bool_)]
    for number, array in enumerate(arrays, 1):
        array[...] = number
    assert all((array == (number if array.dtype != bool else True)).all() for number, array in enumerate(arrays, 1))
    assert region.wipe() >= sum(array.nbytes for array in arrays)
    assert not np.frombuffer(memory, dtype=np.uint8).any()


def test_what_does_not_fit_is_refused_and_a_reset_makes_room() -> None:
    region = Region(mmap.mmap(-1, 4096))
    region.array(400)[:] = 1.0
    with pytest.raises(RegionFull):
        region.array(400)
    region.reset()
    assert not region.array(400).any()
