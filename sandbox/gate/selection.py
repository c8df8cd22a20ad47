"""The kernels of a selection model: its score at a θ, and draws of missing cells. Mathematics of a row: `likelihoods`.

z is the design of the target, x the same without the exclusion column; θ = (γ, β, log σ, atanh ρ) as `sandbox.estimation.selection` has it.
All rows that take part contribute: those with the target missing by γ alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtri, ndtri_exp

from sandbox.gate import bivariate
from sandbox.gate.kernels import Answer, Filled, Units, moments
from sandbox.gate.likelihoods import LOG_SIGMA, TAU, A, B, Terms, binary, continuous, not_selected
from sandbox.gate.rows import Matrix, Rows

Places = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Theta:
    """θ taken apart, with γ and β laid out over the columns of a design row."""

    gamma: Matrix
    """Shape (p,), 0 at the target."""
    beta: Matrix
    """Shape (p,), 0 at the target and at the exclusion column."""
    log_sigma: float
    tau: float
    """atanh ρ."""
    z: Places
    """Where the design of z stands in a row, shape (q,)."""
    x: Places
    """Where the design of x stands in a row, shape (q − 1,)."""

    @classmethod
    def of(cls, theta: Matrix, rows: Rows, target: int, exclusion: int) -> Theta:
        """`theta`, shape (2q + 1,), for a target and an exclusion column (1-based indices)."""
        z = rows.others(target)
        x = z[z != rows.position(exclusion)]
        gamma, beta = np.zeros(rows.p), np.zeros(rows.p)
        gamma[z], beta[x] = theta[: len(z)], theta[len(z) : -2]
        return cls(gamma, beta, float(theta[-2]), float(theta[-1]), z, x)

    @property
    def sigma(self) -> float:
        """Residual sd of a continuous target, standardised units."""
        return float(np.exp(self.log_sigma))


@dataclass(frozen=True, slots=True)
class Score:
    """An answer, and how far out its rows lie."""

    answer: Answer
    reach: float
    """As in :class:`sandbox.gate.likelihoods.Terms`, of all rows; infinite when the answer is not a number, or none that means anything."""


def selection_score(rows: Rows, units: Units, target: int, exclusion: int, theta: Matrix) -> Score:
    """Observed information, gradient and log-likelihood of a selection model at `theta`, shape (2q + 1,)."""
    parts = Theta.of(theta, rows, target, exclusion)
    sums = _Sums(rows.p)
    for part in rows.parts(target, is_missing=True):
        sums.add(part.design, not_selected(part.design @ parts.gamma))
    position = rows.position(target)
    is_binary = bool(units.is_binary[position])
    threshold = units.threshold(position)
    for part in rows.parts(target, is_missing=False):
        a, b, y = part.design @ parts.gamma, part.design @ parts.beta, part.design[:, position]
        if is_binary:
            sums.add(part.design, binary(a, b, (y > threshold).astype(np.float64), parts.tau))
        else:
            sums.add(part.design, continuous(a, b, y, parts.log_sigma, parts.tau))
    answered, bounds = sums.answer(parts)
    counts = {"n": np.asarray(rows.n, np.int64), "n_selected": np.asarray(rows.n_observed(target), np.int64)}
    is_sound = sums.is_sound and np.isfinite(theta).all() and np.isfinite(answered["loglik"]).all()
    answer = Answer("selection_score", rows.n, {**counts, **answered}, bounds)
    return Score(answer, sums.reach if is_sound else np.inf)


class _Sums:
    """Adds up rows: first derivatives times design, and the design's Grams weighted by second derivatives."""

    def __init__(self, p: int) -> None:
        self.reach = 0.0
        self.is_sound = True
        self._loglik = self._loglik_size = 0.0
        self._g, self._g_squares = np.zeros((2, p)), np.zeros(2)
        self._g_rest, self._g_rest_size = np.zeros(4), np.zeros(4)
        self._H, self._H_sizes = np.zeros((2, 2, p, p)), np.zeros((2, 2, p))
        self._H_side, self._H_side_size = np.zeros((2, 4, p)), np.zeros((2, 4, p))
        self._H_rest, self._H_rest_size = np.zeros((4, 4)), np.zeros((4, 4))
        self._squares = np.zeros((2, p))

    def add(self, design: Matrix, terms: Terms) -> None:
        """Add rows. Sizes are sums of absolute contributions, or what bounds them by Cauchy and Schwarz."""
        self.reach = max(self.reach, terms.reach)
        self.is_sound &= terms.is_sound
        self._loglik += float(terms.loglik.sum())
        self._loglik_size += float(np.abs(terms.loglik).sum())
        n_parts = len(terms.first)
        squared = design * design
        self._g[: min(n_parts, 2)] += terms.first[:2] @ design
        self._g_squares[: min(n_parts, 2)] += (terms.first[:2] ** 2).sum(axis=1)
        self._squares[: min(n_parts, 2)] += squared.sum(axis=0)
        for i in range(min(n_parts, 2)):
            for j in range(i, min(n_parts, 2)):
                self._H[i, j] += design.T @ (design * terms.second[i, j][:, None])
                self._H_sizes[i, j] += np.abs(terms.second[i, j]) @ squared
        if n_parts == 1:
            return
        self._g_rest += terms.first.sum(axis=1)
        self._g_rest_size += np.abs(terms.first).sum(axis=1)
        self._H_rest += terms.second.sum(axis=2)
        self._H_rest_size += np.abs(terms.second).sum(axis=2)
        sizes = np.abs(terms.second)
        for i in (A, B):
            self._H_side[i, LOG_SIGMA:] += terms.second[i, LOG_SIGMA:] @ design
            self._H_side_size[i, LOG_SIGMA:] += np.sqrt(sizes[i, LOG_SIGMA:].sum(axis=1)[:, None] * (sizes[i, LOG_SIGMA:] @ squared))

    def answer(self, theta: Theta) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
        """The parts of the answer in the order of θ, and bounds on their sums of absolute contributions."""
        z, x = theta.z, theta.x
        q = len(z)
        spans = {A: (z, slice(0, q)), B: (x, slice(q, 2 * q - 1))}
        g, g_size = np.zeros(2 * q + 1), np.zeros(2 * q + 1)
        H, H_size = np.zeros((2 * q + 1, 2 * q + 1)), np.zeros((2 * q + 1, 2 * q + 1))
        for i, (columns, span) in spans.items():
            g[span] = self._g[i, columns]
            g_size[span] = np.sqrt(self._g_squares[i] * self._squares[i, columns])
            for j, (others, other_span) in spans.items():
                low, high = min(i, j), max(i, j)
                block = self._H[low, high][np.ix_(columns, others)]
                H[span, other_span] = -block
                sizes = self._H_sizes[low, high]
                H_size[span, other_span] = np.sqrt(np.outer(sizes[columns], sizes[others]))
            for j, place in ((LOG_SIGMA, -2), (TAU, -1)):
                H[span, place] = H[place, span] = -self._H_side[i, j, columns]
                H_size[span, place] = H_size[place, span] = self._H_side_size[i, j, columns]
        g[-2:], g_size[-2:] = self._g_rest[LOG_SIGMA:], self._g_rest_size[LOG_SIGMA:]
        H[-2:, -2:], H_size[-2:, -2:] = -self._H_rest[LOG_SIGMA:, LOG_SIGMA:], self._H_rest_size[LOG_SIGMA:, LOG_SIGMA:]
        parts = {"H": H, "g": g, "loglik": np.asarray(self._loglik)}
        return parts, {"H": H_size, "g": g_size, "loglik": np.asarray(self._loglik_size)}


def draw_selection(rows: Rows, units: Units, target: int, exclusion: int, theta: Matrix, uniforms: tuple[Matrix, Matrix]) -> Filled:
    """Fill the missing cells of `target` from the model, given that they are missing.

    Continuous: u given u ≤ −z'γ by inversion, then y = x'β + σ(ρu + √(1−ρ²) ε). Binary: P(y = 1 | s = 0) = Φ₂(x'β, −z'γ; −ρ)/Φ(−z'γ).

    Args:
        rows: the rows; their Grams are renewed.
        units: of the columns.
        target: 1-based index.
        exclusion: 1-based index of the column that the outcome does not depend on.
        theta: shape (2q + 1,).
        uniforms: two numbers in (0, 1) for every missing cell, in the order of `rows.missing_rows`. The first are overwritten with the
            cells' values.
    """
    position = rows.position(target)
    centre, scale, is_binary = units.centre[position], units.scale[position], bool(units.is_binary[position])
    parts = Theta.of(theta, rows, target, exclusion)
    rho, is_finite = float(np.tanh(parts.tau)), True
    values, second = uniforms

    def complete(design: Matrix, places: slice) -> None:
        nonlocal is_finite
        a, b, drawn = design @ parts.gamma, design @ parts.beta, values[places]
        is_finite &= bool(np.isfinite(a).all() and np.isfinite(b).all())
        if is_binary:
            share = bivariate.cdf(b, -a, -rho) / np.exp(log_ndtr(-a))
            drawn[:] = ((drawn < share).astype(np.float64) - centre) / scale
        else:
            u = ndtri_exp(np.log(drawn) + log_ndtr(-a))
            drawn[:] = b + parts.sigma * (rho * u + np.sqrt(1.0 - rho * rho) * ndtri(second[places]))
        is_finite &= bool(np.isfinite(drawn).all())

    rows.refill(target, values, complete)
    return Filled(moments(values, centre, scale), is_finite)
