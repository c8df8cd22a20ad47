"""Estimates are roots of verified sums, and leave rounded."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.verification import check_estimate, coarse_step, exact_step, round_estimate
from sandbox.gate.verification.estimate import SingularError
from tests.sandbox.gate.verification.played import normal_site

DEFAULT = built_in("default")
RESEARCH = built_in("research")


def logistic(n: int, q: int, seed: int = 0, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng([seed, n, q])
    X = random.normal(size=(n, q))
    X[:, 0] = 1.0
    X[:, -1] = X[:, 1] + 0.1 * X[:, -1]
    y = (random.random(n) < 1 / (1 + np.exp(-X @ random.normal(size=q) * 0.3))).astype(float)
    X[:, 1] *= scale
    return X, y


def sums(X: np.ndarray, y: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = 1 / (1 + np.exp(-X @ beta))
    return X.T @ (y - p), (X * (p * (1 - p))[:, None]).T @ X


def root(X: np.ndarray, y: np.ndarray, n_steps: int = 25) -> np.ndarray:
    beta = np.zeros(X.shape[1])
    for _ in range(n_steps):
        g, H = sums(X, y, beta)
        beta = beta + np.linalg.solve(H, g)
    return beta


def rules(beta: np.ndarray, g: np.ndarray, H: np.ndarray) -> list[str]:
    return [breach.rule for breach in check_estimate(beta, g, H, DEFAULT)]


@pytest.mark.parametrize(("n", "q"), [(200, 3), (200, 11), (5000, 11), (5000, 31)])
@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e6])
def test_an_honest_root_passes_and_a_message_in_its_eighth_digit_does_not(n: int, q: int, scale: float) -> None:
    X, y = logistic(n, q, scale=scale)
    beta = root(X, y)
    g, H = sums(X, y, beta)
    assert "estimate" not in rules(beta, g, H)
    errors = np.sqrt(np.diag(np.linalg.inv(H)))
    for moved in (beta + 1e-6 * errors * (np.arange(q) == 1), beta - 1e-6 * errors, root(X, y, 2)):
        assert "estimate" in rules(moved, *sums(X, y, moved))


def test_a_first_row_in_place_of_an_estimate_is_refused() -> None:
    X, y = logistic(500, 6)
    assert rules(X[0], *sums(X, y, X[0])) == ["estimate"]


@pytest.mark.parametrize(
    "H",
    [
        np.array([[1.0, 1.0], [1.0, 1.0]]),
        np.array([[1.0, 0.5], [0.4, 1.0]]),
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.array([[-1.0, 0.0], [0.0, 1.0]]),
        np.array([[np.nan, 0.0], [0.0, 1.0]]),
        np.array([[0.0, 1.0], [1.0, 1.0]]),
        np.array([[1.0, 1.0 - 1e-12], [1.0 - 1e-12, 1.0]]),
    ],
)
def test_information_that_is_singular_or_no_information_is_refused(H: np.ndarray) -> None:
    assert rules(np.zeros(2), np.zeros(2), H) == ["estimate"]
    with pytest.raises(SingularError):
        round_estimate(np.zeros(2), H, np.zeros(2), np.zeros((2, 2)))


def test_a_coefficient_without_information_is_zero() -> None:
    H = np.diag([4.0, 0.0])
    assert rules(np.array([1.0, 0.0]), np.zeros(2), H) == []
    assert rules(np.array([1.0, 0.5]), np.zeros(2), H) == ["estimate"]
    assert rules(np.array([1.0, 0.0]), np.array([0.0, 1e-9]), H) == ["estimate"]


def test_an_estimate_beyond_the_bounds_of_requests_is_refused() -> None:
    assert rules(np.array([1e3]), np.zeros(1), np.eye(1)) == ["request_bounds"]


def test_rounding_moves_an_estimate_by_a_thousandth_of_a_standard_error_and_information_by_a_thousandth() -> None:
    X, y = logistic(2000, 8)
    beta = root(X, y)
    _, H = sums(X, y, beta)
    finest = np.zeros(8), np.zeros((8, 8))
    rounded, information = round_estimate(beta, H, *finest)
    errors = np.sqrt(np.diag(np.linalg.inv(H)))
    assert (np.abs(rounded - beta) <= 0.5e-3 * errors).all()
    assert (np.abs(information - H) <= 0.5e-3 * np.abs(H) * (1 + 1e-9)).all()
    assert (information == information.T).all()
    # Two estimates that differ less than the grid are one.
    assert (round_estimate(beta + 1e-9 * errors, H, *finest)[0] == rounded).all()
    assert (rounded != beta).all()


def test_rounding_errors_of_a_symmetric_matrix_tell_nothing() -> None:
    boundary = 1000.5 * 2.0**-11
    H = np.array([[1.0, boundary * (1 + 1e-10)], [boundary * (1 - 1e-10), 1.0]])
    _, information = round_estimate(np.zeros(2), H, np.zeros(2), np.zeros((2, 2)))
    assert information[0, 1] == information[1, 0]


@pytest.mark.parametrize(("grid", "share_of_spread"), [(exact_step, 0.0), (coarse_step, 1e-2)])
def test_an_estimate_that_claims_to_be_precise_is_rounded_as_the_sum_it_is_the_root_of(grid, share_of_spread: float) -> None:
    # A mean of 200 cells, as the root of Σ K² (x - β): by its information it is known to the last digit.
    site = normal_site(200)
    mean, K = site.rows[:, 0].mean(), 1e7
    answer = site.run(lambda rows: np.array([K**2 * (rows[:, 0] - mean).sum(), K**2 * len(rows)]))
    steps = grid(answer.blocks, RESEARCH) if grid is exact_step else grid(answer.blocks, site.sizes, RESEARCH)
    H = answer.blocks[:, 1:].sum(axis=0)[:, None]
    beta = np.array([mean])
    assert check_estimate(beta, answer.blocks[:, 0].sum(axis=0, keepdims=True), H, DEFAULT) == []
    distinct = {float(round_estimate(beta + move, H, steps[:1], steps[1:, None])[0][0]) for move in np.linspace(0, 5e-11, 20)}
    assert len(distinct) <= 2
    step = share_of_spread / np.sqrt(200)
    moved = {float(round_estimate(beta + move, H, steps[:1], steps[1:, None])[0][0]) for move in np.linspace(0, 0.25 * step, 20)}
    assert len(moved) <= 2


def test_information_that_cancels_is_rounded_as_the_sum_it_is() -> None:
    # Three digits of a number near zero are fine digits of the sum of what cancelled.
    H = np.array([[400.0, 1e-7], [1e-7, 400.0]])
    information_step = np.full((2, 2), 1e-7)
    assert round_estimate(np.zeros(2), H, np.zeros(2), information_step)[1][0, 1] == pytest.approx(1e-7)
    assert round_estimate(np.zeros(2), H + np.array([[0, 1e-9], [1e-9, 0]]), np.zeros(2), information_step)[1][0, 1] == pytest.approx(1e-7)
