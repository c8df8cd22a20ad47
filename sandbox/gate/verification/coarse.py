"""How far sums are rounded: of reviewed code so that no digit is left that was not verified, of code that nobody reviewed so that most of
what one row adds is lost. C11 of the study."""

from __future__ import annotations

import numpy as np

from policies import Policy
from sandbox.gate.release import grid_step
from sandbox.gate.verification.contributions import RELEASE_GRID, Values, alike, magnitude


def exact_step(blocks: Values, policy: Policy) -> Values:
    """The rounding step of each number of reviewed code, shape (q,)."""
    return grid_step(magnitude(blocks), max(policy.gram_grid, RELEASE_GRID))


def coarse_step(blocks: Values, sizes: Values, policy: Policy) -> Values:
    """The rounding step of each number, shape (q,): a power of two of about `coarse_grid` · √Σ(φ − mean)², never below the exact grid.

    In a random split, the squared deviations of block sums add up to what those of the rows do (in expectation; a block of s rows has s
    times the variance of one).
    """
    mean = blocks.sum(axis=0) / sizes.sum()
    deviations = blocks - alike(sizes, mean)
    spread = np.sqrt(np.einsum("ij,ij->j", deviations, deviations))
    step: Values = np.maximum(grid_step(spread, policy.coarse_grid), exact_step(blocks, policy))
    return step
