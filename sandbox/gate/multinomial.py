"""Multinomial regression of a site's own rows: how its chain fills a predictor of several levels, all indicators together.

With levels 0 … m, of which 0 is the canonical reference, and η_k = x'β_k: P(k) = exp η_k / (1 + Σ exp η_l). The penalised log-likelihood
is concave; Newton's method with halved steps finds its top. Coefficients are laid out level by level, each with the intercept last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.errors import Code
from sandbox.estimation.cholesky import Factor, FitError, factor
from sandbox.gate.canon import Block
from sandbox.gate.coding import CELLS_AT_ONCE
from sandbox.gate.kernels import Units
from sandbox.gate.rows import Matrix, Rows

MAX_STEPS: Final = 30
MAX_HALVINGS: Final = 10
MAX_STALE_STEPS: Final = 4
STALE_DECREMENT: Final = 1.0
"""As those of `own_rows`, per level."""
MAX_COEFFICIENTS: Final = 1500
"""More would take a minute of algebra in every sweep, and are more than cells of a category can tell."""


@dataclass(frozen=True, slots=True, eq=False)
class CategoryFit:
    """Where a fit ended."""

    beta: Matrix
    information: Factor
    weight: float
    """Σ p(1 − p) of the reference."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    loglik: float
    gradient: Matrix
    information: Matrix
    weight: float


class Multinomial:
    """The model of one block, given all other columns as the rows are filled now."""

    def __init__(self, rows: Rows, units: Units, block: Block, places: npt.NDArray[np.intp], turn: Matrix) -> None:
        """`places`: positions of the design in a design row; `turn`: T with x_canonical = x T. A block of one level has no fit."""
        self._rows, self._block, self._places, self._turn = rows, block, places, turn
        self._first = block.indicators[0]
        self._positions = [rows.position(index) for index in block.indicators]
        self._thresholds = np.array([units.threshold(position) for position in self._positions])
        # Which canonical level each indicator is; the last entry is of the level without one.
        self._rank = np.array([block.levels.index(index) if index in block.levels else -1 for index in (*block.indicators, 0)])
        self._m, self._q = len(block.levels) - 1, turn.shape[1]

    def fit(self, start: Matrix | None, ridge: float, tolerance: float) -> CategoryFit:
        """The top of the penalised log-likelihood, to a Newton decrement. Raises :class:`FitError`."""
        if self._m < 1 or self._block.n_observed <= self._q or self._m * self._q > MAX_COEFFICIENTS:
            raise FitError(Code.FIT_TOO_FEW_ROWS)
        penalty = self._penalty(ridge)
        beta = np.zeros(self._m * self._q) if start is None else start
        sums = self._sums(beta)
        for _ in range(MAX_STEPS):
            gradient = sums.gradient - penalty * beta
            inverse = factor(sums.information + np.diag(penalty))
            step = inverse.solve(gradient)
            decrement = float(gradient @ step)
            if decrement < tolerance:
                return CategoryFit(beta + step, inverse, sums.weight)
            height = sums.loglik - 0.5 * float(penalty @ beta**2)
            for _ in range(MAX_HALVINGS):
                nearer = beta + step
                sums = self._sums(nearer)
                if sums.loglik - 0.5 * float(penalty @ nearer**2) >= height:
                    break
                step = step / 2.0
            else:
                raise FitError(Code.FIT_NOT_CONVERGED)
            beta = nearer
        raise FitError(Code.FIT_NOT_CONVERGED)

    def followed(self, beta: Matrix, information: Factor, ridge: float) -> Matrix | None:
        """The top of before moved by steps with the information of before; None when these do not end."""
        penalty = self._penalty(ridge)
        for _ in range(MAX_STALE_STEPS):
            gradient = self._gradient(beta) - penalty * beta
            step = information.solve(gradient)
            beta = beta + step
            if gradient @ step < STALE_DECREMENT * self._m:
                return beta
        return None

    def draw(self, beta: Matrix, uniforms: Matrix) -> npt.NDArray[np.int64]:
        """The indicator of the level that each missing cell gets, 0 for the level without one, in the order of `rows.missing_rows`.

        Raises :class:`FitError` when probabilities are no numbers.
        """
        drawn, start = np.empty(len(uniforms), np.int64), 0
        levels = np.array(self._block.levels)
        for design, _ in self._pieces(is_missing=True):
            shares = self._shares(design, beta)
            if not np.isfinite(shares).all():
                raise FitError(Code.FIT_NOT_CONVERGED)
            stop = start + len(design)
            # Below none of the steps but the last is the last level, whatever rounding leaves of 1.
            drawn[start:stop] = levels[(uniforms[start:stop, None] >= np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)]
            start = stop
        return drawn

    def _penalty(self, ridge: float) -> Matrix:
        of_level = np.full(self._q, ridge)
        of_level[-1] = 0.0
        return np.tile(of_level, self._m)

    def _gradient(self, beta: Matrix) -> Matrix:
        gradient = np.zeros((self._m, self._q))
        for design, is_level in self._pieces(is_missing=False):
            gradient += (is_level - self._shares(design, beta))[:, 1:].T @ design
        return gradient.ravel()

    def _sums(self, beta: Matrix) -> _Sums:
        m, q = self._m, self._q
        loglik, weight, gradient, information = 0.0, 0.0, np.zeros((m, q)), np.zeros((m, q, m, q))
        for design, is_level in self._pieces(is_missing=False):
            shares = self._shares(design, beta)
            loglik += float(np.log(np.maximum(shares[is_level], np.finfo(float).tiny)).sum())
            weight += float((shares[:, 0] * (1.0 - shares[:, 0])).sum())
            gradient += (is_level - shares)[:, 1:].T @ design
            for k in range(m):
                for other in range(k + 1):
                    w = shares[:, k + 1] * ((k == other) - shares[:, other + 1])
                    information[k, :, other, :] += (design * w[:, None]).T @ design
        for k in range(m):
            for other in range(k):
                information[other, :, k, :] = information[k, :, other, :].T
        if not np.isfinite(loglik):
            raise FitError(Code.FIT_NOT_CONVERGED)
        return _Sums(loglik, gradient.ravel(), information.reshape(m * q, m * q), weight)

    def _shares(self, design: Matrix, beta: Matrix) -> Matrix:
        """Probabilities of each level, the reference first, shape (rows, m + 1)."""
        eta = np.zeros((len(design), self._m + 1))
        np.matmul(design, beta.reshape(self._m, self._q).T, out=eta[:, 1:])
        eta -= eta.max(axis=1, keepdims=True)
        np.exp(eta, out=eta)
        eta /= eta.sum(axis=1, keepdims=True)
        return eta

    def _pieces(self, *, is_missing: bool) -> Iterator[tuple[Matrix, npt.NDArray[np.bool_]]]:
        """Some rows at a time: their canonical design, and which level each has, shape (rows, m + 1)."""
        at_once = -(-CELLS_AT_ONCE // self._rows.p)
        for part in self._rows.parts(self._first, is_missing=is_missing):
            for start in range(0, len(part.design), at_once):
                some = part.design[start : start + at_once]
                has = np.empty((len(some), len(self._rank)), dtype=bool)
                np.greater(some[:, self._positions], self._thresholds, out=has[:, :-1])
                has[:, -1] = ~has[:, :-1].any(axis=1)
                is_level = np.zeros((len(some), self._m + 1), dtype=bool)
                occurs = self._rank >= 0
                is_level[:, self._rank[occurs]] = has[:, occurs]
                yield some[:, self._places] @ self._turn, is_level
