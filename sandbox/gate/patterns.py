"""Missingness patterns: which targets are missing together, on how many rows, and which groups of rows are set aside.

The Gram of one target differs from that of another only through the rows where one is missing and the other observed, so such a group
must be empty or large, and its tables of people too (`policies.disclosure`, rule 4). A group is a union of patterns: whole patterns are
set aside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
_ROWS_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Patterns:
    """The distinct rows of a missingness mask."""

    masks: Mask
    """Whether each target is missing, shape (patterns, targets)."""
    counts: npt.NDArray[np.int64]
    """Rows of each pattern, shape (patterns,)."""
    of_row: npt.NDArray[np.intp]
    """The pattern of each row, shape (rows,)."""


def find_patterns(mask: Mask) -> Patterns:
    """The patterns of `mask`, shape (rows, targets), in the order of their bits: the same first targets missing are neighbours."""
    pieces = [mask[start : start + _ROWS_AT_ONCE] for start in range(0, len(mask), _ROWS_AT_ONCE)]
    # In pieces: sorting all rows at once takes several times the memory of a column.
    keys = np.unique(np.concatenate([_keys(mask[:0]), *(np.unique(_keys(piece)) for piece in pieces)]))
    of_row = np.empty(len(mask), dtype=np.intp)
    for number, piece in enumerate(pieces):
        start = number * _ROWS_AT_ONCE
        of_row[start : start + len(piece)] = np.searchsorted(keys, _keys(piece))
    n_targets = mask.shape[1]
    masks = np.unpackbits(keys.view(np.uint8).reshape(len(keys), keys.itemsize), axis=1, count=n_targets).astype(bool)
    return Patterns(masks, np.bincount(of_row, minlength=len(keys)), of_row)


def _keys(mask: Mask) -> npt.NDArray[np.bytes_]:
    """The bits of each row in bytes, shape (rows,): they compare as the bits do."""
    bits = np.ascontiguousarray(np.packbits(mask, axis=1))
    return bits.view(f"S{bits.shape[1]}")[:, 0]


def difference_sizes(patterns: Patterns, is_kept: Mask) -> npt.NDArray[np.int64]:
    """Rows with target j missing and k observed, shape (targets, targets); on the diagonal the rows with j missing."""
    masks = patterns.masks[is_kept].astype(np.float64)
    weighted = masks.T * patterns.counts[is_kept]
    sizes = weighted @ (1.0 - masks)
    np.fill_diagonal(sizes, weighted.sum(axis=1))
    return sizes.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that tell two targets, or two sweeps, apart: those that miss one target and show another, or all that miss it."""

    patterns: Mask
    """Which patterns are in it."""
    around: Mask
    """The patterns that miss the target; `patterns` is all or part of them."""
    n_rows: int
    """Never 0."""


def keep_patterns(patterns: Patterns, is_small: Callable[[Group], bool]) -> Mask:
    """Which patterns stay when every difference group that is too small is set aside, smallest first, until none is left.

    Args:
        patterns: of the rows that take part.
        is_small: whether a group may not tell two targets apart. It is asked about again only when some of its rows were set aside.
    """
    is_kept = np.ones(len(patterns.counts), dtype=bool)
    fine: dict[tuple[int, int], int] = {}
    while (small := _smallest(patterns, is_kept, is_small, fine)) is not None:
        is_kept &= ~small
    return is_kept


def _smallest(patterns: Patterns, is_kept: Mask, is_small: Callable[[Group], bool], fine: dict[tuple[int, int], int]) -> Mask | None:
    """The smallest group that is too small. `fine` remembers those that are not, with their number of rows."""
    sizes = difference_sizes(patterns, is_kept)
    for place in np.argsort(sizes, axis=None, kind="stable"):
        j, k = divmod(int(place), len(sizes))
        size = int(sizes[j, k])
        if size and fine.get((j, k)) != size:
            missing = patterns.masks[:, j] & is_kept
            group = missing if j == k else missing & ~patterns.masks[:, k]
            if is_small(Group(group, missing, size)):
                return group
            fine[j, k] = size
    return None
