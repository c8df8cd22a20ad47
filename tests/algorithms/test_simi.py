"""SIMI: federated equals pooled, and the draws are M draws from that fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from sandbox.errors import Code
from sandbox.wire.messages import Failed, Finished, Progress
from sandbox.worker.arrays import to_numpy
from tests.algorithms.federation import contract_of, pair, run

SIMI = pair("SIMI")
NAMES = ("a", "y", "b")
RNG = np.random.default_rng(17)


def rows(n: int, *, binary: bool, shift: float = 0.0) -> np.ndarray:
    a, b = RNG.normal(20, 5, n), RNG.normal(-1, 0.2, n)
    eta = (a - 20) / 5 - 2 * (b + 1) / 0.2 * 0.3 + shift
    y = (RNG.uniform(size=n) < special.expit(eta)).astype(float) if binary else 100 + 10 * eta + 5 * RNG.normal(size=n)
    y[RNG.uniform(size=n) < 0.3] = np.nan
    return np.column_stack([a, y, b])


def pooled(raws: list[np.ndarray], *, central_intercept: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Design and response of all observed rows, in raw units."""
    data = np.vstack(raws)
    parts = [data[:, 0], data[:, 2]]
    if central_intercept:
        parts.append((np.arange(len(data)) < len(raws[0])).astype(float))
    X = np.column_stack([*parts, np.ones(len(data))])
    seen = ~np.isnan(data[:, 1])
    return X[seen], data[seen, 1]


@pytest.mark.parametrize("central_intercept", [False, True])
def test_continuous_fit_is_ols_on_all_rows_with_an_intercept(central_intercept: bool) -> None:
    raws = [rows(80, binary=False, shift=1.0), rows(120, binary=False), rows(60, binary=False)]
    federation, end = run(SIMI, raws, contract_of(NAMES, {"y": "continuous"}), parameters={"central_intercept": central_intercept})
    X, y = pooled(raws, central_intercept=central_intercept)
    beta, (sse,), *_ = np.linalg.lstsq(X, y, rcond=None)
    assert end == Finished()
    fit = federation.fits()[2]
    assert np.abs(to_numpy(fit.beta) - beta).max() < 1e-10 * np.abs(beta).max()
    assert fit.sigma2 == pytest.approx(sse / (len(y) - X.shape[1]), rel=1e-10)
    assert fit.n == len(y)


@pytest.mark.parametrize("central_intercept", [False, True])
def test_binary_fit_is_the_mle_on_all_rows(central_intercept: bool) -> None:
    raws = [rows(150, binary=True, shift=0.5), rows(220, binary=True), rows(130, binary=True)]
    federation, end = run(SIMI, raws, contract_of(NAMES, {"y": "binary"}), parameters={"central_intercept": central_intercept})
    X, y = pooled(raws, central_intercept=central_intercept)
    scale = np.abs(X).max(axis=0)
    exact = optimize.root(lambda b: (X / scale).T @ (special.expit(X / scale @ b) - y), np.zeros(X.shape[1]), tol=1e-14).x / scale
    assert end == Finished()
    assert np.abs(to_numpy(federation.fits()[2].beta) - exact).max() < 1e-8 * np.abs(exact).max()


def test_one_fit_serves_m_imputations_and_only_central_imputes() -> None:
    raws = [rows(60, binary=False), rows(60, binary=False)]
    federation, _ = run(SIMI, raws, contract_of(NAMES, {"y": "continuous"}), imputations=4)
    assert federation.frames == [["moments"]] + [["impute_continuous"]] * 4
    assert [note for note in federation.notes if isinstance(note, Progress)] == [Progress(done, 4) for done in range(5)]
    holes = np.isnan(raws[0][:, 1])
    imputed = [kept[holes, 1] for kept in federation.kept]
    assert len({tuple(cells) for cells in imputed}) == 4
    assert all(np.array_equal(kept[~holes], raws[0][~holes]) for kept in federation.kept)


def test_binary_cells_are_imputed_as_zero_and_one() -> None:
    raws = [rows(80, binary=True), rows(80, binary=True)]
    federation, _ = run(SIMI, raws, contract_of(NAMES, {"y": "binary"}), imputations=3)
    assert len(federation.kept) == 3
    assert {*np.unique(np.concatenate([kept[:, 1] for kept in federation.kept]))} == {0.0, 1.0}


@pytest.mark.parametrize("type_", ["continuous", "binary"])
def test_same_seed_same_imputations_another_seed_others(type_: str) -> None:
    raws = [rows(80, binary=type_ == "binary"), rows(80, binary=type_ == "binary")]
    first, again, other = (run(SIMI, raws, contract_of(NAMES, {"y": type_}), imputations=2, seed=seed)[0].kept for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_federated_equals_pooled_however_the_rows_are_split() -> None:
    data = rows(300, binary=False)
    contract = contract_of(NAMES, {"y": "continuous"})
    splits = ([data], [data[:100], data[100:]], [data[:50], data[50:180], data[180:]])
    fits = [to_numpy(run(SIMI, list(split), contract)[0].fits()[2].beta) for split in splits]
    for fit in fits[1:]:
        assert fit == pytest.approx(fits[0], rel=1e-12)


def test_the_intercept_takes_the_bias_out_of_the_imputed_mean() -> None:
    raws = [rows(500, binary=False), rows(500, binary=False)]
    federation, _ = run(SIMI, raws, contract_of(NAMES, {"y": "continuous"}), imputations=10)
    holes = np.isnan(raws[0][:, 1])
    X, y = pooled(raws)
    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    expected = (np.column_stack([raws[0][holes][:, [0, 2]], np.ones(holes.sum())]) @ beta).mean()
    assert np.mean([kept[holes, 1].mean() for kept in federation.kept]) == pytest.approx(expected, abs=0.6)


def test_a_predictor_that_is_a_combination_of_others_fails_naming_target_and_predictor() -> None:
    raws = [rows(80, binary=False), rows(80, binary=False)]
    for raw in raws:
        raw[:, 2] = 3 * raw[:, 0] + 1
    _, end = run(SIMI, raws, contract_of(NAMES, {"y": "continuous"}))
    assert isinstance(end, Failed)
    assert (end.code, end.target, end.column) == (Code.FIT_SINGULAR, 2, 3)
    _, end = run(SIMI, raws, contract_of(NAMES, {"y": "continuous"}), parameters={"ridge": 1.0})
    assert end == Finished()


def test_a_separated_target_fails_naming_target_and_predictor() -> None:
    raws = [rows(80, binary=True), rows(80, binary=True)]
    for raw in raws:
        raw[:, 1] = np.where(np.isnan(raw[:, 1]), np.nan, (raw[:, 2] > -1).astype(float))
    _, end = run(SIMI, raws, contract_of(NAMES, {"y": "binary"}))
    assert isinstance(end, Failed)
    assert (end.code, end.target, end.column) == (Code.FIT_SEPARATED, 2, 3)


def test_published_prior_is_taken_from_the_job() -> None:
    raws = [rows(80, binary=False), rows(80, binary=False)]
    contract = contract_of(NAMES, {"y": "continuous"})
    flat, published = (run(SIMI, raws, contract, parameters={"prior": prior})[0].kept for prior in ("flat", "published"))
    assert not np.array_equal(flat, published)
