"""Missingness patterns: which targets are missing together, on how many rows, and which groups of rows are set aside.

The Gram of one target differs from that of another only through the rows where one is missing and the other observed, so such a group
must be empty or large (`policies.disclosure`, rule 4). A group is a union of patterns: whole patterns are set aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from policies.disclosure import smallest_group

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


def keep_patterns(patterns: Patterns, limit: int) -> Mask:
    """Which patterns stay when every difference group smaller than `limit` is set aside, smallest first, until none is left."""
    is_kept = np.ones(len(patterns.counts), dtype=bool)
    while True:
        group = smallest_group(difference_sizes(patterns, is_kept).tolist(), limit)
        if group is None:
            return is_kept
        j, k = group
        is_group = patterns.masks[:, j] if j == k else patterns.masks[:, j] & ~patterns.masks[:, k]
        is_kept &= ~is_group
