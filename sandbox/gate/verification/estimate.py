"""An estimate leaves only as the root of sums that were verified (study, section 3), which the gate finds: by Newton's method from zero.

A root that the code claims would be a message. The code chooses the equations, and there are some that every number solves (g = 0), or that
have a root for every message; which one it claims, the worker that has all rows could choose by any of them. Found from zero, by steps that
are rounded, the root is what central would have found by asking for the sums itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from sandbox.gate.release import grid_step, round_to
from sandbox.gate.verification.contributions import Values

BETA_GRID: Final = 1e-3
"""Standard errors."""
INFORMATION_GRID: Final = 1e-3
"""Three significant digits."""
NEAR: Final = 2.0
"""Steps of the grid within which the root is found: the rest of a Newton step this small is a millionth of it."""
MAX_STEPS: Final = 20
SYMMETRIC: Final = 1e-9
LEAST_PIVOT: Final = 1e-10
"""Squared sine between a column of the design and those before it: below, H⁻¹g has no eight digits."""


class NoRootError(ArithmeticError):
    """The sums have no root that Newton's method finds: no inverse of the information, or no end of the steps."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What is known at a β: the score g, shape (q,), the information H, shape (q, q), and how far either would be rounded if it left."""

    gradient: Values
    information: Values
    gradient_step: Values
    information_step: Values


def find_root(sums_at: Callable[[Values], Sums], q: int) -> tuple[Values, Values]:
    """The root, shape (q,), and the information at it, shape (q, q), both rounded. A coefficient without information is 0.

    `sums_at` is asked last at a point that is as good as the root; its exceptions go through. A step after which the score, in units of its
    variance, is larger than before is halved. Raises :class:`NoRootError`.
    """
    beta, before, decrement = np.zeros(q), np.zeros(q), np.inf
    for _ in range(MAX_STEPS):
        sums = sums_at(beta)
        inverse = _inverse(sums.information)
        errors = np.sqrt(np.diagonal(inverse))
        if sums.gradient[errors == 0].any():
            raise NoRootError
        move = inverse @ sums.gradient
        size = float(move @ sums.gradient)
        grid = _beta_grid(errors, inverse, sums.gradient_step)
        if (np.abs(move) <= NEAR * grid).all():
            return round_to(beta + move, grid), _round_information(sums)
        if size > decrement:
            beta = round_to((beta + before) / 2, grid)
            continue
        before, decrement = beta, size
        beta = round_to(beta + move, grid)
    raise NoRootError


def _beta_grid(errors: Values, inverse: Values, gradient_step: Values) -> Values:
    """A thousandth of a standard error, but no finer than the sums are.

    The code chooses H, so it could claim any precision: the root of Σ K²(x − β), for a huge K, is the mean of x to all digits. A step of g
    moves the root by |H⁻¹| times as much.
    """
    grid: Values = np.maximum(grid_step(errors, BETA_GRID), grid_step(np.abs(inverse) @ gradient_step, 1.0))
    return grid


def _round_information(sums: Sums) -> Values:
    """Three digits, but no finer than the sums are: three digits of what nearly cancelled are fine digits of its terms."""
    symmetric = (sums.information + sums.information.T) / 2
    coarsest = np.maximum(sums.information_step, sums.information_step.T)
    return round_to(symmetric, np.maximum(grid_step(np.abs(symmetric), INFORMATION_GRID), coarsest))


def _inverse(information: Values) -> Values:
    """H⁻¹, shape (q, q); 0 where H has nothing but zeros. H is scaled to a unit diagonal first (van der Sluis, 1969)."""
    if not np.isfinite(information).all():
        raise NoRootError
    inverse = np.zeros_like(information)
    used = np.flatnonzero(information.any(axis=0) | information.any(axis=1))
    H = information[np.ix_(used, used)]
    diagonal = np.diagonal(H)
    if not (diagonal > 0).all():
        raise NoRootError
    scale = np.sqrt(diagonal)
    H = H / np.outer(scale, scale)
    if len(used) and np.abs(H - H.T).max() > SYMMETRIC:
        raise NoRootError
    try:
        factor = cho_factor(H, lower=True, check_finite=False)
    except np.linalg.LinAlgError as error:
        raise NoRootError from error
    if (np.diagonal(factor[0]) ** 2).min(initial=1.0) < LEAST_PIVOT:
        raise NoRootError
    inverse[np.ix_(used, used)] = cho_solve(factor, np.eye(len(used)), check_finite=False) / np.outer(scale, scale)
    return inverse
