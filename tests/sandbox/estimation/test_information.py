"""The information matrix from second moments, against that of the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from sandbox.estimation.information import Design, information
from sandbox.estimation.reading import Quadratic, Reading, Stated, combined

N = 200_000


def whole(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    p = expit(x @ beta)
    return (x * (p * (1 - p))[:, None]).T @ x


def normal(rng: np.random.Generator, n: int = N, k: int = 4) -> np.ndarray:
    z = rng.normal(size=(n, k)) @ (np.eye(k) + 0.4 * rng.normal(size=(k, k)))
    return np.column_stack([(z - z.mean(axis=0)) / z.std(axis=0), np.ones(n)])


def blocks(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two numeric columns and dummies of a 4-level and a 6-level category, each without its first level."""
    z = rng.normal(size=(n, 2))
    four = np.digitize(z[:, 0] + rng.normal(size=n), [-1.0, 0.2, 1.2])
    six = np.digitize(z[:, 1] + rng.normal(size=n), [-1.5, -0.5, 0.3, 1.0, 2.0])
    dummies = [four[:, None] == np.arange(1, 4), six[:, None] == np.arange(1, 6)]
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    return np.column_stack([z, *dummies, np.ones(n)]).astype(float), np.arange(10) >= 2


def deviation(found: np.ndarray, true: np.ndarray) -> float:
    """Largest relative error of a variance in any direction."""
    lower = np.linalg.cholesky(true)
    inverse = np.linalg.inv(lower)
    return float(np.abs(np.linalg.eigvalsh(inverse @ found @ inverse.T) - 1.0).max())


@pytest.mark.parametrize("size", [0.3, 1.0, 2.0])
def test_for_normal_predictors_it_is_the_information_of_the_rows_but_for_chance(size: float) -> None:
    rng = np.random.default_rng(1)
    x = normal(rng)
    beta = np.append(size * np.array([0.6, -0.5, 0.4, 0.5]), -1.0)
    H = whole(x, beta)
    found = information(x.T @ x, beta, np.diagonal(H).copy(), np.zeros(4, bool))
    assert deviation(found, H) < 0.02
    # Control: the Gram alone, scaled to the same diagonal (no pull of η on w), is not.
    root = np.sqrt(np.diagonal(H) / np.diagonal(x.T @ x))
    assert deviation((x.T @ x) * np.outer(root, root), H) > 0.1 * size


def test_columns_that_are_nearly_sums_of_others_stay_so() -> None:
    rng = np.random.default_rng(1)
    x = normal(rng)
    x[:, 1] = (x[:, 0] + 0.02 * rng.normal(size=N)) / np.sqrt(1 + 0.02**2)
    beta = np.array([0.4, 0.3, -0.5, 0.2, -1.0])
    H = whole(x, beta)
    assert deviation(information(x.T @ x, beta, np.diagonal(H).copy(), np.zeros(4, bool)), H) < 0.1


def test_without_effects_it_is_a_quarter_of_the_gram() -> None:
    x, is_two_valued = blocks(np.random.default_rng(2), 900)
    gram = x.T @ x
    np.testing.assert_allclose(information(gram, np.zeros(11), np.diagonal(gram) / 4, is_two_valued), gram / 4, rtol=1e-9, atol=1e-7)


def test_a_column_of_zeros_and_ones_has_its_diagonal_with_the_intercept_and_levels_of_one_category_have_nothing_in_common() -> None:
    rng = np.random.default_rng(3)
    x, is_two_valued = blocks(rng, 1500)
    beta = np.append(rng.normal(size=10), -2.0)
    H = whole(x, beta)
    found = information(x.T @ x, beta, np.diagonal(H).copy(), is_two_valued)
    ones = np.flatnonzero(is_two_valued)
    np.testing.assert_allclose(found[ones, -1], np.diagonal(H)[ones], rtol=1e-12)
    for block in (range(2, 5), range(5, 10)):
        for a in block:
            assert [found[a, b] for b in block if b != a] == [0.0] * (len(block) - 1)
    np.testing.assert_allclose(np.diagonal(found), np.diagonal(H), rtol=1e-12)


def test_one_hot_blocks_are_accurate_and_steins_identity_alone_is_not() -> None:
    rng = np.random.default_rng(4)
    x, is_two_valued = blocks(rng, 50_000)
    beta = np.append(0.4 * rng.normal(size=10), -2.0)
    H = whole(x, beta)
    diagonal = np.diagonal(H).copy()
    assert deviation(information(x.T @ x, beta, diagonal, is_two_valued), H) < 0.15
    assert deviation(information(x.T @ x, beta, diagonal, np.zeros(10, bool)), H) > 0.3


def test_a_rare_trait_with_a_strong_effect_is_accurate() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=(N, 2))
    x = np.column_stack([z, z[:, 0] + rng.normal(size=N) > 2.9, rng.random(N) < 0.03, np.ones(N)]).astype(float)
    beta = np.array([0.7, -0.4, 2.0, -1.5, -2.0])
    H = whole(x, beta)
    is_two_valued = np.array([False, False, True, True])
    gram = x.T @ x
    assert deviation(information(gram, beta, np.diagonal(H).copy(), is_two_valued), H) < 0.06
    assert deviation(information(gram, beta, np.diagonal(H).copy(), ~is_two_valued & False), H) > 0.1


@pytest.mark.parametrize("seed", range(5))
def test_cross_counts_blurred_by_people_leave_a_positive_definite_matrix_with_the_stated_diagonal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, is_two_valued = blocks(rng, 300)
    noise = rng.normal(size=(11, 11)) * 3.0
    gram = x.T @ x + noise + noise.T
    ones = np.flatnonzero(is_two_valued)
    gram[ones, ones] = gram[ones, -1] = gram[-1, ones] = np.maximum(gram[ones, -1], 1.0)
    gram[-1, -1] = 300.0
    beta = rng.normal(size=11)
    H = whole(x, beta)
    found = information(gram, beta, np.diagonal(H).copy(), is_two_valued)
    np.testing.assert_allclose(np.diagonal(found), np.diagonal(H), rtol=1e-12)
    root = np.sqrt(np.diagonal(found))
    assert np.linalg.eigvalsh(found / np.outer(root, root))[0] > 1e-3
    # What is wrong by a few people stays small beside the groups' own entries.
    pairs = [(a, b) for block in (range(2, 5), range(5, 10)) for a in block for b in block if a < b]
    assert max(abs(found[a, b]) / (root[a] * root[b]) for a, b in pairs) < 0.6


def test_a_diagonal_is_carried_to_another_beta() -> None:
    rng = np.random.default_rng(6)
    x, is_two_valued = blocks(rng, 50_000)
    before, after = np.append(rng.normal(size=10) * 0.5, -1.0), np.append(rng.normal(size=10) * 0.5, -2.0)
    here, there = np.diagonal(whole(x, before)), np.diagonal(whole(x, after))
    found = Design(x.T @ x, is_two_valued).carried(here, before, after)
    np.testing.assert_allclose(found, there, rtol=0.06)
    assert np.abs(here / there - 1).max() > 0.3


# --- reading what was stated


def stated(x: np.ndarray, y: np.ndarray, beta: np.ndarray) -> Stated:
    return Stated(beta, x.T @ (y - expit(x @ beta)), np.diagonal(whole(x, beta)).copy())


def world(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, is_two_valued = blocks(rng, n)
    beta = np.append(rng.normal(size=10) * 0.5, -2.0)
    return x, (rng.random(n) < expit(x @ beta)).astype(float), beta, is_two_valued


def test_where_it_was_stated_a_reading_is_what_was_stated() -> None:
    x, y, beta, is_two_valued = world(1)
    said = stated(x, y, beta)
    quadratic = Reading(x.T @ x, is_two_valued, [said]).at(beta)
    np.testing.assert_allclose(quadratic.gradient(beta), said.gradient, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.diagonal(quadratic.H), said.diagonal)


def test_a_gradient_carried_along_the_line_is_right_where_a_quadratic_is_not() -> None:
    x, y, beta, is_two_valued = world(2, 50_000)
    far = beta + np.append(np.full(10, 0.15), 0.4)
    reading = Reading(x.T @ x, is_two_valued, [stated(x, y, beta)])
    true, scale = x.T @ (y - expit(x @ far)), np.sqrt(np.diagonal(whole(x, far)))
    carried = np.abs((reading.at(far).gradient(far) - true) / scale).max()
    quadratic = np.abs((reading.at(beta).gradient(far) - true) / scale).max()
    assert carried < 0.15 * quadratic


def test_the_mean_of_two_statements_with_errors_has_half_the_variance() -> None:
    rng = np.random.default_rng(3)
    x, y, beta, is_two_valued = world(3)
    true = stated(x, y, beta)
    errors: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(200):
        said = [Stated(beta, true.gradient + rng.normal(size=11), true.diagonal) for _ in range(2)]
        for count, found in errors.items():
            reading = Reading(x.T @ x, is_two_valued, said[:count], error=1e-6)
            found.append(float(np.mean((reading.at(beta).gradient(beta) - true.gradient) ** 2)))
    assert np.mean(errors[1]) == pytest.approx(1.0, rel=0.1)
    assert np.mean(errors[2]) == pytest.approx(0.5, rel=0.1)


def test_the_information_of_a_score_with_errors_is_that_of_its_variance() -> None:
    x, y, beta, is_two_valued = world(4)
    said = stated(x, y, beta)
    exact = Reading(x.T @ x, is_two_valued, [said]).at(beta).H
    blurred = Reading(x.T @ x, is_two_valued, [said], error=3.0).at(beta).H
    variance = np.linalg.inv(exact)
    added = np.linalg.inv(blurred) - variance
    # (H⁻¹ + H⁻¹RH⁻¹)⁻¹, an error of half a person where columns are 0 and 1.
    R = exact @ added @ exact
    np.testing.assert_allclose(np.diagonal(R)[2:], 1.5**2, rtol=1e-6)
    assert (np.diagonal(R)[:2] > 1.5**2).all()
    np.testing.assert_allclose(R - np.diag(np.diagonal(R)), 0.0, atol=1e-6)


def test_the_common_beta_is_the_root_of_the_sum_and_what_no_site_knows_is_0() -> None:
    readings = []
    for seed in range(3):
        x, y, beta, is_two_valued = world(seed + 10)
        reading = Reading(x.T @ x, is_two_valued, [stated(x, y, beta + 0.3)])
        readings.append(lambda beta, reading=reading: reading.at(beta[:-1]).moved(np.eye(12)[:-1]))
    beta = combined(readings, 12)
    total = sum(reading(beta).gradient(beta) for reading in readings)
    np.testing.assert_allclose(total, beta, atol=1e-3)
    assert beta[-1] == 0.0


def test_errors_that_tell_of_fewer_events_than_none_do_not_send_the_common_beta_away() -> None:
    x, y, beta, is_two_valued = world(6, 600)
    true = stated(x, y, beta)
    place = 9
    expected = float(x[:, place] @ expit(x @ beta))
    said = Stated(beta, true.gradient - 1.2 * expected * np.eye(11)[place], true.diagonal)
    reading = Reading(x.T @ x, is_two_valued, [said], error=1.0)
    found = combined([reading.at] * 3, 11)
    assert -8.0 < found[place] < beta[place] - 0.5
    quadratic = reading.at(found)
    assert float(np.abs(np.linalg.solve(quadratic.H + 0.1 * np.eye(11), quadratic.h)).max()) < 20.0


def test_a_quadratic_is_its_own_derivative_and_moves_with_its_units() -> None:
    rng = np.random.default_rng(5)
    root, change, shift = rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), rng.normal(size=4)
    quadratic = Quadratic.around(rng.normal(size=4), rng.normal(size=4), root @ root.T)
    moved, gamma = quadratic.moved(change, shift), rng.normal(size=3)
    steps = 1e-5 * np.eye(3)
    slopes = [(moved.loglik(gamma + step) - moved.loglik(gamma - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(moved.gradient(gamma), slopes, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(moved.gradient(gamma), change.T @ quadratic.gradient(change @ gamma + shift), rtol=1e-9)
