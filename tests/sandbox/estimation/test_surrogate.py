"""The surrogate likelihood against numbers made elsewhere (R) and against direct optimisation."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special

from sandbox.errors import Code
from sandbox.estimation.aggregates import Gradient, Gram, Score
from sandbox.estimation.cholesky import FitError
from sandbox.worker import estimation

GOLDEN = Path(__file__).parents[2] / "golden"
REFERENCE = json.loads((GOLDEN / "approximations.json").read_text(encoding="utf-8"))


def published(part: str) -> tuple[np.ndarray, np.ndarray]:
    """X (x2 … x9, y; no intercept) and x1 of the rows with x1 observed."""
    with (GOLDEN / f"continuous_{part}.csv").open(newline="", encoding="utf-8") as file:
        rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:] if row[0] != "NA"]
    data = np.array(rows)
    return data[:, 1:], data[:, 0]


def gram_of(X: np.ndarray, y: np.ndarray, n_intercepts: int = 0) -> Gram:
    return Gram(len(y), X.T @ X, X.T @ y, float(y @ y), n_intercepts)


def logistic_gradient(X: np.ndarray, y: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return X.T @ (y - special.expit(X @ beta))


def score_of(X: np.ndarray, y: np.ndarray):
    def ask(beta: np.ndarray) -> Score:
        eta = X @ beta
        p = special.expit(eta)
        loglik = float((y * eta - np.logaddexp(0, eta)).sum())
        return Score(len(y), (X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p), loglik, 0.0)

    return ask


def test_linear_surrogate_is_the_corrected_one_of_r_to_1e_8() -> None:
    sites = [published(part) for part in ("central", "remote1", "remote2")]
    (X, y), n = sites[0], len(sites[0][1])
    N = REFERENCE["csl"]["N"]
    local = estimation.least_squares(gram_of(X, y), ridge=1e-3 * n)
    assert local.beta == pytest.approx(REFERENCE["csl"]["beta_local"], rel=1e-8)
    gradients = [Gradient(len(v), Z.T @ (v - Z @ local.beta)) for Z, v in sites]
    fit = estimation.surrogate_least_squares(gram_of(X, y), local, gradients, ridge=1e-3 * N)
    assert np.abs(fit.beta - REFERENCE["csl"]["beta"]).max() < 1e-8 * np.abs(fit.beta).max()
    assert fit.n == N


def test_weighted_gradients_beat_central_alone_and_an_unweighted_sum_would_not() -> None:
    # An earlier implementation added mean gradients without their rows: worse than no sites at all.
    sites = [published(part) for part in ("central", "remote1", "remote2")]
    local = estimation.least_squares(gram_of(*sites[0]))
    gradients = [Gradient(len(v), Z.T @ (v - Z @ local.beta)) for Z, v in sites]
    fit = estimation.surrogate_least_squares(gram_of(*sites[0]), local, gradients)
    pooled = np.array(REFERENCE["pooled"])

    def error(beta: np.ndarray) -> float:
        return float(np.abs(np.asarray(beta) - pooled).max())

    assert error(fit.beta) < 0.007 < 0.04 < error(local.beta) < 0.06 < error(REFERENCE["csl_unweighted_beta"])


def test_linear_variance_is_scaled_to_all_rows_and_sigma_is_centrals() -> None:
    sites = [published(part) for part in ("central", "remote1")]
    gram = gram_of(*sites[0])
    local = estimation.least_squares(gram)
    gradients = [Gradient(len(v), Z.T @ (v - Z @ local.beta)) for Z, v in sites]
    fit = estimation.surrogate_least_squares(gram, local, gradients)
    n, N = gram.n, sum(len(v) for _, v in sites)
    assert fit.sigma2 == pytest.approx(local.sigma2, rel=1e-12)
    assert fit.covariance == pytest.approx(n / N * local.covariance, rel=1e-9)


def test_with_identical_sites_the_surrogate_is_the_pooled_fit() -> None:
    X, y = published("central")
    local = estimation.least_squares(gram_of(X, y))
    gradients = [Gradient(len(y), X.T @ (y - X @ local.beta))] * 3
    fit = estimation.surrogate_least_squares(gram_of(X, y), local, gradients)
    pooled = estimation.least_squares(Gram(3 * len(y), 3 * (X.T @ X), 3 * (X.T @ y), 3 * float(y @ y), 0))
    assert fit.beta == pytest.approx(pooled.beta, rel=1e-10)
    assert fit.covariance == pytest.approx(pooled.covariance, rel=0.02)


def test_logistic_surrogate_maximises_centrals_likelihood_tilted_by_the_gradients() -> None:
    rng = np.random.default_rng(5)
    sites = []
    for n in (300, 500, 800):
        X = np.column_stack([rng.normal(size=(n, 2)), np.ones(n)])
        sites.append((X, (rng.uniform(size=n) < special.expit(X @ [0.8, -0.5, 0.2])).astype(float)))
    X, y = sites[0]
    n, N = len(y), sum(len(v) for _, v in sites)
    local = estimation.logistic(score_of(X, y), np.zeros(3), tolerance=1e-12)
    gradients = [Gradient(len(v), logistic_gradient(Z, v, local.beta)) for Z, v in sites]
    fit = estimation.surrogate_logistic(score_of(X, y), local, gradients, tolerance=1e-12)
    c = sum(g.g for g in gradients) / N - logistic_gradient(X, y, local.beta) / n
    exact = optimize.root(lambda b: logistic_gradient(X, y, b) / n + c, np.zeros(3), tol=1e-13).x
    assert fit.beta == pytest.approx(exact, rel=1e-8)
    pooled = optimize.root(lambda b: sum(logistic_gradient(Z, v, b) for Z, v in sites), np.zeros(3), tol=1e-13).x
    assert np.abs(fit.beta - pooled).max() < np.abs(local.beta - pooled).max() / 3
    H = score_of(X, y)(fit.beta).H
    assert fit.covariance == pytest.approx(n / N * np.linalg.inv(H), rel=1e-4)


def test_gradients_that_are_not_of_centrals_rows_are_refused() -> None:
    X, y = published("central")
    local = estimation.least_squares(gram_of(X, y))
    for gradients in ([], [Gradient(len(y) - 1, np.zeros(9))]):
        with pytest.raises(FitError) as caught:
            estimation.surrogate_least_squares(gram_of(X, y), local, gradients)
        assert caught.value.code is Code.FIT_TOO_FEW_ROWS


def test_ridge_spares_the_intercept_and_counts_once() -> None:
    rng = np.random.default_rng(6)
    X = np.column_stack([rng.normal(size=(200, 2)), np.ones(200)])
    y = X @ [1.0, 2.0, 5.0] + rng.normal(size=200)
    gram = gram_of(X, y, 1)
    local = estimation.least_squares(gram)
    fit = estimation.surrogate_least_squares(gram, local, [Gradient(200, np.zeros(3))] * 2, ridge=50.0)
    # Two participants alike: the ridge fit to 400 rows.
    exact = np.linalg.solve(2 * X.T @ X + np.diag([50.0, 50.0, 0.0]), 2 * X.T @ y)
    assert fit.beta == pytest.approx(exact, rel=1e-9)
