"""How far sums of code that nobody reviewed are rounded. C11 of the study: what one row adds is lost in the rounding."""

from __future__ import annotations

import numpy as np

from policies import Policy
from sandbox.gate.release import grid_step
from sandbox.gate.verification.contributions import Values, alike, magnitude


def coarse_step(blocks: Values, sizes: Values, policy: Policy) -> Values:
    """The rounding step of each number, shape (q,): a power of two of about `coarse_grid` · √Σ(φ − mean)², never below the exact grid.

    In a random split, the squared deviations of block sums add up to what those of the rows do (in expectation; a block of s rows has s
    times the variance of one).
    """
    mean = blocks.sum(axis=0) / sizes.sum()
    deviations = blocks - alike(sizes, mean)
    spread = np.sqrt(np.einsum("ij,ij->j", deviations, deviations))
    step: Values = np.maximum(grid_step(spread, policy.coarse_grid), grid_step(magnitude(blocks), policy.gram_grid))
    return step
