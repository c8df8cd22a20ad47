"""NumPy arrays to and from the wire, on the worker's side. The hosts do the same without NumPy (`sandbox.wire.values`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sandbox.wire.values import Array


def to_numpy(array: Array) -> npt.NDArray[np.float64] | npt.NDArray[np.int64]:
    """A read-only view of the bytes of `array`, with its shape."""
    return np.frombuffer(array.data, dtype=array.dtype).reshape(array.shape)


def from_numpy(values: npt.ArrayLike) -> Array:
    """`values` as an `<f8` array. Raises :class:`ValueError` when they are not real numbers."""
    array = np.ascontiguousarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError("not an array of real numbers")
    return Array("<f8", np.shape(values), array.astype("<f8").tobytes())
