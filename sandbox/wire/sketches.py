"""A keyed sketch of an uploaded file: sums over its rows, by which a site knows a file again without keeping a row of it.

The gate makes it (`sandbox.gate.sketch`), the host keeps it in its ledger and compares it (`sandbox.likeness`). It never leaves the site.
Everything in it depends on the site's secret: sketches of two sites cannot be compared, and without the secret no guess of a value can be
checked against one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

N_COUNTERS: Final = 64
"""Counters of a sketch of counts: an estimate of how many rows differ has a standard error of √(2/64), 18 %."""
N_WAVES: Final = 20
"""Frequencies of the waves of a column."""
WAVE_UNIT: Final = 2
"""Waves are kept in halves: one row adds up to two to each."""
N_MIXED: Final = 24
MAX_MIXED: Final = 63


class ColumnSketch(msgspec.Struct, frozen=True, array_like=True):
    """One column of the model. Numbers are packed by :func:`pack`."""

    name: str
    """A keyed name of the column's name, hexadecimal: a last resort where contents cannot decide."""
    content: str
    """A keyed name of its values in whatever order, missing cells included, hexadecimal: exact."""
    n_observed: int
    """Rows that show it."""
    is_rich: bool
    """Whether it has 50 distinct values or more: a column with fewer is like that of any other file."""
    counts: bytes
    """N_COUNTERS signed counters: each value adds its sign to the counter that its hash names (a count sketch)."""
    waves: bytes
    """Σ cos ωz and then Σ sin ωz at N_WAVES frequencies, in halves, z robustly standardised: alike in every unit. Empty unless rich."""
    mixed: bytes
    """How it goes with the rich columns, whatever its own coding: Σ z · (cos ωz of the others), N_WAVES numbers, and Σ z · (signs of the
    others' values by their hash), N_MIXED numbers; both scaled to their largest."""


class FileSketch(msgspec.Struct, frozen=True, array_like=True):
    """One file."""

    n_rows: int
    content: str
    """A keyed name of its rows as wholes, in whatever order of rows and columns, hexadecimal."""
    counts: bytes
    """A count sketch of the rows as wholes."""
    columns: tuple[ColumnSketch, ...]
    """Those of the model, in file order."""


def pack(numbers: Iterable[int]) -> bytes:
    """Signed whole numbers, the smaller the shorter: seven bits a byte, lowest first, the sign in the lowest bit."""
    packed = bytearray()
    for number in numbers:
        rest = number << 1 if number >= 0 else (-number << 1) - 1
        while rest > 127:
            packed.append(rest & 127 | 128)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def unpack(packed: bytes) -> list[int]:
    """What :func:`pack` was given. Raises :class:`ValueError` when the last number is cut off."""
    numbers, rest, shift = [], 0, 0
    for byte in packed:
        rest |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(-((rest + 1) >> 1) if rest & 1 else rest >> 1)
            rest = shift = 0
    if shift:
        raise ValueError("the last number is cut off")
    return numbers
