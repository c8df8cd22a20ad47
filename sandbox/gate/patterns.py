"""Missingness patterns: which targets are missing together, on how many rows, and which groups of rows are set aside.

The Gram of one target differs from that of another only through the rows where one is missing and the other observed, so such a group
must be empty or large, and its tables of people too (`policies.disclosure`, rule 4). A group is a union of patterns: whole patterns are
set aside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


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
    """The patterns of `mask`, shape (rows, targets)."""
    n_rows, n_targets = mask.shape
    n_words = max(1, -(-n_targets // 64))
    packed = np.zeros((n_rows, 8 * n_words), dtype=np.uint8)
    bits = np.packbits(mask, axis=1)
    packed[:, : bits.shape[1]] = bits
    # Big-endian words keep the order of the bits, so that patterns with the same first targets missing are neighbours.
    keys = packed.view(">u8" if n_words == 1 else f"V{8 * n_words}")[:, 0]
    _, first, of_row, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    return Patterns(mask[first], counts, of_row)


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


def keep_patterns(patterns: Patterns, is_small: Callable[[Group], bool], *, whole_patterns: bool = False) -> Mask:
    """Which patterns stay when every difference group that is too small is set aside, smallest first, until none is left.

    Args:
        patterns: of the rows that take part.
        is_small: whether a group may not tell two targets apart. It is asked about again only when some of its rows were set aside.
        whole_patterns: whether every pattern with a missing target is a group of its own, too.
    """
    is_kept = np.ones(len(patterns.counts), dtype=bool)
    if whole_patterns:
        for number in np.flatnonzero(patterns.masks.any(axis=1)):
            alone = np.arange(len(is_kept)) == number
            is_kept[number] = not is_small(Group(alone, alone, int(patterns.counts[number])))
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
