"""Log-likelihoods of selection models: probabilities add up, and derivatives are those of the values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, special

from sandbox.gate import bivariate, likelihoods

RNG = np.random.default_rng(3)
A_, B_, Y_ = RNG.normal(size=(3, 40)) * 0.6
ONE = (Y_ > 0).astype(float)


def owen(h: np.ndarray, k: np.ndarray, rho: float) -> np.ndarray:
    """Φ₂ by Owen's T function: another formula."""
    root = np.sqrt(1 - rho**2)
    t = special.owens_t(h, (k - rho * h) / (h * root)) + special.owens_t(k, (h - rho * k) / (k * root))
    return 0.5 * (special.ndtr(h) + special.ndtr(k)) - t - np.where(h * k < 0, 0.5, 0.0)


@pytest.mark.parametrize("tau", [-2.5, -1.0, -0.1, 0.0, 0.3, 1.5, 2.5])
def test_bivariate_probabilities_are_those_of_owens_function(tau: float) -> None:
    h, k = RNG.normal(size=(2, 3000)) * 2
    assert bivariate.cdf(h, k, np.tanh(tau)) == pytest.approx(owen(h, k, np.tanh(tau)), abs=2e-14)


def test_bivariate_probabilities_have_the_known_limits() -> None:
    h = np.array([-10.0, 0.0, 10.0])
    assert bivariate.cdf(h, h, 0.0) == pytest.approx(special.ndtr(h) ** 2, abs=1e-16)
    assert bivariate.cdf(np.zeros(1), np.zeros(1), 0.5)[0] == pytest.approx(0.25 + np.arcsin(0.5) / (2 * np.pi), abs=1e-15)
    assert bivariate.cdf(h, np.full(3, 10.0), 0.9) == pytest.approx(special.ndtr(h), abs=1e-15)


@pytest.mark.parametrize("tau", [-1.5, 0.0, 0.8])
def test_what_can_happen_to_a_binary_target_has_probability_one(tau: float) -> None:
    parts = [likelihoods.binary(A_, B_, np.full(40, y), tau).loglik for y in (0.0, 1.0)]
    assert np.exp(parts).sum(axis=0) + np.exp(likelihoods.not_selected(A_).loglik) == pytest.approx(np.ones(40), abs=1e-12)


@pytest.mark.parametrize("tau", [-1.5, 0.0, 0.8])
def test_what_can_happen_to_a_continuous_target_has_probability_one(tau: float) -> None:
    for a, b in zip(A_[:5], B_[:5], strict=True):

        def density(y: float, a: float = a, b: float = b) -> float:
            return float(np.exp(likelihoods.continuous(np.array([a]), np.array([b]), np.array([y]), 0.3, tau).loglik[0]))

        seen = integrate.quad(density, -25, 25, limit=200)[0]
        assert seen + np.exp(likelihoods.not_selected(np.array([a])).loglik[0]) == pytest.approx(1.0, abs=1e-8)


Terms = Callable[[np.ndarray, np.ndarray, float, float], likelihoods.Terms]


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(lambda a, b, s, t: likelihoods.continuous(a, b, Y_, s, t), id="continuous"),
        pytest.param(lambda a, b, s, t: likelihoods.binary(a, b, ONE, t), id="binary"),
        pytest.param(lambda a, b, s, t: likelihoods.not_selected(a), id="not selected"),
    ],
)
@pytest.mark.parametrize("tau", [-1.7, 0.0, 0.9])
def test_derivatives_are_those_of_the_log_likelihood(terms: Terms, tau: float) -> None:
    step = 1e-5
    at = terms(A_, B_, 0.2, tau)
    for i in range(len(at.first)):
        moves = np.eye(4)[i] * step
        up, down = (terms(A_ + sign * moves[0], B_ + sign * moves[1], 0.2 + sign * moves[2], tau + sign * moves[3]) for sign in (1, -1))
        assert at.first[i] == pytest.approx((up.loglik - down.loglik) / (2 * step), rel=1e-5, abs=1e-6)
        for j in range(len(at.first)):
            assert at.second[i, j] == pytest.approx((up.first[j] - down.first[j]) / (2 * step), rel=1e-4, abs=2e-5)


def test_far_out_rows_keep_finite_numbers_and_say_how_far() -> None:
    far = np.array([-10.0, 10.0])
    for terms in (likelihoods.not_selected(far), likelihoods.continuous(far, far, np.array([10.0, -10.0]), 0.0, 2.5)):
        assert np.isfinite(terms.loglik).all()
        assert np.isfinite(terms.first).all()
        assert np.isfinite(terms.second).all()
        assert terms.reach >= 10
    assert likelihoods.continuous(np.zeros(1), np.zeros(1), np.array([40.0]), 0.0, 0.0).reach == pytest.approx(20.0)


def test_an_impossible_pair_is_said_to_be_unsound() -> None:
    terms = likelihoods.binary(np.array([8.0, 0.0]), np.array([-8.0, 0.0]), np.array([1.0, 1.0]), 0.5)
    assert not terms.is_sound
    assert np.isfinite(terms.loglik).all()
    assert likelihoods.binary(np.array([5.0]), np.array([5.0]), np.array([1.0]), 0.5).is_sound


def test_arguments_of_conditional_probabilities_reach_half_as_far() -> None:
    # One row for which the conditional argument is what reaches farthest: 16, with no other part above 3.
    tau, cosh, rho = 2.0, np.cosh(2.0), np.tanh(2.0)
    a, b, zero, one = np.array([16 / cosh]), np.array([0.0]), np.array([0.0]), np.array([1.0])
    assert likelihoods.continuous(a, b, zero, 0.0, tau).reach == pytest.approx(8.0)
    assert likelihoods.binary(a, b, one, tau).reach == pytest.approx(8.0)
    assert likelihoods.binary(b, a, one, tau).reach == pytest.approx(8.0)
    # Along the diagonal they cancel, and the linear predictors are all there is.
    assert likelihoods.binary(zero + 2.0, zero + 2.0, one, tau).reach == pytest.approx(max(2.0, cosh * (1 - rho)))
