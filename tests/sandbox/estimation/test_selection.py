"""Maximum likelihood of selection models against an optimiser that knows nothing of our derivatives, and every way a fit can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from scipy import optimize, special, stats

from sandbox.errors import Code, Refused
from sandbox.estimation import selection as module
from sandbox.estimation.aggregates import SelectionScore
from sandbox.estimation.cholesky import FitError
from sandbox.gate import likelihoods
from sandbox.worker import estimation
from sandbox.worker.randomness import Randomness

Family = Literal["gaussian", "binomial"]


def owen_cdf(h: np.ndarray, k: np.ndarray, rho: float) -> np.ndarray:
    """Φ₂(h, k; ρ) by Owen's T function (h, k ≠ 0): another formula than the gate's."""
    root = np.sqrt(1 - rho**2)
    t = special.owens_t(h, (k - rho * h) / (h * root)) + special.owens_t(k, (h - rho * k) / (k * root))
    return 0.5 * (special.ndtr(h) + special.ndtr(k)) - t - np.where(h * k < 0, 0.5, 0.0)


def made(n: int, family: Family, seed: int = 1, rho: float = 0.6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z (two predictors, the exclusion column, intercept), y, and whether it is seen."""
    rng = np.random.default_rng(seed)
    z = np.column_stack([rng.normal(size=(n, 3)), np.ones(n)])
    u, other = rng.normal(size=(2, n))
    e = rho * u + np.sqrt(1 - rho**2) * other
    latent = z[:, [0, 1, 3]] @ [0.5, -0.4, 0.2] + e * (1.3 if family == "gaussian" else 1.0)
    y = latent if family == "gaussian" else (latent > 0).astype(float)
    return z, y, z @ [0.3, 0.2, 0.9, 0.5] + u > 0


def loglik_of(theta: np.ndarray, z: np.ndarray, y: np.ndarray, seen: np.ndarray, family: Family) -> float:
    """The log-likelihood as it stands in a textbook."""
    gamma, beta, sigma, rho = theta[:4], theta[4:7], np.exp(theta[7]), np.tanh(theta[8])
    a, b = z @ gamma, z[:, [0, 1, 3]] @ beta
    total = stats.norm.logcdf(-a[~seen]).sum()
    a, b, y = a[seen], b[seen], y[seen]
    if family == "gaussian":
        r = (y - b) / sigma
        return float(total + (stats.norm.logpdf(r) - np.log(sigma) + stats.norm.logcdf((a + rho * r) / np.sqrt(1 - rho**2))).sum())
    both = owen_cdf(b, a, rho)
    return float(total + np.log(np.where(y > 0.5, both, special.ndtr(a) - both)).sum())


def score_of(z: np.ndarray, y: np.ndarray, seen: np.ndarray, family: Family) -> Callable[[np.ndarray], SelectionScore]:
    """Scores as a gate makes them, of all rows at once."""
    x = [0, 1, 3]

    def ask(theta: np.ndarray) -> SelectionScore:
        a, b = z @ theta[:4], z[:, x] @ theta[4:7]
        rest = likelihoods.not_selected(a[~seen])
        if family == "gaussian":
            terms = likelihoods.continuous(a[seen], b[seen], y[seen], theta[7], theta[8])
        else:
            terms = likelihoods.binary(a[seen], b[seen], y[seen], theta[8])
        blocks = [z[seen], z[seen][:, x], np.ones((seen.sum(), 1)), np.ones((seen.sum(), 1))]
        g = np.concatenate([block.T @ terms.first[i] for i, block in enumerate(blocks)])
        H = -np.block([[(p * terms.second[i, j][:, None]).T @ q for j, q in enumerate(blocks)] for i, p in enumerate(blocks)])
        g[:4] += z[~seen].T @ rest.first[0]
        H[:4, :4] -= (z[~seen] * rest.second[0, 0][:, None]).T @ z[~seen]
        return SelectionScore(len(z), int(seen.sum()), H, g, float(terms.loglik.sum() + rest.loglik.sum()), 0.0)

    return ask


@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_the_fit_is_the_maximum_of_the_textbook_likelihood(family: Family) -> None:
    data = made(2500, family)
    fit = estimation.selection(score_of(*data, family), 4, family, tolerance=1e-10)
    fixed = 0.0 if family == "binomial" else None

    def full(free: np.ndarray) -> np.ndarray:
        return free if fixed is None else np.insert(free, 7, fixed)

    start = np.array(fit.theta) * 0.8 if fixed is None else np.delete(fit.theta, 7) * 0.8
    # Scaled, and from a start that is off, by a quasi-Newton method on differences.
    best = optimize.minimize(lambda free: -loglik_of(full(free), *data, family) / 2500, start, method="BFGS", options={"gtol": 1e-7})
    error = np.sqrt(np.maximum(np.diag(fit.covariance), 1e-12))
    assert np.abs((fit.theta - full(best.x)) / error).max() < 1e-2
    assert loglik_of(fit.theta, *data, family) >= -2500 * best.fun - 1e-6
    assert fit.evaluations <= 12
    assert (fit.n, fit.n_selected) == (2500, int(data[2].sum()))


@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_the_fit_finds_the_truth_within_its_errors_and_a_fit_of_seen_rows_does_not(family: Family) -> None:
    z, y, seen = made(20_000, family, seed=2)
    fit = estimation.selection(score_of(z, y, seen, family), 4, family, tolerance=1e-8)
    truth = [0.3, 0.2, 0.9, 0.5, 0.5, -0.4, 0.2, np.log(1.3) if family == "gaussian" else 0.0, np.arctanh(0.6)]
    free = np.diag(fit.covariance) > 0
    z_scores = (fit.theta - truth)[free] / np.sqrt(np.diag(fit.covariance)[free])
    assert np.abs(z_scores).max() < 3.5
    assert fit.rho == pytest.approx(0.6, abs=0.06)
    if family == "gaussian":
        naive = np.linalg.lstsq(z[seen][:, [0, 1, 3]], y[seen], rcond=None)[0]
        assert abs(naive[2] - 0.2) > 0.2


def test_log_sigma_of_a_binary_target_is_held_and_never_drawn() -> None:
    fit = estimation.selection(score_of(*made(1500, "binomial"), "binomial"), 4, "binomial")
    assert fit.theta[7] == 0
    assert not fit.covariance[7].any()
    rng = Randomness(1, "aa", "bb")
    draws = np.array([fit.draw(rng) for _ in range(3000)])
    assert not draws[:, 7].any()
    assert np.cov(draws.T) == pytest.approx(fit.covariance, rel=0.15, abs=0.06 * fit.covariance.max())


def test_a_negative_correlation_is_found_too() -> None:
    fit = estimation.selection(score_of(*made(6000, "gaussian", rho=-0.7), "gaussian"), 4, "gaussian")
    assert fit.rho == pytest.approx(-0.7, abs=0.08)


def test_a_likelihood_that_is_no_number_shortens_the_step() -> None:
    ask, refused = score_of(*made(2000, "gaussian"), "gaussian"), []

    def bounded(theta: np.ndarray) -> SelectionScore:
        if np.abs(theta).max() > 0.75 and len(refused) < 2:
            refused.append(theta)
            raise Refused("central", Code.RULE_NOT_FINITE)
        return ask(theta)

    fit = estimation.selection(bounded, 4, "gaussian", tolerance=1e-8)
    assert refused
    assert fit.theta == pytest.approx(estimation.selection(ask, 4, "gaussian", tolerance=1e-8).theta, abs=1e-4)


@pytest.mark.parametrize(("code", "n_asked"), [(Code.RULE_MIN_ROWS, 2), (Code.RULE_NOT_FINITE, module.MAX_EVALUATIONS)])
def test_any_other_refusal_ends_the_fit_and_so_do_too_many_questions(code: Code, n_asked: int) -> None:
    ask, asked = score_of(*made(500, "gaussian"), "gaussian"), []

    def only_once(theta: np.ndarray) -> SelectionScore:
        asked.append(theta)
        if len(asked) > 1:
            raise Refused("site", code)
        return ask(theta)

    with pytest.raises((Refused, FitError)):
        estimation.selection(only_once, 4, "gaussian")
    assert len(asked) == n_asked


def test_a_correlation_that_runs_to_one_is_an_error_and_no_answer() -> None:
    z, y, seen = made(3000, "gaussian", rho=0.999)
    with pytest.raises(FitError) as caught:
        estimation.selection(score_of(z, y, seen, "gaussian"), 4, "gaussian")
    assert caught.value.code is Code.FIT_CORRELATION


def test_a_target_that_is_missing_nowhere_or_hardly_observed_is_refused() -> None:
    z, y, _ = made(200, "gaussian")
    for some in (np.ones(200, dtype=bool), np.arange(200) < 4):
        with pytest.raises(FitError) as caught:
            estimation.selection(score_of(z, y, some, "gaussian"), 4, "gaussian")
        assert caught.value.code is Code.FIT_TOO_FEW_ROWS


def test_a_constant_predictor_is_named() -> None:
    z, y, seen = made(500, "gaussian")
    z[:, 1] = 0.0
    with pytest.raises(FitError) as caught:
        estimation.selection(score_of(z, y, seen, "gaussian"), 4, "gaussian")
    assert (caught.value.code, caught.value.coefficient) == (Code.FIT_SINGULAR, 1)


def test_numbers_that_are_not_finite_are_refused() -> None:
    def broken(theta: np.ndarray) -> SelectionScore:
        return SelectionScore(100, 50, np.eye(9), np.full(9, np.nan), 0.0, 0.0)

    with pytest.raises(FitError) as caught:
        estimation.selection(broken, 4, "gaussian")
    assert caught.value.code is Code.RULE_NOT_FINITE


def test_a_ridge_shrinks_both_equations_and_spares_the_intercepts() -> None:
    ask = score_of(*made(1500, "gaussian"), "gaussian")
    free, shrunk = (estimation.selection(ask, 4, "gaussian", ridge=ridge, tolerance=1e-8) for ridge in (0.0, 300.0))
    slopes = [0, 1, 2, 4, 5]
    assert (np.abs(shrunk.theta[slopes]) < np.abs(free.theta[slopes])).all()
    gradient = ask(shrunk.theta).g
    expected = np.zeros(9)
    expected[slopes] = 300.0 * shrunk.theta[slopes]
    assert gradient == pytest.approx(expected, abs=1e-3)
