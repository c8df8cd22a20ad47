"""Closed value types. Whatever crosses a pipe or a link is made of these and nothing else.

Arrays travel as little-endian bytes with a declared shape. This module does not know NumPy: hosts read and write arrays here, gates and
workers convert them (`numpy.frombuffer`) on their side.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from sandbox.errors import Code, PeerError

MAX_DIMENSIONS: Final = 3
MAX_EXTENT: Final = 1 << 16
ITEM_BYTES: Final = 8
_TYPECODES: Final = {"<f8": "d", "<i8": "q"}
_SCALARS: Final = {"<f8": struct.Struct("<d"), "<i8": struct.Struct("<q")}


class Array(msgspec.Struct, frozen=True, tag="array", forbid_unknown_fields=True):
    """A dense C-ordered array. `dtype` is `<f8` or `<i8`; a scalar has shape `()`.

    Raises (through the codec) :class:`~sandbox.errors.PeerError` when shape × 8 is not the number of bytes.
    """

    dtype: Literal["<f8", "<i8"]
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        if len(self.shape) > MAX_DIMENSIONS:
            raise ValueError("shape out of bounds")
        n_bytes = ITEM_BYTES
        for extent in self.shape:
            if not 0 <= extent <= MAX_EXTENT:
                raise ValueError("shape out of bounds")
            n_bytes *= extent
        if n_bytes != len(self.data):
            raise ValueError("shape does not match the bytes")

    @property
    def size(self) -> int:
        """Number of scalars."""
        return len(self.data) // ITEM_BYTES

    def numbers(self) -> Sequence[float]:
        """The scalars in C order."""
        numbers = array(_TYPECODES[self.dtype])
        numbers.frombytes(self.data)
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def rows(self) -> list[list[float]]:
        """The rows of a two-dimensional array."""
        n_columns = self.shape[1]
        flat = self.numbers()
        return [list(flat[start : start + n_columns]) for start in range(0, len(flat), n_columns)]

    def nested(self) -> Any:
        """The numbers as lists of lists, in C order; a number for an array of shape `()`."""
        return _nested(self.numbers(), self.shape)

    def scalar(self) -> float:
        """The only number of an array of one element."""
        if self.size != 1:
            raise PeerError(Code.WIRE_MESSAGE)
        number: float = _SCALARS[self.dtype].unpack(self.data)[0]
        return number

    @property
    def is_finite(self) -> bool:
        """Whether every number is finite."""
        if self.dtype == "<i8":
            return True
        # Every answer is looked at on its way, so without a copy where the machine's own order allows it.
        numbers = memoryview(self.data).cast("d") if sys.byteorder == "little" else self.numbers()
        # A sum is finite only if all numbers are; that of very large ones may not be although they are.
        return math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))


def _nested(flat: Sequence[float], shape: tuple[int, ...]) -> Any:
    if not shape:
        return flat[0]
    size = math.prod(shape[1:])
    return [_nested(flat[place * size : (place + 1) * size], shape[1:]) for place in range(shape[0])]


Value: TypeAlias = bool | int | float | str | Array
"""What a request may hold; manifests say which, by name."""

Record: TypeAlias = dict[str, Array]
"""The parts of one field of a reply, by name (`n`, `XX`, …)."""


def floats(numbers: Iterable[float], shape: tuple[int, ...] | None = None) -> Array:
    """An `<f8` array of `numbers`, one-dimensional unless `shape` is given."""
    flat = array("d", numbers)
    if sys.byteorder == "big":
        flat.byteswap()
    return Array("<f8", (len(flat),) if shape is None else shape, flat.tobytes())
