"""Averages of own fits: the published formulas, written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from sandbox.errors import Code
from sandbox.estimation.aggregates import SiteFit
from sandbox.estimation.cholesky import FitError
from sandbox.worker import estimation
from sandbox.worker.randomness import Randomness

SIZES = (80, 150, 400)


def linear_site(rng: np.random.Generator, n: int) -> tuple[SiteFit, np.ndarray, np.ndarray]:
    X = np.column_stack([rng.normal(size=(n, 2)), np.ones(n)])
    y = X @ [1.0, -2.0, 0.5] + rng.normal(size=n)
    beta = np.linalg.solve(X.T @ X, X.T @ y)
    return SiteFit(n, beta, X.T @ X, float(((y - X @ beta) ** 2).sum())), X, y


def test_linear_average_weighs_by_rows_and_pools_residuals() -> None:
    rng = np.random.default_rng(1)
    fits = [linear_site(rng, n)[0] for n in SIZES]
    N, q, K = sum(SIZES), 3, 3
    fit = estimation.average_least_squares(fits)
    assert fit.beta == pytest.approx(sum(f.n * f.beta for f in fits) / N)
    sigma2 = sum(f.sse for f in fits) / (N - K * q)
    assert fit.sigma2 == pytest.approx(sigma2)
    V = sum(f.n**2 * np.linalg.inv(f.information) for f in fits) / N**2
    assert fit.covariance == pytest.approx(sigma2 * V)
    assert (fit.n, fit.q) == (N, q)


def test_linear_draws_have_the_stated_distribution() -> None:
    rng = np.random.default_rng(2)
    fit = estimation.average_least_squares([linear_site(rng, n)[0] for n in SIZES])
    random = Randomness(1, "aa", "bb")
    draws = [fit.draw(random) for _ in range(4000)]
    df = sum(SIZES) - 9
    assert np.mean([sigma**2 for _, sigma in draws]) == pytest.approx(fit.sigma2 * df / (df - 2), rel=0.01)
    betas = np.array([beta for beta, _ in draws])
    assert betas.mean(axis=0) == pytest.approx(fit.beta, abs=4 * np.sqrt(np.diag(fit.covariance).max() / 4000))
    assert np.cov(betas.T) == pytest.approx(fit.covariance, rel=0.12, abs=0.05 * fit.covariance.max())


def test_logistic_average_weighs_by_rows_and_sandwiches_nothing() -> None:
    rng = np.random.default_rng(3)
    fits = []
    for n in SIZES:
        X = np.column_stack([rng.normal(size=(n, 2)), np.ones(n)])
        p = special.expit(X @ [0.5, -0.5, 0.2])
        fits.append(SiteFit(n, rng.normal(size=3), (X * (p * (1 - p))[:, None]).T @ X, 0.0))
    N = sum(SIZES)
    fit = estimation.average_logistic(fits)
    assert fit.beta == pytest.approx(sum(f.n * f.beta for f in fits) / N)
    assert fit.covariance == pytest.approx(sum(f.n**2 * np.linalg.inv(f.information) for f in fits) / N**2)


def test_a_site_that_never_observes_the_target_counts_for_nothing() -> None:
    rng = np.random.default_rng(4)
    fits = [linear_site(rng, n)[0] for n in SIZES]
    nothing = SiteFit(0, np.zeros(3), np.zeros((3, 3)), 0.0)
    with_it, without = (estimation.average_least_squares(some) for some in ([*fits, nothing], fits))
    assert with_it.beta == pytest.approx(without.beta, rel=1e-15)
    assert with_it.covariance == pytest.approx(without.covariance, rel=1e-15)
    assert with_it.n == without.n


@pytest.mark.parametrize("n", [0, 3])
def test_too_few_rows_are_refused(n: int) -> None:
    with pytest.raises(FitError) as caught:
        estimation.average_least_squares([SiteFit(n, np.zeros(3), np.eye(3), 0.0)])
    assert caught.value.code is Code.FIT_TOO_FEW_ROWS


def test_a_singular_fit_of_one_site_is_named() -> None:
    fits = [SiteFit(50, np.ones(3), np.eye(3), 1.0), SiteFit(50, np.ones(3), np.diag([1.0, 0.0, 1.0]), 1.0)]
    with pytest.raises(FitError) as caught:
        estimation.average_logistic(fits)
    assert (caught.value.code, caught.value.coefficient) == (Code.FIT_SINGULAR, 1)


def test_an_unknown_prior_is_refused() -> None:
    with pytest.raises(ValueError):
        estimation.average_least_squares([SiteFit(50, np.ones(3), np.eye(3), 1.0)], prior="x")  # type: ignore[arg-type]
