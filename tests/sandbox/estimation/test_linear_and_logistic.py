"""Fits against direct NumPy and SciPy, draws against their moments, and every way a fit can fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, special, stats

from sandbox.errors import Code, Refused
from sandbox.estimation import logistic
from sandbox.estimation.aggregates import Gram, Score
from sandbox.estimation.cholesky import FitError, factor
from sandbox.worker import estimation
from sandbox.worker.randomness import Randomness

RNG = np.random.default_rng(7)
START = RNG.bit_generator.state
DIGEST = "ab" * 32


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test sees the same data, whichever others run."""
    RNG.bit_generator.state = START


def gram_of(X: np.ndarray, y: np.ndarray) -> Gram:
    return Gram(len(y), X.T @ X, X.T @ y, float(y @ y))


def score_of(X: np.ndarray, y: np.ndarray, grid: float = 0.0) -> Callable[[np.ndarray], Score]:
    """Scores of a logistic regression; with `grid`, rounded as a gate does: to a share of the sum of absolute contributions."""

    def rounded(terms: np.ndarray) -> np.ndarray:
        total, step = terms.sum(axis=0), grid * np.abs(terms).sum(axis=0)
        return np.where(step > 0, np.round(total / np.where(step > 0, step, 1)) * step, total)

    def ask(beta: np.ndarray) -> Score:
        eta = X @ beta
        p = special.expit(eta)
        w = p * (1 - p)
        loglik = y * eta - np.logaddexp(0, eta)
        H = rounded(w[:, None, None] * X[:, :, None] * X[:, None, :])
        return Score(len(y), H, rounded((y - p)[:, None] * X), float(rounded(loglik)), grid * float(np.abs(loglik).sum()))

    return ask


def with_intercept(columns: np.ndarray) -> np.ndarray:
    return np.column_stack([columns, np.ones(len(columns))])


def binary_data(n: int, beta: list[float]) -> tuple[np.ndarray, np.ndarray]:
    X = with_intercept(RNG.normal(size=(n, len(beta) - 1)))
    return X, (RNG.uniform(size=n) < special.expit(X @ np.array(beta))).astype(float)


def mle(X: np.ndarray, y: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """The maximum, by another algorithm and to machine precision."""
    penalty = np.full(X.shape[1], ridge)
    penalty[-1] = 0

    def gradient(beta: np.ndarray) -> np.ndarray:
        return X.T @ (special.expit(X @ beta) - y) + penalty * beta

    return optimize.root(gradient, np.zeros(X.shape[1]), tol=1e-14).x


# --- least squares ------------------------------------------------------------------------------------------------------------------------


def test_least_squares_is_ols_with_an_intercept() -> None:
    X = with_intercept(RNG.normal(size=(300, 4)))
    y = X @ np.array([1.0, -2.0, 0.5, 0.0, 3.0]) + RNG.normal(size=300)
    fit = estimation.least_squares(gram_of(X, y))
    beta, (sse,), *_ = np.linalg.lstsq(X, y, rcond=None)
    assert fit.beta == pytest.approx(beta, rel=1e-10)
    assert fit.sigma2 == pytest.approx(sse / 295, rel=1e-10)
    assert fit.covariance == pytest.approx(sse / 295 * np.linalg.inv(X.T @ X), rel=1e-9, abs=1e-15)
    assert (fit.n, fit.q) == (300, 5)


@pytest.mark.parametrize("n_intercepts", [1, 2])
def test_ridge_shrinks_slopes_but_no_intercept(n_intercepts: int) -> None:
    X = np.column_stack([RNG.normal(size=(200, 2)), np.arange(200) < 50, np.ones(200)]).astype(float)
    y = X @ np.array([1.0, 2.0, 4.0, 5.0]) + RNG.normal(size=200)
    moments = gram_of(X, y)
    fit = estimation.least_squares(Gram(200, moments.XX, moments.Xy, moments.yy, n_intercepts), ridge=30.0)
    penalty = np.diag([30.0, 30.0, 30.0 if n_intercepts == 1 else 0.0, 0.0])
    assert fit.beta == pytest.approx(np.linalg.solve(X.T @ X + penalty, X.T @ y), rel=1e-10)
    assert fit.sigma2 == pytest.approx(((y - X @ fit.beta) ** 2).sum() / 196, rel=1e-10)


def test_ridge_does_not_grow_with_the_number_of_rows() -> None:
    X = with_intercept(RNG.normal(size=(100, 1)))
    y = X @ np.array([2.0, 1.0]) + RNG.normal(size=100)
    small, large = (estimation.least_squares(gram_of(np.tile(X, (k, 1)), np.tile(y, k)), ridge=10.0) for k in (1, 100))
    exact = np.linalg.lstsq(X, y, rcond=None)[0]
    assert abs(large.beta[0] - exact[0]) < abs(small.beta[0] - exact[0]) / 50


def test_a_constant_or_dependent_column_is_named() -> None:
    free = RNG.normal(size=(100, 2))
    for column, blamed in ((np.zeros(100), 2), (free @ [1.0, -2.0], 2), (np.full(100, 3.0), 3)):
        X = with_intercept(np.column_stack([free, column]))
        with pytest.raises(FitError) as caught:
            estimation.least_squares(gram_of(X, X @ np.ones(4)))
        assert (caught.value.code, caught.value.coefficient) == (Code.FIT_SINGULAR, blamed)


def test_a_dependent_column_is_recognised_through_the_rounding_of_a_gate() -> None:
    free = RNG.normal(size=(500, 3))
    X = with_intercept(np.column_stack([free, free.sum(axis=1)]))
    noise = 1.6e-10 * np.abs(X).T @ np.abs(X) * RNG.uniform(-0.5, 0.5, size=(5, 5))
    moments = gram_of(X, free[:, 0])
    with pytest.raises(FitError) as caught:
        estimation.least_squares(Gram(500, moments.XX + np.tril(noise) + np.tril(noise, -1).T, moments.Xy, moments.yy))
    assert caught.value.coefficient == 3


def test_nearly_dependent_columns_are_still_fitted() -> None:
    x = RNG.normal(size=500)
    X = with_intercept(np.column_stack([x, x + 1e-3 * RNG.normal(size=500)]))
    y = X @ np.ones(3) + RNG.normal(size=500)
    assert estimation.least_squares(gram_of(X, y)).beta == pytest.approx(np.linalg.lstsq(X, y, rcond=None)[0], rel=1e-8)


def test_ridge_makes_a_singular_fit_possible() -> None:
    X = with_intercept(np.column_stack([np.zeros(50), RNG.normal(size=50)]))
    assert estimation.least_squares(gram_of(X, X[:, 1]), ridge=1.0).beta[0] == 0


def test_scale_of_a_column_does_not_decide_whether_it_is_singular() -> None:
    X = with_intercept(RNG.normal(size=(100, 2)) * [1e-9, 1e9])
    beta = estimation.least_squares(gram_of(X, X @ [1e9, 1e-9, 1.0])).beta
    assert beta == pytest.approx([1e9, 1e-9, 1.0], rel=1e-6)


def test_too_few_rows_are_refused() -> None:
    X = with_intercept(RNG.normal(size=(3, 2)))
    with pytest.raises(FitError) as caught:
        estimation.least_squares(gram_of(X, np.ones(3)))
    assert caught.value.code is Code.FIT_TOO_FEW_ROWS


def test_not_finite_numbers_are_refused_never_turned_into_zero() -> None:
    with pytest.raises(FitError) as caught:
        estimation.least_squares(Gram(50, np.array([[np.nan]]), np.ones(1), 1.0))
    assert caught.value.code is Code.RULE_NOT_FINITE


def test_unknown_prior_and_negative_ridge_are_refused() -> None:
    with pytest.raises(ValueError, match="prior"):
        estimation.least_squares(Gram(9, np.eye(1), np.ones(1), 9.0), prior="x")  # type: ignore[arg-type]
    for ridge in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="ridge"):
            estimation.least_squares(Gram(9, np.eye(1), np.ones(1), 9.0), ridge=ridge)


@pytest.mark.parametrize(("prior", "df", "extra"), [("flat", 36, 0.0), ("published", 41, 1.0)])
def test_linear_draws_have_the_stated_distribution(prior: str, df: int, extra: float) -> None:
    X = with_intercept(RNG.normal(size=(40, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 2.0]]))
    y = X @ np.array([1.0, -1.0, 0.5, 2.0]) + RNG.normal(size=40)
    fit = estimation.least_squares(gram_of(X, y), prior=prior)  # type: ignore[arg-type]
    rng = Randomness(1, DIGEST, DIGEST)
    draws = [fit.draw(rng) for _ in range(4000)]
    betas, sigmas = np.array([beta for beta, _ in draws]), np.array([sigma for _, sigma in draws])
    sse = fit.sigma2 * 36
    assert stats.kstest((sse + extra) / sigmas**2, stats.chi2(df).cdf).pvalue > 1e-3
    whitened = np.linalg.cholesky(X.T @ X).T @ ((betas - fit.beta) / sigmas[:, None]).T
    assert np.abs(np.cov(whitened) - np.eye(4)).max() < 0.1
    assert stats.kstest(whitened.ravel(), stats.norm.cdf).pvalue > 1e-3


def test_a_perfect_fit_draws_without_noise() -> None:
    X = with_intercept(np.arange(20.0)[:, None])
    fit = estimation.least_squares(gram_of(X, X @ [2.0, 1.0]))
    beta, sigma = fit.draw(Randomness(1, DIGEST, DIGEST))
    assert sigma < 1e-5
    assert beta == pytest.approx([2.0, 1.0], abs=1e-4)


# --- logistic -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [150, 3000])
def test_logistic_meets_the_mle_to_1e_8_with_a_tight_tolerance(n: int) -> None:
    X, y = binary_data(n, [1.0, -0.5, 0.2, -0.4])
    fit = estimation.logistic(score_of(X, y), np.zeros(4), tolerance=1e-8)
    exact = mle(X, y)
    assert np.abs(fit.beta - exact).max() < 1e-8 * np.abs(exact).max()
    p = special.expit(X @ exact)
    assert fit.covariance == pytest.approx(np.linalg.inv((X * (p * (1 - p))[:, None]).T @ X), rel=1e-2, abs=1e-6)


def test_default_tolerance_is_within_a_hundredth_of_a_standard_error() -> None:
    X, y = binary_data(2000, [1.0, -0.5, 0.3, -0.4])
    fit = estimation.logistic(score_of(X, y), np.zeros(4))
    assert (np.abs(fit.beta - mle(X, y)) / np.sqrt(np.diag(fit.covariance))).max() < 0.01
    assert fit.evaluations <= 5


def test_a_warm_start_costs_one_or_two_questions() -> None:
    X, y = binary_data(2000, [1.0, -0.5, -0.4])
    start = estimation.logistic(score_of(X, y), np.zeros(3)).beta
    changed = np.where(RNG.uniform(size=2000) < 0.002, 1 - y, y)
    assert estimation.logistic(score_of(X, changed), start).evaluations <= 2


def test_logistic_ridge_is_the_penalised_maximum_and_spares_the_intercept() -> None:
    X, y = binary_data(400, [1.0, -0.5, 2.0])
    assert estimation.logistic(score_of(X, y), np.zeros(3), ridge=20.0, tolerance=1e-8).beta == pytest.approx(mle(X, y, 20.0), rel=1e-7)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-12])
def test_rounded_scores_end_the_fit_instead_of_running_into_the_cap(tolerance: float) -> None:
    X, y = binary_data(20_000, [0.3, -0.2, 0.1])
    fit = estimation.logistic(score_of(X, y, grid=1e-6), np.zeros(3), tolerance=tolerance)
    assert fit.evaluations <= 6
    assert (np.abs(fit.beta - mle(X, y)) / np.sqrt(np.diag(fit.covariance))).max() < 0.01


def test_line_search_rescues_a_bad_start() -> None:
    X, y = binary_data(500, [0.5, 0.0])
    calls: list[np.ndarray] = []
    ask = score_of(X, y)
    fit = estimation.logistic(lambda beta: (calls.append(beta), ask(beta))[1], np.array([6.0, 5.0]), tolerance=1e-8)  # type: ignore[func-returns-value]
    assert fit.beta == pytest.approx(mle(X, y), rel=1e-6)
    assert len(calls) == fit.evaluations < logistic.MAX_EVALUATIONS


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
@pytest.mark.parametrize("kind", ["complete", "quasi", "rare level"])
def test_separation_is_recognised_and_named(kind: str, tolerance: float) -> None:
    noise = RNG.normal(size=400)
    x = RNG.normal(size=400) if kind == "complete" else (np.arange(400) < (12 if kind == "rare level" else 150)).astype(float)
    y = np.where(x > 0.5, 1.0, np.arange(400) % 2) if kind != "complete" else (x > 0.2).astype(float)
    X = with_intercept(np.column_stack([noise, (x - x.mean()) / x.std()]))
    with pytest.raises(FitError) as caught:
        estimation.logistic(score_of(X, y), np.zeros(3), tolerance=tolerance)
    assert (caught.value.code, caught.value.coefficient) == (Code.FIT_SEPARATED, 1)


@pytest.mark.parametrize("number", [1, 2])
def test_a_refused_question_ends_the_fit(number: int) -> None:
    X, y = binary_data(500, [2.5, 0.5])
    ask, asked = score_of(X, y), []

    def refuse_one(beta: np.ndarray) -> Score:
        asked.append(beta)
        if len(asked) == number:
            raise Refused("site-a", Code.RULE_MIN_ROWS)
        return ask(beta)

    with pytest.raises(Refused) as caught:
        estimation.logistic(refuse_one, np.zeros(2), tolerance=1e-8)
    assert caught.value.site == "site-a"
    assert len(asked) == number


def test_ridge_makes_a_separated_fit_possible() -> None:
    x = RNG.normal(size=200)
    X, y = with_intercept(x[:, None]), (x > 0).astype(float)
    assert estimation.logistic(score_of(X, y), np.zeros(2), ridge=1.0, tolerance=1e-8).beta == pytest.approx(mle(X, y, 1.0), rel=1e-6)


def test_strong_but_honest_predictors_are_not_called_separated() -> None:
    X, y = binary_data(20_000, [3.5, 0.5])
    assert estimation.logistic(score_of(X, y), np.zeros(2)).beta == pytest.approx(mle(X, y), rel=1e-3)


def test_a_singular_design_is_named_at_the_first_question() -> None:
    x = RNG.normal(size=(200, 1))
    X = with_intercept(np.column_stack([x, 2 * x]))
    with pytest.raises(FitError) as caught:
        estimation.logistic(score_of(X, (x[:, 0] > RNG.normal(size=200)).astype(float)), np.zeros(3))
    assert (caught.value.code, caught.value.coefficient) == (Code.FIT_SINGULAR, 1)


def test_a_fit_that_never_settles_ends_at_the_cap() -> None:
    def ask(beta: np.ndarray) -> Score:
        return Score(100, np.eye(1), -np.sign(beta) - (beta == 0), 0.0, 0.0)

    with pytest.raises(FitError) as caught:
        estimation.logistic(ask, np.zeros(1))
    assert caught.value.code in (Code.FIT_NOT_CONVERGED, Code.FIT_SEPARATED)


def test_logistic_draws_have_the_stated_moments() -> None:
    X, y = binary_data(600, [1.0, -0.5, 0.3])
    fit = estimation.logistic(score_of(X, y), np.zeros(3))
    rng = Randomness(2, DIGEST, DIGEST)
    draws = np.array([fit.draw(rng) for _ in range(4000)])
    error = np.linalg.solve(np.linalg.cholesky(fit.covariance), (draws - fit.beta).T)
    assert np.abs(np.cov(error) - np.eye(3)).max() < 0.1
    assert np.abs(error.mean(axis=1)).max() < 4 / np.sqrt(4000)


def test_fits_and_draws_are_read_only() -> None:
    fit = estimation.least_squares(Gram(50, 50 * np.eye(2), np.ones(2), 50.0))
    for array in (fit.beta, fit.covariance, fit.draw(Randomness(1, DIGEST, DIGEST))[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


# --- cholesky -----------------------------------------------------------------------------------------------------------------------------


def test_factor_solves_and_spreads_as_the_inverse_does() -> None:
    root = RNG.normal(size=(4, 4))
    matrix = root @ root.T + np.eye(4)
    cholesky = factor(matrix)
    assert cholesky.solve(np.arange(4.0)) == pytest.approx(np.linalg.solve(matrix, np.arange(4.0)))
    assert cholesky.covariance() == pytest.approx(np.linalg.inv(matrix))
    spread = np.column_stack([cholesky.spread(column) for column in np.eye(4)])
    assert spread @ spread.T == pytest.approx(np.linalg.inv(matrix))


def test_factor_refuses_a_matrix_that_is_not_positive_definite() -> None:
    with pytest.raises(FitError):
        factor(np.array([[1.0, 2.0], [2.0, 1.0]]))
