"""Solving with a positive definite matrix: a Cholesky factor of the matrix scaled to a unit diagonal. No inverse, no pseudo-inverse.

Scaling makes a pivot of the factor what is left of a column after the columns before it are taken out (1 − R²), whatever its units; so a
column that is constant or a combination of others is recognised and named instead of being fitted to rounding errors.

LAPACK is called by its own names: SciPy's functions around it check again what is known here, and cost more than the algebra of small fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import linalg

from sandbox.errors import Code, InputError
from sandbox.estimation.arrays import Floats

SMALLEST_PIVOT: Final = 1e-8
"""1 − R² below which a column counts as a combination of others: above the rounding of Grams that leave a site (1.6e-10 of Σ|φ|)."""


class FitError(InputError):
    """A fit cannot be made. `coefficient` (0-based in the design) is to blame when one is known."""

    def __init__(self, code: Code, coefficient: int | None = None) -> None:
        self.coefficient = coefficient
        super().__init__(code)


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A = D L L' D with a diagonal D and a lower triangular L with unit row norms."""

    lower: Floats
    """L, shape (q, q)."""
    root: Floats
    """Diagonal of D, shape (q,)."""

    def solve(self, right: Floats) -> Floats:
        """A⁻¹ b for b of shape (q,) or (q, k)."""
        scale = self.root if right.ndim == 1 else self.root[:, None]
        solution: Floats = linalg.lapack.dpotrs(self.lower, right / scale, lower=True)[0]
        return solution / scale

    def spread(self, noise: Floats) -> Floats:
        """D⁻¹ L'⁻¹ z: for z ~ N(0, I) of shape (q,), a draw from N(0, A⁻¹)."""
        spread: Floats = linalg.lapack.dtrtrs(self.lower, noise, lower=True, trans=1)[0]
        return spread / self.root

    def covariance(self) -> Floats:
        """A⁻¹, for reports, shape (q, q); exactly symmetric."""
        covariance = self.solve(np.eye(len(self.root)))
        symmetric: Floats = (covariance + covariance.T) / 2
        return symmetric


def factor(matrix: Floats) -> Factor:
    """The factor of a symmetric matrix of shape (q, q).

    Raises:
        FitError: `FIT_SINGULAR` naming the first coefficient whose column is zero or a combination of the columns before it.
    """
    if not np.isfinite(matrix).all():
        raise FitError(Code.RULE_NOT_FINITE)
    diagonal = np.diagonal(matrix)
    if (diagonal <= 0).any():
        raise FitError(Code.FIT_SINGULAR, int(np.argmax(diagonal <= 0)))
    root = np.sqrt(diagonal)
    lower, info = linalg.lapack.dpotrf(matrix / np.outer(root, root), lower=True, clean=True)
    if info > 0:
        raise FitError(Code.FIT_SINGULAR, int(info) - 1)
    pivots = np.diagonal(lower) ** 2
    if (pivots < SMALLEST_PIVOT).any():
        raise FitError(Code.FIT_SINGULAR, int(np.argmax(pivots < SMALLEST_PIVOT)))
    return Factor(lower, root)
