"""A combination of sums that is zero but for one block: central computes it and has what that block contributes.

Block b can be singled out when e_b lies in the span of the columns of [sizes, C], that is when its leverage is 1. The ridge makes
rounding not count. Honest heavy tails reach leverages of 0.97 to 1 - 1e-6, attacks 1 - 1e-15; between them lies the limit.

The quick way is a Cholesky factor of the Gram matrix; where it cannot tell (columns nearly dependent, a leverage near 1), a QR
decomposition of the columns with the ridge below them decides: its Q is orthonormal to rounding whatever the condition (Golub and Van Loan,
Matrix Computations, 5.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.linalg.blas import dtrsm, strsm
from scipy.linalg.lapack import dpotrf, spotrf

from policies.disclosure import Breach
from sandbox.gate.verification.contributions import TAU, Places, Values, magnitude, select

SINGLED_OUT: Final = 1e-8
"""1 - h at or below which a block is singled out."""
RIDGE: Final = TAU / 100
"""On columns with Σ|C| = 1: well above the rounding of sums, and low enough that what is singled out with more than three bits above the
release grid is found."""
QUICK: Final = ((np.float32, spotrf, strsm, 1e-2), (np.float64, dpotrf, dtrsm, 1e-4))
"""Precisions of the quick way, with the 1 - h above which each settles it. Its square is the least squared sine between a column and those
before it for which h is that exact."""


def check_leverage(blocks: Values, sizes: Values, random: np.random.Generator) -> list[Breach]:
    """No block is singled out by the columns of a chunk: of neighbours and, when there are several chunks, of columns grouped at random."""
    scale = magnitude(blocks)
    used = np.flatnonzero(scale > 0)
    chunks = (used[chunk] for chunk in _chunks(len(used), len(sizes) // 3 - 1, random))
    n_singled = sum(_count_singled_out(select(blocks, chunk) / scale[chunk], sizes) for chunk in chunks)
    return [Breach("span", 1, 2)] if n_singled else []


def _chunks(n_columns: int, size: int, random: np.random.Generator) -> Iterator[Places]:
    if n_columns == 0 or size < 1:
        return
    n_chunks = -(-n_columns // size)
    yield from np.array_split(np.arange(n_columns), n_chunks)
    if n_chunks > 1:
        yield from np.array_split(random.permutation(n_columns), n_chunks)


def _count_singled_out(columns: Values, sizes: Values) -> int:
    design = np.asfortranarray(np.column_stack([sizes / sizes.sum(), columns]))
    design /= np.sqrt(np.einsum("ij,ij->j", design, design))
    for precision, factorise, solve, clear in QUICK:
        rough: Values = design.astype(precision)
        factor, n_failed = factorise(rough.T @ rough, lower=1)
        if n_failed or (np.diagonal(factor) ** 2).min() < clear**2:
            continue
        whitened = solve(1.0, factor, rough, side=1, lower=1, trans_a=1)
        if np.einsum("ij,ij->i", whitened, whitened).max() < 1 - clear:
            return 0
    return _count_exactly(np.column_stack([sizes / sizes.sum(), columns]))


def _count_exactly(design: Values) -> int:
    n_blocks, n_columns = design.shape
    orthonormal = np.linalg.qr(np.vstack([design, RIDGE * np.eye(n_columns)]))[0][:n_blocks]
    return int(np.count_nonzero(1 - np.einsum("ij,ij->i", orthonormal, orthonormal) <= SINGLED_OUT))
