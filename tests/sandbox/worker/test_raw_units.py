"""A fit in standardised units, given back in raw units, is the fit to the raw data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from sandbox.contract import Column, Contract
from sandbox.estimation.aggregates import Gram, Score
from sandbox.wire.messages import Constants
from sandbox.wire.values import floats
from sandbox.worker import estimation
from sandbox.worker.arrays import to_numpy
from sandbox.worker.raw_units import fit_record

RNG = np.random.default_rng(3)
N = 200
COLUMNS = np.column_stack([RNG.normal(50, 9, N), RNG.normal(-3, 0.1, N), RNG.normal(1e4, 300, N)])
CENTRAL = (np.arange(N) < 80).astype(float)
CENTRE, SCALE = COLUMNS.mean(axis=0) + 0.5, COLUMNS.std(axis=0) * 1.1
CONSTANTS = Constants(floats(CENTRE), floats(SCALE), floats(CENTRE))
STANDARD = (COLUMNS - CENTRE) / SCALE


def contract(*types: str) -> Contract:
    """Columns a, ignored id, b, c; those with a type are targets."""
    a, b, c = (
        Column(name, "target" if type_ else "predictor", type_ or None, ("0", "1") if type_ == "binary" else None)  # type: ignore[arg-type]
        for name, type_ in zip("abc", types, strict=True)
    )
    return Contract((a, Column("id", "ignored"), b, c))


@pytest.mark.parametrize("n_intercepts", [1, 2])
def test_continuous_target_is_ols_on_raw_data(n_intercepts: int) -> None:
    intercepts = [CENTRAL, np.ones(N)][2 - n_intercepts :]
    X, y = np.column_stack([STANDARD[:, [0, 2]], *intercepts]), STANDARD[:, 1]
    fit = estimation.least_squares(Gram(N, X.T @ X, X.T @ y, float(y @ y), n_intercepts))
    record = fit_record(3, fit, contract("", "continuous", ""), CONSTANTS)
    raw = np.column_stack([COLUMNS[:, [0, 2]], *intercepts])
    beta, (sse,), *_ = np.linalg.lstsq(raw, COLUMNS[:, 1], rcond=None)
    sigma2 = sse / (N - raw.shape[1])
    assert to_numpy(record.beta) == pytest.approx(beta, rel=1e-7)
    assert record.sigma2 == pytest.approx(sigma2, rel=1e-8)
    assert to_numpy(record.covariance) == pytest.approx(sigma2 * np.linalg.inv(raw.T @ raw), rel=1e-5)
    assert (record.target, record.n) == (3, N)


def test_binary_target_keeps_its_own_scale() -> None:
    y = (RNG.uniform(size=N) < special.expit(STANDARD[:, 0])).astype(float)

    def score(X: np.ndarray, beta: np.ndarray) -> Score:
        p = special.expit(X @ beta)
        loglik = float((y * (X @ beta) - np.logaddexp(0, X @ beta)).sum())
        return Score(N, (X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p), loglik, 0.0)

    X = np.column_stack([STANDARD[:, :2], np.ones(N)])
    fit = estimation.logistic(lambda beta: score(X, beta), np.zeros(3), tolerance=1e-10)
    record = fit_record(4, fit, contract("", "", "binary"), CONSTANTS)
    raw = np.column_stack([COLUMNS[:, :2], np.ones(N)])
    at_raw = score(raw, to_numpy(record.beta))
    # The gradient on raw data vanishes: the fit is the maximum there too.
    assert np.abs(at_raw.g / np.sqrt(np.diag(at_raw.H))).max() < 1e-5
    assert to_numpy(record.covariance) == pytest.approx(np.linalg.inv(at_raw.H), rel=1e-3)
    assert record.sigma2 == 0


def test_a_fit_of_another_shape_is_refused() -> None:
    fit = estimation.least_squares(Gram(N, N * np.eye(2), np.ones(2), float(N)))
    with pytest.raises(ValueError, match="design"):
        fit_record(1, fit, contract("continuous", "", ""), CONSTANTS)
