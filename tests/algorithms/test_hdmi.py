"""HDMI: a pooled selection model takes the bias of what is missing not at random out of the imputed cells."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.errors import Code
from sandbox.wire.messages import Failed, Finished
from sandbox.worker.arrays import to_numpy
from tests.algorithms.federation import contract_of, pair, run

HDMI = pair("HDMI")
NAMES = ("a", "y", "b", "reach")
RHO = 0.6


def rows(n: int, seed: int, *, binary: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Rows with y missing by a selection model, and y as it was."""
    rng = np.random.default_rng(seed)
    a, b, reach, u, other = rng.normal(size=(5, n))
    latent = 0.5 + 0.8 * a - 0.5 * b + RHO * u + np.sqrt(1 - RHO**2) * other
    y = (latent > 0).astype(float) if binary else 10 + 2 * latent
    data = np.column_stack([50 + 10 * a, y, b, 3 * reach])
    truth = y.copy()
    data[0.3 + 0.3 * a + 0.9 * reach + u <= 0, 1] = np.nan
    return data, truth


@pytest.mark.parametrize("binary", [False, True])
def test_imputed_cells_have_the_mean_of_what_is_missing_which_a_method_for_mar_misses(binary: bool) -> None:
    made = [rows(n, seed, binary=binary) for seed, n in enumerate((1500, 2500, 2500))]
    raws, truth = [data for data, _ in made], made[0][1]
    contract = contract_of(NAMES, {"y": "binary" if binary else "continuous"})
    holes = np.isnan(raws[0][:, 1])
    federation, end = run(HDMI, raws, contract, imputations=20, parameters={"exclusion": "reach"})
    assert end == Finished()
    mar, _ = run(pair("SIMI"), raws, contract, imputations=20)
    sd = truth[holes].std() / np.sqrt(holes.sum())
    error, mar_error = (abs(np.mean([kept[holes, 1].mean() for kept in f.kept]) - truth[holes].mean()) / sd for f in (federation, mar))
    assert error < 3.5 < 6 < mar_error
    if binary:
        assert set(np.unique(federation.kept[0][:, 1])) == {0.0, 1.0}


def test_the_fit_is_reported_in_raw_units_with_selection_and_correlation() -> None:
    raws = [rows(n, seed)[0] for seed, n in enumerate((4000, 4000))]
    federation, _ = run(HDMI, raws, contract_of(NAMES, {"y": "continuous"}), parameters={"exclusion": 4})
    fit = federation.fits()[2]
    beta, covariance = to_numpy(fit.beta), to_numpy(fit.covariance)
    # y = 10 + 2 (0.5 + 0.8 a − 0.5 b + e), a = (x − 50) / 10; no coefficient for the exclusion column.
    error = np.sqrt(np.diag(covariance))
    assert beta[2] == error[2] == 0
    assert np.abs((beta - [0.16, -1.0, 0.0, 3.0])[[0, 1, 3]] / error[[0, 1, 3]]).max() < 3.5
    assert fit.sigma2 == pytest.approx(4.0, rel=0.1)
    assert fit.rho == pytest.approx(RHO, abs=0.15)
    assert fit.gamma is not None
    assert to_numpy(fit.gamma) == pytest.approx([0.03, 0.0, 0.3, 0.3 - 1.5], abs=0.15)
    assert fit.n == sum(int((~np.isnan(raw[:, 1])).sum()) for raw in raws)


def test_the_exclusion_column_is_named_or_numbered() -> None:
    raws = [rows(900, seed)[0] for seed in range(2)]
    contract = contract_of(NAMES, {"y": "continuous"})
    fits = [
        to_numpy(run(HDMI, raws, contract, imputations=1, parameters={"exclusion": column})[0].fits()[2].beta)
        for column in ("reach", 4, "4")
    ]
    assert np.array_equal(fits[0], fits[1])
    assert np.array_equal(fits[0], fits[2])
    _, end = run(HDMI, raws, contract, imputations=1, parameters={"exclusion": "y"})
    assert isinstance(end, Failed)
    assert end.code is Code.JOB_PARAMETERS


def test_only_centrals_cells_are_imputed_and_draws_differ() -> None:
    raws = [rows(900, seed)[0] for seed in range(2)]
    federation, _ = run(HDMI, raws, contract_of(NAMES, {"y": "continuous"}), imputations=3, parameters={"exclusion": "reach"})
    assert [frame[-1] for frame in federation.frames][-3:] == ["impute_continuous"] * 3
    assert federation.sites[1].completed[np.isnan(raws[1][:, 1]), 1].std() == 0
    assert len({kept.tobytes() for kept in federation.kept}) == 3
