"""The memory that holds rows: a bump allocator over one anonymous map that can be overwritten as a whole.

Whatever is row-level and lives longer than one message is allocated here (uploaded bytes, values, masks, the standardised design, kept
imputations, scratch), so that a wipe is one memset of all that was ever used. It is not a general allocator: nothing is freed on its own.
"""

from __future__ import annotations

import ctypes
import math
from mmap import mmap
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

ALIGNMENT: Final = 64


class RegionFull(Exception):
    """The region has no room for what was asked."""


class Region:
    """Arrays inside `memory`, a writable map. They must not be used after :meth:`wipe` or :meth:`reset`."""

    def __init__(self, memory: mmap) -> None:
        self.capacity = len(memory)
        self._memory = np.frombuffer(memory, dtype=np.uint8)
        self._top = 0
        self._high_water = 0

    def array(self, shape: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64, order: Literal["C", "F"] = "C") -> npt.NDArray[Any]:
        """A zeroed array. Raises :class:`RegionFull`."""
        extents = (shape,) if isinstance(shape, int) else shape
        n_bytes = math.prod(extents) * np.dtype(dtype).itemsize
        if n_bytes > self.capacity - self._top:
            raise RegionFull
        piece = self._memory[self._top : self._top + n_bytes]
        self._top = min(self.capacity, self._top + -(-n_bytes // ALIGNMENT) * ALIGNMENT)
        self._high_water = max(self._high_water, self._top)
        return piece.view(dtype).reshape(extents, order=order)

    def store(self, data: bytes) -> npt.NDArray[np.uint8]:
        """A copy of `data`, shape (len(data),)."""
        piece = self.array(len(data), np.uint8)
        piece[:] = np.frombuffer(data, dtype=np.uint8)
        return piece

    def reset(self) -> None:
        """Overwrite everything with zeros and start again with an empty region."""
        self.wipe()
        self._top = self._high_water = 0

    def wipe(self) -> int:
        """Overwrite everything that was used with zeros; the number of bytes overwritten."""
        if self._high_water:
            # Through ctypes: a call that no optimiser between here and the kernel can find unnecessary.
            ctypes.memset(self._memory.ctypes.data, 0, self._high_water)
        return self._high_water
