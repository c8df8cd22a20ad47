"""A Gram with errors is worth what its errors leave: nothing is lost without errors, and intervals hold with them."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.estimation import blurred
from sandbox.estimation.blurred import weighted

TWO_VALUED = np.array([False, True, False, False])
TARGET = 3
"""Of a numeric, a two-valued and a numeric column."""


def rows(n: int, rng: np.random.Generator) -> np.ndarray:
    """Design rows in canonical coding, intercept last, shape (n, 5)."""
    x, u = rng.normal(size=n), (rng.random(n) < 0.3) * 1.0
    z = 0.8 * x + 0.6 * rng.normal(size=n)
    y = 0.6 * x - 0.5 * z + 0.4 * u + 0.5 * rng.normal(size=n)
    return np.column_stack([x, u, z, y, np.ones(n)])


def errors_of(size: float, rng: np.random.Generator) -> np.ndarray:
    """Errors of a Gram as a card has them, shape (5, 5)."""
    is_count = np.append(TWO_VALUED, True)
    typical = np.where(is_count[:, None] & is_count, 1.0, np.where(is_count[:, None] | is_count, 1.25, 1.57))
    np.fill_diagonal(typical, np.where(is_count, 1.0, 3.0))
    delta = np.triu(size * typical * rng.normal(size=(5, 5)))
    delta[1, 1], delta[4, 4] = delta[1, 4], 0.0
    return delta + np.triu(delta, 1).T


def fit(gram: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """β̂ of the target and its standard errors."""
    others = [0, 1, 2, 4]
    A, b = gram[np.ix_(others, others)], gram[others, TARGET]
    beta = np.linalg.solve(A, b)
    variance = (gram[TARGET, TARGET] - beta @ b) / (n - 4)
    return beta, np.sqrt(variance * np.diagonal(np.linalg.inv(A)))


def test_without_errors_the_gram_is_what_it_was() -> None:
    z = rows(300, np.random.default_rng(1))
    assert weighted(z.T @ z, TARGET, TWO_VALUED, np.zeros((5, 5))) == pytest.approx(z.T @ z, rel=1e-9)


def test_with_errors_a_site_says_the_same_fit_with_less_information() -> None:
    z = rows(300, np.random.default_rng(1))
    gram = z.T @ z
    left = weighted(gram, TARGET, TWO_VALUED, np.full((5, 5), 2.5))
    (beta, error), (same, larger) = fit(gram, 300), fit(left, 300)
    assert same == pytest.approx(beta, rel=1e-8)
    assert (larger > error).all()
    assert np.linalg.eigvalsh(gram[:3, :3] - left[:3, :3])[0] > 0


def test_the_squares_of_residuals_of_few_rows_are_right_at_a_beta_of_all_and_too_small_at_the_own_one() -> None:
    found: dict[str, list[float]] = {"own": [], "of all": []}
    at_truth = np.array([-0.6, -0.4, 0.5, 1.0, 0.0])
    for seed in range(300):
        rng = np.random.default_rng(seed)
        z = rows(100, rng)
        gram = z.T @ z + errors_of(2.5, rng)
        for name, direction in (("own", None), ("of all", at_truth)):
            left = weighted(gram, TARGET, TWO_VALUED, np.full((5, 5), 2.5), direction)
            found[name].append(float(at_truth @ left @ at_truth) / (100 * 0.25))
    assert np.mean(found["of all"]) == pytest.approx(1.0, abs=0.06)
    assert np.mean(found["own"]) < 0.92, "the control"


def test_the_variance_of_a_gradient_is_that_of_independent_errors_of_the_gram() -> None:
    rng = np.random.default_rng(2)
    direction = np.array([-0.7, 0.4, 0.2, 1.0, -0.3])
    drawn = np.array([errors_of(1.0, rng) @ direction for _ in range(60_000)])
    expected = blurred._variances(direction, TWO_VALUED, np.ones((5, 5)))
    assert np.cov(drawn.T) == pytest.approx(expected, abs=0.06 * np.diagonal(expected).max())


def test_intervals_from_three_blurred_sites_and_exact_rows_hold_the_truth_and_unweighted_ones_do_not() -> None:
    truth, covered, plain_covered, squares = np.array([0.6, 0.4, -0.5, 0.0]), [], [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        central = rows(150, rng)
        total, plain = central.T @ central, central.T @ central
        for _ in range(3):
            z = rows(500, rng)
            gram = z.T @ z + errors_of(2.5, rng)
            plain = plain + gram
            total = total + weighted(gram, TARGET, TWO_VALUED, np.full((5, 5), 2.5))
        (beta, error), (other, too_small) = fit(total, 1650), fit(plain, 1650)
        covered.append(np.abs(beta - truth) < 1.96 * error)
        plain_covered.append(np.abs(other - truth) < 1.96 * too_small)
        squares.append([(beta - truth) ** 2, (other - truth) ** 2])
    assert np.mean(covered) > 0.93
    assert np.mean(plain_covered, axis=0).min() < 0.85, "the control"
    better, worse = np.mean(squares, axis=0)
    assert (better[[0, 2]] < worse[[0, 2]]).all()
