"""AVGM, CSL and IMI, with one target and chained: what they fit, from what, in how many questions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from sandbox.errors import Code
from sandbox.wire.messages import Failed, Finished
from sandbox.worker.arrays import to_numpy
from tests.algorithms.federation import MemoryFederation, contract_of, pair, run

NAMES = ("a", "y", "b", "z")
SCHEDULE = {"imputations": 2, "iteration_before_first_imputation": 3, "iteration_between_imputations": 2}
LOCAL = ("moments", "score")
"""Steps that are asked of central alone."""


def rows(n: int, seed: int, *, binary: bool = False, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(20, 5, n), rng.normal(-1, 0.2, n)
    eta = (a - 20) / 5 - 3 * (b + 1) + shift
    y = (rng.random(n) < special.expit(eta)).astype(float) if binary else 100 + 10 * eta + 5 * rng.normal(size=n)
    z = (rng.random(n) < special.expit(eta / 2)).astype(float)
    y[rng.random(n) < 0.3] = np.nan
    return np.column_stack([a, y, b, z])


def chained(n: int, seed: int) -> np.ndarray:
    data = rows(n, seed)
    data[np.random.default_rng(seed + 99).random(n) < 0.2, 3] = np.nan
    return data


def observed(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    seen = ~np.isnan(raw[:, 1])
    return np.column_stack([raw[:, [0, 2, 3]], np.ones(len(raw))])[seen], raw[seen, 1]


def ols(raw: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(*observed(raw), rcond=None)[0]


def mle(raw: np.ndarray) -> np.ndarray:
    X, y = observed(raw)
    scale = np.abs(X).max(axis=0)
    return optimize.root(lambda b: (X / scale).T @ (special.expit(X / scale @ b) - y), np.zeros(4), tol=1e-14).x / scale


def fitted(federation: MemoryFederation) -> np.ndarray:
    return to_numpy(federation.fits()[2].beta)


@pytest.mark.parametrize("binary", [False, True])
def test_avgmmi_averages_the_sites_own_fits_by_their_rows_in_one_question(binary: bool) -> None:
    raws = [rows(n, seed, binary=binary) for seed, n in enumerate((300, 500, 400))]
    federation, end = run(pair("AVGMMI"), raws, contract_of(NAMES, {"y": "binary" if binary else "continuous"}), imputations=3)
    assert end == Finished()
    n = np.array([len(observed(raw)[1]) for raw in raws])
    wanted = sum(k * (mle if binary else ols)(raw) for k, raw in zip(n, raws, strict=True)) / n.sum()
    assert fitted(federation) == pytest.approx(wanted, rel=1e-6)
    asked = [frame[-1] for frame in federation.frames]
    assert asked == [f"fit_{'binary' if binary else 'continuous'}"] + [f"impute_{'binary' if binary else 'continuous'}"] * 3


def test_avgmmi_leaves_out_a_site_that_never_observes_the_target() -> None:
    raws = [rows(300, 1), rows(300, 2), rows(200, 3)]
    raws[2][:, 1] = np.nan
    federation, end = run(pair("AVGMMI"), raws, contract_of(NAMES, {"y": "continuous"}))
    assert end == Finished()
    n = [len(observed(raw)[1]) for raw in raws[:2]]
    assert fitted(federation) == pytest.approx((n[0] * ols(raws[0]) + n[1] * ols(raws[1])) / sum(n), rel=1e-9)


def test_cslmi_improves_on_central_alone_with_one_question_to_the_sites() -> None:
    raws = [rows(n, seed) for seed, n in enumerate((150, 900, 900))]
    federation, end = run(pair("CSLMI"), raws, contract_of(NAMES, {"y": "continuous"}), imputations=2)
    assert end == Finished()
    pooled = ols(np.vstack(raws))
    scale = np.abs(pooled)
    assert (np.abs(fitted(federation) - pooled) / scale).max() < (np.abs(ols(raws[0]) - pooled) / scale).max() / 3
    assert [frame[-1] for frame in federation.frames if frame[-1] not in LOCAL] == ["gradient_continuous"] + ["impute_continuous"] * 2


def test_cslmi_binary_maximises_the_surrogate_with_one_question_to_the_sites() -> None:
    raws = [rows(n, seed, binary=True) for seed, n in enumerate((400, 900, 900))]
    federation, end = run(pair("CSLMI"), raws, contract_of(NAMES, {"y": "binary"}), imputations=2)
    assert end == Finished()
    N = sum(len(observed(raw)[1]) for raw in raws)
    (X, y), start = observed(raws[0]), mle(raws[0])
    c = sum(Z.T @ (v - special.expit(Z @ start)) for Z, v in map(observed, raws)) / N
    exact = optimize.root(lambda b: X.T @ (y - special.expit(X @ b)) / len(y) + c, start, tol=1e-13).x
    assert fitted(federation) == pytest.approx(exact, rel=1e-5)
    assert [frame[-1] for frame in federation.frames if frame[-1] not in LOCAL] == ["gradient_binary"] + ["impute_binary"] * 2


@pytest.mark.parametrize("binary", [False, True])
def test_imi_uses_centrals_rows_alone_with_and_without_participants(binary: bool) -> None:
    raws = [rows(300, 1, binary=binary), rows(300, 2, binary=binary, shift=2.0)]
    contract = contract_of(NAMES, {"y": "binary" if binary else "continuous"})
    federation, end = run(pair("IMI"), raws, contract, imputations=2)
    assert end == Finished()
    assert fitted(federation) == pytest.approx((mle if binary else ols)(raws[0]), rel=1e-6)
    alone, end = run(pair("IMI"), raws[:1], contract, imputations=2)
    assert end == Finished()
    assert fitted(alone) == pytest.approx(fitted(federation), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "per_sweep"),
    [("AVGMMICE", ["fit_continuous", "fit_binary"]), ("CSLMICE", ["gradient_continuous", "gradient_binary"]), ("IMICE", [])],
)
def test_chained_pairs_ask_the_sites_once_per_target_and_sweep_whatever_its_type(name: str, per_sweep: list[str]) -> None:
    raws = [chained(n, seed) for seed, n in enumerate((250, 300, 280))]
    federation, end = run(pair(name), raws, contract_of(NAMES, {"y": "continuous", "z": "binary"}), **SCHEDULE)
    assert end == Finished()
    asked = [frame[-1] for frame in federation.frames if frame[-1] not in (*LOCAL, "impute_continuous", "impute_binary")]
    assert asked == per_sweep * 5
    assert len(federation.kept) == 2
    for kept in federation.kept:
        assert not np.isnan(kept).any()
        assert set(np.unique(kept[:, 3])) == {0.0, 1.0}
        seen = ~np.isnan(raws[0])
        assert np.array_equal(kept[seen], raws[0][seen])
    assert not np.array_equal(federation.kept[0], federation.kept[1])


@pytest.mark.parametrize("name", ["AVGMMICE", "CSLMICE"])
def test_chained_pairs_impute_at_the_sites_and_imice_does_not(name: str) -> None:
    raws = [chained(250, 1), chained(300, 2)]
    contract = contract_of(NAMES, {"y": "continuous", "z": "binary"})
    federation, _ = run(pair(name), raws, contract, **SCHEDULE)
    alone, _ = run(pair("IMICE"), raws, contract, **SCHEDULE)
    holes = np.isnan(raws[1][:, 1])
    assert federation.sites[1].completed[holes, 1].std() > 0
    assert alone.sites[1].completed[holes, 1].std() == 0


@pytest.mark.parametrize("name", ["AVGMMI", "CSLMI", "IMI"])
def test_a_predictor_that_is_a_combination_of_others_is_named(name: str) -> None:
    raws = [rows(200, 1), rows(200, 2)]
    for raw in raws:
        raw[:, 2] = 3 * raw[:, 0] + 1
    _, end = run(pair(name), raws, contract_of(NAMES, {"y": "continuous"}))
    assert isinstance(end, Failed)
    assert (end.code, end.target, end.column) == (Code.FIT_SINGULAR, 2, 3)
