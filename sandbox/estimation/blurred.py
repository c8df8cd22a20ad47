"""A Gram with errors of known size, weighted as its errors deserve.

Of a least-squares fit to Σ zz' + δ the gradient at β errs by δ(−β, 1). Where R is the variance of that error and σ² that of the residuals,
the fit is worth its information A = X'X with the weight A(A + R/σ²)⁻¹: that is the best one, and A(A + R/σ²)⁻¹A is what is left of the
information. A Gram with that X'X and the same β̂ says it to whoever adds it to others, so that a standard error made of the sum holds the
errors of cards (`reading` does the same for logistic fits).

R and σ² are judged at a β that all sites have together. Of few rows a Gram's own β̂ makes the most of the errors: its coefficients are
too large, and its squares of residuals too small, by the trace of A⁻¹R (three sites of 150 rows with 13 coefficients: σ² .7 of the true
one). At another β the squares have an error of mean 0, and there the weighted Gram has what it says.

The sizes are those of normal columns, which is all that a Gram tells. Of a column with a long tail errors are larger: with lognormal ones
(sd of the log .8) intervals hold the truth .7 of the time, with milder ones (.4) .95. Such a column should be given as its logarithm.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sandbox.estimation.arrays import Floats
from sandbox.estimation.information import Mask

SQUARE: Final = 3.0
"""Σφ²/Σ|φ| of a squared normal column, which is the size of its error in what a typical person adds."""
PRODUCT: Final = 1.57
"""Of the product of two."""
SINGLE: Final = 1.25
"""Of a normal column, and of its product with zeros and ones."""
COUNT: Final = 1.0
"""Of zeros and ones."""
SMALLEST: Final = 1.0
"""Sum of squared residuals, in canonical coding: the smallest that a card states of a column."""


def weighted(gram: Floats, target: int, is_two_valued: Mask, errors: Floats, direction: Floats | None = None) -> Floats:
    """The Gram of a numeric target with its weight, shape (d, d).

    Args:
        gram: Σ zz' with errors over the rows that show the target, the intercept last. Numeric columns standardised, two-valued ones 0
            and 1.
        target: the place of the target in it.
        is_two_valued: which columns are 0 and 1, shape (d − 1,).
        errors: sizes of the errors, in what a typical person adds to a sum, shape (d, d).
        direction: what a row is multiplied by to give its residual, 1 at the target, shape (d,); None: that of the Gram's own fit.

    Raises :class:`numpy.linalg.LinAlgError` when the Gram has no fit.
    """
    others = np.delete(np.arange(len(gram)), target)
    A, Xy = gram[np.ix_(others, others)], gram[others, target]
    if direction is None:
        direction = np.insert(-np.linalg.solve(A, Xy), target, 1.0)
    squares = max(float(direction @ gram @ direction), SMALLEST)
    R = _variances(direction, is_two_valued, errors)[np.ix_(others, others)]
    weight = np.linalg.solve(A + R * (gram[-1, -1] / squares), A).T
    left, product, beta = weight @ A, weight @ Xy, -direction[others]
    left = (left + left.T) / 2
    # So that the squares of residuals are what they are at this β, and are some at the best one.
    total = squares + 2.0 * beta @ product - beta @ left @ beta
    result = np.empty_like(gram)
    result[np.ix_(others, others)] = left
    result[others, target] = result[target, others] = product
    result[target, target] = max(total, float(product @ np.linalg.solve(left, product)) + SMALLEST)
    return result


def _variances(direction: Floats, is_two_valued: Mask, errors: Floats) -> Floats:
    """Covariance of δv, shape (d, d), for errors δ of which every entry of the Gram has its own."""
    is_count = np.append(is_two_valued, True)
    typical = np.where(is_count[:, None] & is_count, COUNT, np.where(is_count[:, None] | is_count, SINGLE, PRODUCT))
    both = (errors * typical) ** 2
    np.fill_diagonal(both, 0.0)
    result = both * np.outer(direction, direction)
    diagonal = both @ direction**2 + np.where(is_count, 0.0, np.diagonal(errors) * SQUARE * direction) ** 2
    # Σu² = Σu is one number with one error; the number of rows has none.
    ones = np.flatnonzero(is_two_valued)
    result[ones, -1] += both[ones, -1] * direction[ones] ** 2
    result[-1, ones] = result[ones, -1]
    diagonal[ones] += both[ones, -1] * (direction[ones] ** 2 + 2.0 * direction[ones] * direction[-1])
    result[np.diag_indices_from(result)] = diagonal
    covariance: Floats = result
    return covariance
