"""Arrays of the mathematics: float64, and read-only once they are handed out."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def read_only(array: Floats) -> Floats:
    """`array` itself, no longer writeable."""
    array.flags.writeable = False
    return array
