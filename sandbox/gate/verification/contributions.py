"""What micro-blocks of rows contribute to the sums of a message: how large, how many of them, and which sums say the same.

`blocks` has shape (M, q): block b contributes blocks[b, j] to number j. Blocks are equal in size to one row (`sizes`, shape (M,)) and made
by a secret, random split; with at most 512 rows each row is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

TAU: Final = 1e-11
"""What a sum may differ by when its rows come in another order, as a share of the sum of absolute contributions. The worst measured was
1.1e-14."""
RELEASE_GRID: Final = 16 * TAU
"""The finest rounding of a number that leaves, as a share of Σ|C|, whatever the policy's grid for kernels is."""
NEGLIGIBLE: Final = 1e-7
"""A deviation below this share of the largest is padding: it does not count as a contribution of its own."""
OF_ONE_BLOCK: Final = 1e-3
"""Rounding of what one block adds, as a share of `TAU`: 1e-14 of Σ|C|."""
CLOSE: Final = 1e-9
"""Directions (radians) so close are looked at again, exactly."""
PIECE: Final = 128
CROWDING: Final = 1e-3
"""How likely honest rows may be to share so many blocks that they are taken for too few."""


def pieces(n_numbers: int) -> Iterator[slice]:
    """Numbers by pieces that stay in the processor's cache while several things are computed of them."""
    return (slice(start, start + PIECE) for start in range(0, n_numbers, PIECE))


def magnitude(blocks: Values) -> Values:
    """Σ|C| of each number, shape (q,)."""
    total = np.empty(blocks.shape[1])
    for piece in pieces(len(total)):
        total[piece] = np.abs(blocks[:, piece]).sum(axis=0)
    return total


def count_deviating(deviations: Values, floor: Values) -> Places:
    """The blocks of each number whose deviation is neither rounding nor negligible, shape (q,).

    When none is above `floor`, shape (q,), there is no deviation. When one is, others count far below it: two questions at nearly the same
    β differ on every row, on most of them by less than what would be rounding of the whole.
    """
    sizes = np.abs(deviations)
    largest = sizes.max(axis=0, initial=0.0)
    counts: Places = np.count_nonzero(sizes > np.maximum(OF_ONE_BLOCK * floor, NEGLIGIBLE * largest), axis=0)
    counts[largest <= floor] = 0
    return counts


@lru_cache(maxsize=64)
def _fewest(n_rows: int, n_blocks: int) -> int:
    # Balls in bins: the distribution of the number of bins in use after each ball.
    chances = np.zeros(n_rows + 1)
    chances[0] = 1.0
    used = np.arange(n_rows + 1) / n_blocks
    for _ in range(n_rows):
        chances = chances * used + np.concatenate(([0.0], (chances * np.maximum(1.0 - used, 0.0))[:-1]))
    return int(np.searchsorted(np.cumsum(chances), CROWDING, side="right"))


def fewest_blocks(n_rows: int, sizes: Values) -> int:
    """The fewest blocks that `n_rows` rows lie in, but for one split in a thousand: `n_rows` itself when each row is a block."""
    return n_rows if sizes.max(initial=0.0) <= 1.0 else _fewest(n_rows, len(sizes))


def centred_weights(sizes: Values, random: np.random.Generator) -> Values:
    """Two random directions that do not see what every row contributes alike, shape (2, M)."""
    weights = random.standard_normal((2, len(sizes)))
    centred: Values = weights - np.outer(weights @ sizes, sizes) / (sizes @ sizes)
    return centred


def directions(projected: Values, floor: Values) -> Values:
    """The angle, from 0 to π, of each column of `projected`, shape (2, q); NaN where it is no longer than `floor`.

    Multiples of each other have one angle, and with :func:`centred_weights` a constant per row does not matter.
    """
    angles: Values = np.mod(np.arctan2(projected[1], projected[0]), np.pi)
    angles[~(np.hypot(projected[0], projected[1]) > floor)] = np.nan
    return angles


def select(blocks: Values, places: Places | npt.NDArray[np.bool_]) -> Values:
    """Some of the numbers, each in one piece of memory."""
    return blocks.T[places].T


def alike(sizes: Values, rates: Values) -> Values:
    """What each block contributes when every row contributes the same, shape (M, k), of `rates` per row, shape (k,)."""
    return (rates[:, None] * sizes).T


def residuals(one: Values, other: Values, sizes: Values, where: slice | Places = slice(None)) -> tuple[Values, Values]:
    """Columns `one` less the best multiples of columns `other` and of the sizes, shape (M, k) all, and their rounding, shape (k,).

    The multiples are those that fit best on the blocks `where` (all by default).
    """
    weights = sizes[where] / (sizes[where] @ sizes[where])
    mean_one, mean_other = weights @ one[where], weights @ other[where]
    centred = other[where] - alike(sizes[where], mean_other)
    norms = np.einsum("ij,ij->j", centred, centred)
    multiple = np.divide(np.einsum("ij,ij->j", centred, one[where]), norms, out=np.zeros_like(norms), where=norms > 0)
    rounding = TAU * (magnitude(one) + np.abs(multiple) * magnitude(other))
    left = one - other * multiple
    left -= alike(sizes, mean_one - multiple * mean_other)
    return left, rounding


def are_copies(one: Values, other: Values, sizes: Values) -> npt.NDArray[np.bool_]:
    """Which columns of `one` are those of `other`, shape (M, k) both, up to a multiple and a constant per row; shape (k,)."""
    difference = np.abs(one - other).max(axis=0, initial=0.0)
    found: npt.NDArray[np.bool_] = difference <= TAU * np.abs(one).max(axis=0, initial=0.0)
    rest = np.flatnonzero(~found)
    if len(rest):
        left, rounding = residuals(select(one, rest), select(other, rest), sizes)
        found[rest] = np.abs(left).max(axis=0) <= rounding
    return found


def agreeing(angles: Values, width: float = CLOSE) -> Iterator[tuple[Places, Places]]:
    """Pairs of places with one direction, those next to each other first."""
    order = np.argsort(angles, kind="stable")[: np.count_nonzero(~np.isnan(angles))]
    for lag in range(1, len(order)):
        near = np.flatnonzero(angles[order[lag:]] - angles[order[:-lag]] <= width)
        if not len(near):
            return
        yield order[near + lag], order[near]


def distinct(blocks: Values, sizes: Values, random: np.random.Generator) -> Places:
    """The numbers that are not copies, ascending: neither multiples of others nor constants per row, nor both added up.

    The other half of a symmetric matrix is a copy, and so is the square of a column of two values. Copies tell nothing that their
    original does not.
    """
    angles = directions(centred_weights(sizes, random) @ blocks, TAU * magnitude(blocks))
    is_kept = ~np.isnan(angles)
    # Of neighbours in order of angle, so that of a run of copies one is left.
    one, other = next(agreeing(angles), (np.empty(0, dtype=np.intp),) * 2)
    for piece in pieces(len(one)):
        is_kept[one[piece][are_copies(select(blocks, one[piece]), select(blocks, other[piece]), sizes)]] = False
    return np.flatnonzero(is_kept)
