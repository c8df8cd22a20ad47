"""Estimates are roots of verified sums, found by the gate, and leave rounded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.verification import NoRootError, Sums, coarse_step, exact_step, find_root
from sandbox.gate.verification.estimate import MAX_STEPS
from tests.sandbox.gate.verification.played import Values, normal_site

RESEARCH = built_in("research")
FINEST = 0.0


def logistic(n: int, q: int, seed: int = 0, scale: float = 1.0) -> tuple[Values, Values]:
    random = np.random.default_rng([seed, n, q])
    X = random.normal(size=(n, q))
    X[:, 0] = 1.0
    X[:, -1] = X[:, 1] + 0.1 * X[:, -1]
    y = (random.random(n) < 1 / (1 + np.exp(-X @ random.normal(size=q) * 0.3))).astype(float)
    X[:, 1] *= scale
    return X, y


def score(X: Values, y: Values, beta: Values) -> tuple[Values, Values]:
    p = 1 / (1 + np.exp(-X @ beta))
    return X.T @ (y - p), (X * (p * (1 - p))[:, None]).T @ X


def root(X: Values, y: Values) -> Values:
    beta = np.zeros(X.shape[1])
    for _ in range(25):
        g, H = score(X, y, beta)
        beta = beta + np.linalg.solve(H, g)
    return beta


class Asked:
    """A site that is asked for sums, and at which β."""

    def __init__(self, equations: Callable[[Values], tuple[Values, Values]]) -> None:
        self.equations = equations
        self.betas: list[Values] = []

    def __call__(self, beta: Values) -> Sums:
        self.betas.append(beta)
        g, H = self.equations(beta)
        return Sums(g, H, np.full_like(g, FINEST), np.full_like(H, FINEST))


@pytest.mark.parametrize(("n", "q"), [(200, 3), (200, 11), (5000, 11), (5000, 31)])
@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e6])
def test_the_root_of_an_honest_fit_is_found_to_a_thousandth_of_a_standard_error(n: int, q: int, scale: float) -> None:
    X, y = logistic(n, q, scale=scale)
    asked = Asked(lambda beta: score(X, y, beta))
    beta, information = find_root(asked, q)
    _, H = score(X, y, root(X, y))
    errors = np.sqrt(np.diag(np.linalg.inv(H)))
    assert (np.abs(beta - root(X, y)) <= 0.6e-3 * errors).all()
    assert (beta != root(X, y)).all()
    assert (np.abs(information - H) <= 1e-2 * np.abs(H).max()).all()
    assert (information == information.T).all()
    assert len(asked.betas) <= 8


def test_a_line_is_solved_by_two_questions() -> None:
    X, y = logistic(300, 5)
    asked = Asked(lambda beta: (X.T @ (y - X @ beta), X.T @ X))
    beta, _ = find_root(asked, 5)
    assert np.allclose(beta, np.linalg.lstsq(X, y)[0], atol=1e-3)
    assert len(asked.betas) == 2


def test_an_equation_that_everything_solves_has_the_root_zero() -> None:
    beta, _ = find_root(Asked(lambda beta: (0 * beta, 1e9 * np.eye(3))), 3)
    assert (beta == 0).all()


def test_of_many_roots_the_one_that_is_found_depends_on_the_sums_only() -> None:
    # Whoever could name the root, or where the search begins, would have a message in it.
    def equations(beta: Values) -> tuple[Values, Values]:
        return 1e6 * np.sin(2 * np.pi * (0.01 - beta)), 1e6 * 2 * np.pi * np.eye(1)

    asked = Asked(equations)
    beta, _ = find_root(asked, 1)
    assert beta[0] == pytest.approx(0.01, abs=1e-5)
    assert (asked.betas[0] == 0).all()


def test_a_step_too_far_is_halved() -> None:
    # The arc tangent from a point where Newton's method runs away.
    asked = Asked(lambda beta: (1e4 * np.arctan(3.0 - beta), np.array([[1e4 / (1 + (3.0 - beta[0]) ** 2)]])))
    beta, _ = find_root(asked, 1)
    assert beta[0] == pytest.approx(3.0, abs=1e-4)
    assert np.max(np.abs(asked.betas)) > 6


@pytest.mark.parametrize(
    "equations",
    [
        lambda beta: (np.where(beta > 0, -1.0, 1.0) * 100, np.diag([100.0, 100.0])),
        lambda beta: (np.full(2, 100.0), np.diag([100.0, 100.0])),
        lambda beta: (np.array([0.0, 1e-9]), np.diag([100.0, 0.0])),
    ],
    ids=["steps over it", "has none", "of a coefficient without information"],
)
def test_equations_without_a_root_have_no_estimate(equations: Callable[[Values], tuple[Values, Values]]) -> None:
    asked = Asked(equations)
    with pytest.raises(NoRootError):
        find_root(asked, 2)
    assert len(asked.betas) <= MAX_STEPS


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
def test_information_that_is_singular_or_no_information_is_refused(H: Values) -> None:
    with pytest.raises(NoRootError):
        find_root(Asked(lambda beta: (np.zeros(2), H)), 2)


def test_a_coefficient_without_information_is_zero() -> None:
    beta, _ = find_root(Asked(lambda beta: (np.array([4.0 * (1 - beta[0]), 0.0]), np.diag([4.0, 0.0]))), 2)
    assert beta.tolist() == [1.0, 0.0]


def test_rounding_errors_of_a_symmetric_matrix_tell_nothing() -> None:
    boundary = 1000.5 * 2.0**-11
    H = np.array([[1.0, boundary * (1 + 1e-10)], [boundary * (1 - 1e-10), 1.0]])
    _, information = find_root(Asked(lambda beta: (np.zeros(2), H)), 2)
    assert information[0, 1] == information[1, 0]


@pytest.mark.parametrize(("is_reviewed", "unseen"), [(True, 5e-11), (False, 2e-4)])
def test_an_estimate_that_claims_to_be_precise_is_rounded_as_the_sum_it_is_the_root_of(is_reviewed: bool, unseen: float) -> None:
    # A mean of 200 cells, as the root of Σ K² (x - β): by its information it would be known to the last digit.
    site, K = normal_site(200), 1e7

    def mean_of(moved: float) -> float:
        def sums_at(beta: Values) -> Sums:
            answer = site.run(lambda rows: np.array([K**2 * (rows[:, 0] + moved - beta[0]).sum(), K**2 * len(rows)]))
            step = exact_step(answer.blocks, RESEARCH) if is_reviewed else coarse_step(answer.blocks, site.sizes, RESEARCH)
            total = answer.blocks.sum(axis=0)
            return Sums(total[:1], total[1:, None], step[:1], step[1:, None])

        return float(find_root(sums_at, 1)[0][0])

    found = {mean_of(moved) for moved in np.linspace(0, unseen, 12)}
    assert len(found) <= 2


def test_information_that_cancels_is_rounded_as_the_sum_it_is() -> None:
    # Three digits of a number near zero are fine digits of the sum of what cancelled.
    def information(cancelled: float) -> float:
        H = np.array([[400.0, cancelled], [cancelled, 400.0]])
        sums = Sums(np.zeros(2), H, np.zeros(2), np.full((2, 2), 1e-7))
        return float(find_root(lambda _: sums, 2)[1][0, 1])

    assert information(1e-7) == information(1.01e-7) == pytest.approx(1e-7)
