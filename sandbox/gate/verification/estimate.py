"""An estimate leaves only as the root of sums that were verified (study, section 3): its digits are then those of the root, not a message.

With g the score and H the information at β, both Σφ, the Newton step H⁻¹g must be nothing beside the standard errors √diag(H⁻¹).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from policies import Policy
from policies.disclosure import Breach
from sandbox.gate.release import grid_step, round_to
from sandbox.gate.verification.contributions import Values
from sandbox.gate.verification.request import check_request

MAX_STEP: Final = 1e-8
"""Standard errors. Honest roots are within 2e-11."""
BETA_GRID: Final = 1e-3
"""Standard errors."""
INFORMATION_GRID: Final = 1e-3
"""Three significant digits."""
SYMMETRIC: Final = 1e-9
LEAST_PIVOT: Final = 1e-10
"""Squared sine between a column of the design and those before it: below, H⁻¹g has no eight digits."""


class SingularError(ArithmeticError):
    """The information has no inverse."""


def check_estimate(beta: Values, gradient: Values, information: Values, policy: Policy) -> list[Breach]:
    """β, shape (q,), is a root and within the bounds of requests. H: shape (q, q). A coefficient without information is 0."""
    breaches = check_request(beta, policy)
    try:
        inverse = _inverse(information)
    except SingularError:
        return [*breaches, Breach("estimate")]
    step, errors = inverse @ gradient, np.sqrt(np.diagonal(inverse))
    is_idle = errors == 0
    is_root = (np.abs(step) <= MAX_STEP * errors).all() and not gradient[is_idle].any() and not beta[is_idle].any()
    return breaches if is_root else [*breaches, Breach("estimate", limit=MAX_STEP)]


def round_estimate(beta: Values, information: Values, gradient_step: Values, information_step: Values) -> tuple[Values, Values]:
    """β to a thousandth of a standard error and H to three digits, but neither finer than sums are.

    The code chooses H, so it could claim any precision: the root of Σ K²(x − β), for a huge K, is the mean of x to all digits.
    `gradient_step`, shape (q,), and `information_step`, shape (q, q), are the steps to which g and H would be rounded if they left; a step
    of g moves the root by |H⁻¹| times as much. Raises :class:`SingularError` for what `check_estimate` refuses.
    """
    inverse = _inverse(information)
    errors = np.sqrt(np.diagonal(inverse))
    step = np.maximum(grid_step(errors, BETA_GRID), grid_step(np.abs(inverse) @ gradient_step, 1.0))
    symmetric = (information + information.T) / 2
    coarsest = np.maximum(information_step, information_step.T)
    return round_to(beta, step), round_to(symmetric, np.maximum(grid_step(np.abs(symmetric), INFORMATION_GRID), coarsest))


def _inverse(information: Values) -> Values:
    """H⁻¹, shape (q, q); 0 where H has nothing but zeros. H is scaled to a unit diagonal first (van der Sluis, 1969)."""
    if not np.isfinite(information).all():
        raise SingularError
    inverse = np.zeros_like(information)
    used = np.flatnonzero(information.any(axis=0) | information.any(axis=1))
    H = information[np.ix_(used, used)]
    diagonal = np.diagonal(H)
    if not (diagonal > 0).all():
        raise SingularError
    scale = np.sqrt(diagonal)
    H = H / np.outer(scale, scale)
    if len(used) and np.abs(H - H.T).max() > SYMMETRIC:
        raise SingularError
    try:
        factor = cho_factor(H, lower=True, check_finite=False)
    except np.linalg.LinAlgError as error:
        raise SingularError from error
    if (np.diagonal(factor[0]) ** 2).min(initial=1.0) < LEAST_PIVOT:
        raise SingularError
    inverse[np.ix_(used, used)] = cho_solve(factor, np.eye(len(used)), check_finite=False) / np.outer(scale, scale)
    return inverse
