"""Normal numbers from random words: the ziggurat of Marsaglia and Tsang (2000), vectorised. Pure; holds no randomness of its own.

The area under exp(−x²/2), x ≥ 0, is covered by 256 layers of equal area: 255 rectangles and a base with the tail beyond R. A word picks
a layer, a sign and a place in it. Where the place lies inside the layer above, which holds in 98.8 % of all cases, it is the number;
elsewhere a second uniform number decides. The result is exactly normal but for the 51 bits of the place.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

N_LAYERS: Final = 256
R: Final = 3.6541528853610088
"""Where the tail begins."""
AREA: Final = 0.00492867323399
"""Of one layer, in the unnormalised density."""
_LAYER: Final = np.uint64(N_LAYERS - 1)
_SHIFT: Final = np.uint64(12)
_ONE_AND_HALF: Final = np.uint64(0x3FF8_0000_0000_0000)
"""The bits of 1.5. A place is a signed number of 52 bits; with its first bit turned and these in front it is a number in [1, 2)."""

Numbers = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


def _layers() -> Numbers:
    """Right edges of the layers, shape (257,): the base's as if it were a rectangle, then R down to 0."""
    edges = [AREA / math.exp(-0.5 * R * R), R]
    while len(edges) < N_LAYERS:
        height = math.exp(-0.5 * edges[-1] ** 2) + AREA / edges[-1]
        edges.append(math.sqrt(-2.0 * math.log(height)))
    return np.array([*edges, 0.0])


_EDGES: Final = _layers()
_WIDTHS: Final = 2.0 * _EDGES[:-1]
_INSIDE: Final = 0.5 * np.floor(2.0**51 * _EDGES[1:] / _EDGES[:-1]) / 2.0**51
"""Places below it lie inside the layer above, whatever their height."""
_HEIGHTS: Final = np.exp(-0.5 * _EDGES**2)
_RISES: Final = np.diff(_HEIGHTS)


def inside(words: Words, numbers: Numbers) -> Places:
    """Fill `numbers` from `words`, shape (n,) each; the places of those that :func:`decide` must decide instead."""
    layers, places = _split(words)
    np.multiply(places, _WIDTHS.take(layers), out=numbers)
    np.abs(places, out=places)
    return np.flatnonzero(places >= _INSIDE.take(layers))


def decide(words: Words, uniform: Numbers) -> tuple[Numbers, Mask]:
    """Numbers for any words, and which of them count. The others need a new word.

    Args:
        words: shape (n,).
        uniform: in (0, 1), independent of the words, shape (n,).
    """
    layers, places = _split(words)
    numbers = places * _WIDTHS.take(layers)
    is_decided: Mask = _HEIGHTS.take(layers) + uniform * _RISES.take(layers) < np.exp(-0.5 * (numbers * numbers))
    is_outside = np.abs(places, out=places) >= _INSIDE.take(layers)
    is_decided |= ~is_outside
    tail = np.flatnonzero(is_outside & (layers == 0))
    if len(tail):
        # The tail by inversion of its distribution function.
        numbers[tail] = np.copysign(ndtri(uniform[tail] * ndtr(-R)), numbers[tail])
        is_decided[tail] = True
    return numbers, is_decided


def _split(words: Words) -> tuple[Places, Numbers]:
    """The layer of each word (its low 8 bits) and its place in it, from −½ to ½ (its high 52 bits, as a signed number)."""
    # One pass over every other word of the blocks, the others over neighbours.
    bits = words.copy()
    layers = (bits & _LAYER).view(np.intp)
    bits >>= _SHIFT
    bits ^= _ONE_AND_HALF
    places = bits.view(np.float64)
    places -= 1.5
    return layers, places
