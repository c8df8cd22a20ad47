"""What central reads off the stated fits of a site: the score of the site's rows at any β, without asking.

A site states a β₀ with the gradient there and the diagonal of the information. Two readings of it:

* The quadratic around β₀: g(β) = g₀ − H(β₀)(β − β₀). It errs by the third derivative of the log-likelihood, which costs where fits are
  far apart: few events, strong effects, many sites (RMSE 1.05–1.4 of the pooled maximum's, and coverage down to 85 %).
* The gradient carried along the line: g(β) = g₀ − ∫ H(β₀ + t(β − β₀)) dt (β − β₀) by Simpson's rule, where the Gram says what H is anywhere
  (`information`), its diagonal scaled by what was stated at β₀. That has the third derivative, and costs nothing more to state.

So all fits are carried to one common β, where their sum has its root, and there each becomes a quadratic. A quadratic has a log-likelihood
whose derivatives it is, so that who maximises it cannot tell it from rows.

Errors of known size R of the gradient make a score worth less: it gets the weight H(H + R)⁻¹, which is the best one, and the information of
its quadratic, H(H + R)⁻¹H, says so to whoever makes standard errors or draws of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sandbox.estimation.arrays import Floats
from sandbox.estimation.information import Design, Mask

RIDGE: Final = 1.0
"""On every coefficient of the common β, central's units. What no site knows is 0 there (central's intercept, a level that no site has), and
what all know badly stays near. It pulls at the place alone that fits are carried to, not at them."""
MAX_STEPS: Final = 40
MAX_MOVE: Final = 1.0
"""Largest move of a coefficient in one step towards the common β."""
TOLERANCE: Final = 1e-8
"""Newton decrement at which the common β is found: a ten-thousandth of a standard error."""
HALF: Final = 0.5
"""Σφ²/Σ|φ| of y − p, and of its product with a column of zeros and ones: E|y − p| = 2w."""
TYPICAL: Final = 0.63
"""Σφ²/Σ|φ| of a normal column times y − p, in its own sd: ½ E x²/E|x|."""


@dataclass(frozen=True, slots=True, eq=False)
class Quadratic:
    """A log-likelihood h'β − ½β'Hβ: its gradient is h − Hβ."""

    H: Floats
    """Shape (q, q)."""
    h: Floats
    """Shape (q,)."""

    @classmethod
    def around(cls, beta: Floats, gradient: Floats, H: Floats) -> Quadratic:
        """With this gradient at `beta`."""
        return cls(H, gradient + H @ beta)

    def gradient(self, beta: Floats) -> Floats:
        """Shape (q,)."""
        gradient: Floats = self.h - self.H @ beta
        return gradient

    def loglik(self, beta: Floats) -> float:
        """But for a constant."""
        return float(self.h @ beta - 0.5 * (beta @ self.H @ beta))

    def moved(self, change: Floats, shift: Floats | None = None) -> Quadratic:
        """The same of γ, where β = change · γ + shift; shapes (q, r) and (q,)."""
        h = self.h if shift is None else self.gradient(shift)
        return Quadratic(change.T @ self.H @ change, change.T @ h)


@dataclass(frozen=True, slots=True, eq=False)
class Stated:
    """What a site stated of its rows at one β; all of shape (q,)."""

    beta: Floats
    gradient: Floats
    """Of the log-likelihood, without a ridge."""
    diagonal: Floats
    """Of the information, positive."""


class Reading:
    """The stated fits of one target at one site, in the units that they were made in."""

    def __init__(self, gram: Floats, is_two_valued: Mask, stated: Sequence[Stated], error: float = 0.0) -> None:
        """Read what was stated.

        Args:
            gram: Σ zz' over the rows with the target observed, as `information`.
            is_two_valued: as `information`.
            stated: the own fit, then a common point if there is one. The errors of the two are independent, so that the mean of both
                readings has half the variance. Where there is no error the last, which is nearest, is read alone.
            error: size of the errors of a gradient, in what a typical person adds.
        """
        self._design = Design(gram, is_two_valued)
        self._is_two_valued = is_two_valued
        self._stated = tuple(stated) if error else tuple(stated)[-1:]
        self._error = error

    @property
    def beta(self) -> Floats:
        """Where the last statement was made, shape (q,)."""
        return self._stated[-1].beta

    def at(self, beta: Floats) -> Quadratic:
        """The quadratic around `beta`, shape (q,), to which what was stated is carried."""
        carried = [self._carry(stated, beta) for stated in self._stated]
        gradient = np.mean([gradient for gradient, _ in carried], axis=0)
        H = np.mean([H for _, H in carried], axis=0)
        if self._error:
            # The weight of a score with errors, H(H + R)⁻¹.
            weight = np.linalg.solve(H + np.diag(self._variances(H)), H).T
            gradient, H = weight @ gradient, weight @ H
            H = (H + H.T) / 2
        return Quadratic.around(beta, gradient, H)

    def _carry(self, stated: Stated, beta: Floats) -> tuple[Floats, Floats]:
        """Gradient and information at `beta`."""
        move = beta - stated.beta
        start = self._information(stated, stated.beta)
        if not move.any():
            return stated.gradient, start
        middle, end = (self._information(stated, stated.beta + share * move) for share in (0.5, 1.0))
        return stated.gradient - (start + 4.0 * middle + end) @ move / 6.0, end

    def _information(self, stated: Stated, beta: Floats) -> Floats:
        return self._design.information(beta, self._design.carried(stated.diagonal, stated.beta, beta))

    def _variances(self, H: Floats) -> Floats:
        """Of the errors of the mean gradient, shape (q,)."""
        typical = np.full(len(H), HALF)
        numeric = np.flatnonzero(~self._is_two_valued)
        typical[numeric] = np.maximum(TYPICAL * np.sqrt(np.diagonal(H)[numeric] / H[-1, -1]), HALF)
        variances: Floats = (self._error * typical) ** 2 / len(self._stated)
        return variances


def combined(readings: Sequence[Callable[[Floats], Quadratic]], q: int) -> Floats:
    """The β to which the stated fits of all sites combine, shape (q,): the root of the sum of their gradients, each carried to it.

    A β nearby does as well, since the fits are carried to whichever it is: when Newton's steps with errors do not settle, the one with the
    smallest decrement is taken.

    Args:
        readings: of each site, the quadratic around a β, all in the same units.
        q: coefficients.
    """
    beta = best = np.zeros(q)
    smallest = np.inf
    for _ in range(MAX_STEPS):
        gradient, H = -RIDGE * beta, RIDGE * np.eye(q)
        for reading in readings:
            quadratic = reading(beta)
            gradient, H = gradient + quadratic.gradient(beta), H + quadratic.H
        step = np.linalg.solve(H, gradient)
        decrement = float(gradient @ step)
        if decrement < smallest:
            best, smallest = beta, decrement
        if decrement < TOLERANCE:
            return best + step
        beta = beta + step * min(1.0, MAX_MOVE / float(np.abs(step).max()))
    return best
