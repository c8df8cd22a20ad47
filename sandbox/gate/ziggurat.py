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
_HALF: Final = 2.0**51
_SHIFT: Final = np.int64(12)

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
_WIDTHS: Final = _EDGES[:-1] / _HALF
_INSIDE: Final = np.floor(_HALF * _EDGES[1:] / _EDGES[:-1]).astype(np.int64)
"""Places below it lie inside the layer above, whatever their height."""
_HEIGHTS: Final = np.exp(-0.5 * _EDGES**2)


def inside(words: Words, numbers: Numbers) -> Places:
    """Fill `numbers` from `words`, shape (n,) each; the places of those that :func:`decide` must decide instead."""
    layers, places = _split(words)
    np.multiply(places, _WIDTHS.take(layers), out=numbers)
    np.abs(places, out=places)
    return np.flatnonzero(places >= _INSIDE.take(layers))


def decide(words: Words, uniform: Numbers, numbers: Numbers) -> Mask:
    """Fill `numbers` for words whose place may lie outside the layer above; which of them count. The others need a new word.

    Args:
        words: shape (n,).
        uniform: in (0, 1), independent of the words, shape (n,).
        numbers: filled, shape (n,).
    """
    layers, places = _split(words)
    np.multiply(places, _WIDTHS.take(layers), out=numbers)
    low, high = _HEIGHTS.take(layers), _HEIGHTS.take(layers + 1)
    is_decided: Mask = (np.abs(places) < _INSIDE.take(layers)) | (low + uniform * (high - low) < np.exp(-0.5 * numbers**2))
    tail = np.flatnonzero((layers == 0) & (np.abs(places) >= _INSIDE[0]))
    if len(tail):
        # The tail by inversion of its distribution function.
        numbers[tail] = np.copysign(ndtri(uniform[tail] * ndtr(-R)), numbers[tail])
        is_decided[tail] = True
    return is_decided


def _split(words: Words) -> tuple[Places, npt.NDArray[np.int64]]:
    """The layer of each word (its low 8 bits) and its place, from −2⁵¹ to 2⁵¹ − 1 (its high 52 bits)."""
    signed = words.view(np.int64)
    return (signed & np.int64(N_LAYERS - 1)).astype(np.intp, copy=False), signed >> _SHIFT
