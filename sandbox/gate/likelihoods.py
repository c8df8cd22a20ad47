"""The log-likelihood of one row of a selection model, with its first and second derivatives. Vectorised over rows.

With a = z'γ, b = x'β, λ = log σ, τ = atanh ρ (Heckman 1979; Galimard et al. 2018):

    not selected             l = log Φ(−a)
    selected, continuous y   l = −λ − log √(2π) − r²/2 + log Φ(A),   r = (y − b)/σ,   A = (a + ρr)/√(1−ρ²) = a cosh τ + r sinh τ
    selected, binary y       l = log Φ₂(±b, a; ±ρ), + for y = 1 and − for y = 0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import log_ndtr, ndtr

from sandbox.gate import bivariate
from sandbox.gate.bivariate import Floats

A, B, LOG_SIGMA, TAU = range(4)
"""The order of derivatives."""
HALF_LOG_2PI: Final = 0.5 * float(np.log(2.0 * np.pi))
SMALLEST_PROBABILITY: Final = 1e-11
"""Of an observed pair: quadrature knows smaller ones to less than four digits."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Log-likelihoods of n rows and their derivatives by (a, b, λ, τ), of which `n_parts` are there (1: a alone)."""

    loglik: Floats
    """Shape (n,)."""
    first: Floats
    """Shape (n_parts, n)."""
    second: Floats
    """Shape (n_parts, n_parts, n)."""
    reach: float
    """The largest of |a|, |r|/2, |A|/2 (continuous) or |a|, |b|, |a − ρb|/2√(1−ρ²), |b − ρa|/2√(1−ρ²) (binary): far out
    a likelihood is rounding."""
    is_sound: bool = True
    """Whether every number means what it should."""


def not_selected(a: Floats) -> Terms:
    """Rows whose target is missing."""
    loglik = log_ndtr(-a)
    mills = np.exp(-0.5 * a * a - HALF_LOG_2PI - loglik)
    return Terms(loglik, -mills[None], (mills * (a - mills))[None, None], float(np.abs(a).max(initial=0.0)))


def continuous(a: Floats, b: Floats, y: Floats, log_sigma: float, tau: float) -> Terms:
    """Rows with a continuous target, observed."""
    sigma, cosh, sinh = np.exp(log_sigma), np.cosh(tau), np.sinh(tau)
    r = (y - b) / sigma
    argument, slope = a * cosh + r * sinh, a * sinh + r * cosh
    log_phi = log_ndtr(argument)
    mills = np.exp(-0.5 * argument * argument - HALF_LOG_2PI - log_phi)
    curve = -mills * (argument + mills)
    loglik = -log_sigma - HALF_LOG_2PI - 0.5 * r * r + log_phi
    first = np.stack([mills * cosh, (r - mills * sinh) / sigma, r * r - 1.0 - mills * sinh * r, mills * slope])
    second = np.empty((4, 4, len(a)))
    second[A, A] = curve * cosh * cosh
    second[A, B] = -curve * cosh * sinh / sigma
    second[A, LOG_SIGMA] = -curve * cosh * sinh * r
    second[A, TAU] = curve * cosh * slope + mills * sinh
    second[B, B] = (curve * sinh * sinh - 1.0) / sigma**2
    second[B, LOG_SIGMA] = (curve * sinh * sinh * r + mills * sinh - 2.0 * r) / sigma
    second[B, TAU] = -(curve * slope * sinh + mills * cosh) / sigma
    second[LOG_SIGMA, LOG_SIGMA] = r * (curve * sinh * sinh * r + mills * sinh - 2.0 * r)
    second[LOG_SIGMA, TAU] = -r * (curve * slope * sinh + mills * cosh)
    second[TAU, TAU] = curve * slope * slope + mills * argument
    _mirror(second)
    reach = max(float(np.abs(part).max(initial=0.0)) for part in (a, r / 2.0, argument / 2.0))
    return Terms(loglik, first, second, reach)


def binary(a: Floats, b: Floats, y: Floats, tau: float) -> Terms:
    """Rows with a binary target (0 or 1), observed. Derivatives by λ are 0."""
    one, zero = np.flatnonzero(y > 0.5), np.flatnonzero(y <= 0.5)
    n = len(a)
    loglik, first, second = np.empty(n), np.zeros((4, n)), np.zeros((4, 4, n))
    is_sound = True
    for chosen, sign in ((one, 1.0), (zero, -1.0)):
        h, k, rho = sign * b[chosen], a[chosen], sign * float(np.tanh(tau))
        probability = bivariate.cdf(h, k, rho)
        is_sound &= bool((probability >= SMALLEST_PROBABILITY).all())
        probability = np.maximum(probability, SMALLEST_PROBABILITY)
        loglik[chosen] = np.log(probability)
        slopes, curves = _probability_derivatives(h, k, rho)
        # By h = ±b and τ' = ±τ: one sign for each of the two.
        signs = np.array([1.0, sign, 0.0, sign])
        slopes *= signs[:, None] / probability
        curves *= np.outer(signs, signs)[:, :, None] / probability
        first[:, chosen] = slopes
        second[:, :, chosen] = curves - slopes[:, None] * slopes[None, :]
    rho, cosh = float(np.tanh(tau)), float(np.cosh(tau))
    arguments = (a, b, 0.5 * cosh * (a - rho * b), 0.5 * cosh * (b - rho * a))
    reach = max(float(np.abs(part).max(initial=0.0)) for part in arguments)
    return Terms(loglik, first, second, reach, is_sound)


def _probability_derivatives(h: Floats, k: Floats, rho: float) -> tuple[Floats, Floats]:
    """First (4, n) and second (4, 4, n) derivatives of Φ₂(h, k; tanh τ) by (k, h, –, τ)."""
    rest = 1.0 - rho * rho
    root = np.sqrt(rest)
    joint = bivariate.density(h, k, rho)
    by_h = np.exp(-0.5 * h * h - HALF_LOG_2PI) * ndtr((k - rho * h) / root)
    by_k = np.exp(-0.5 * k * k - HALF_LOG_2PI) * ndtr((h - rho * k) / root)
    product, squares = h * k, h * h - 2.0 * rho * h * k + k * k
    slopes, curves = np.zeros((4, len(h))), np.zeros((4, 4, len(h)))
    # ∂Φ₂/∂ρ = φ₂ and dρ/dτ = 1 − ρ².
    slopes[A], slopes[B], slopes[TAU] = by_k, by_h, joint * rest
    curves[A, A] = -k * by_k - rho * joint
    curves[B, B] = -h * by_h - rho * joint
    curves[A, B] = joint
    curves[A, TAU] = -(k - rho * h) * joint
    curves[B, TAU] = -(h - rho * k) * joint
    curves[TAU, TAU] = joint * rest * (product - rho * squares / rest - rho)
    _mirror(curves)
    return slopes, curves


def _mirror(matrix: Floats) -> None:
    """Fill the lower triangle from the upper."""
    for row in range(4):
        for column in range(row):
            matrix[row, column] = matrix[column, row]
