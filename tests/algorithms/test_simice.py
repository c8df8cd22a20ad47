"""SIMICE: every fit of a sweep is the pooled fit to the rows as they are completed at that moment."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from sandbox.manifest import Pair
from sandbox.wire.messages import Ask, Finished, KeepNow, Program, Progress, Replies
from sandbox.worker.arrays import to_numpy
from sandbox.worker.program import ENTRY, load
from sandbox.worker.runner import run_impute
from tests.algorithms.federation import MemoryFederation, contract_of, make, pair, run

SIMICE = pair("SIMICE")
NAMES = ("y", "a", "z", "b")
TARGETS = {"y": "continuous", "z": "binary"}
CONTRACT = contract_of(NAMES, TARGETS)
RNG = np.random.default_rng(23)


def rows(n: int) -> np.ndarray:
    a, b = RNG.normal(20, 5, n), RNG.normal(size=n)
    z = (RNG.uniform(size=n) < special.expit((a - 20) / 5 + b)).astype(float)
    y = 100 + a + 4 * b + 6 * z + 5 * RNG.normal(size=n)
    data = np.column_stack([y, a, z, b])
    for column in (0, 2):
        data[RNG.uniform(size=n) < 0.25, column] = np.nan
    return data


class Watched(MemoryFederation):
    """Compares what central learns with the pooled rows at that moment."""

    checked = 0

    def ask(self, question: Ask | KeepNow) -> Replies:
        replies = super().ask(question)
        if isinstance(question, Ask) and question.step == "moments":
            X = np.vstack([site.design(1)[~site.missing[:, 0]] for site in self.sites])
            XX = sum(to_numpy(reply["moments"]["XX"]) for reply in replies.replies)
            assert np.allclose(XX, X.T @ X, rtol=1e-10, atol=1e-9)
            self.checked += 1
        return replies


def watched(raws: list[np.ndarray], pair_: Pair = SIMICE) -> Watched:
    federation, _ = make(pair_, raws, CONTRACT)
    return Watched(pair_, federation.sites)


def test_schedule_and_round_trips_are_as_published() -> None:
    federation, end = run(
        SIMICE,
        [rows(150), rows(150)],
        CONTRACT,
        imputations=3,
        iteration_before_first_imputation=4,
        iteration_between_imputations=2,
    )
    assert end == Finished()
    assert len(federation.kept) == 3
    assert [note.done for note in federation.notes if isinstance(note, Progress)] == list(range(9))
    moments = [frame for frame in federation.frames if frame[-1] == "moments"]
    assert len(moments) == 8
    # The draw of a target travels with the question about the next one; at a kept sweep it goes with the keeping.
    assert moments[0] == ["moments"]
    assert moments[1] == ["impute_binary", "moments"]
    scores = [frame for frame in federation.frames if frame[-1] == "score"]
    assert scores[0] == ["impute_continuous", "score"]
    # Warm starts: two questions per sweep, sometimes three with as few rows as these; five for the cold start of the first sweep.
    assert len(scores) < 5 + 3 * 7


def test_each_fit_uses_the_cells_imputed_last() -> None:
    raws = [rows(120), rows(120), rows(90)]
    federation = watched(raws)
    _, start = make(SIMICE, raws, CONTRACT, imputations=2, iteration_before_first_imputation=3, iteration_between_imputations=1)
    module = load(Program("central", SIMICE.central_source, SIMICE.manifest_bytes, 262_144), SIMICE.manifest)
    assert run_impute(module.functions[ENTRY], start, SIMICE.manifest, federation) == Finished()
    assert federation.checked == 4


def test_last_fits_are_the_pooled_fits_of_the_last_sweep() -> None:
    raws = [rows(200), rows(150)]
    federation, _ = run(SIMICE, raws, CONTRACT, imputations=1, iteration_before_first_imputation=1)
    fits = federation.fits()
    assert set(fits) == {1, 3}
    # The last target of the sweep was fitted on rows completed by the draw of y and not yet by its own.
    data = np.vstack([site.completed for site in federation.sites])
    seen = ~np.vstack([site.missing for site in federation.sites])[:, 2]
    X = np.column_stack([data[:, [0, 1, 3]], np.ones(len(data))])[seen]
    scale = np.abs(X).max(axis=0)
    exact = optimize.root(lambda b: (X / scale).T @ (special.expit(X / scale @ b) - data[seen, 2]), np.zeros(4), tol=1e-14).x / scale
    error = np.abs(to_numpy(fits[3].beta) - exact) / np.sqrt(np.diag(to_numpy(fits[3].covariance)))
    assert error.max() < 0.03


def test_imputed_cells_recover_the_model() -> None:
    raws = [rows(400), rows(400)]
    federation, _ = run(SIMICE, raws, CONTRACT, imputations=8, iteration_before_first_imputation=5, iteration_between_imputations=2)
    slopes = [np.linalg.lstsq(np.column_stack([kept[:, 1:], np.ones(400)]), kept[:, 0], rcond=None)[0] for kept in federation.kept]
    assert np.mean(slopes, axis=0)[:3] == pytest.approx([1.0, 6.0, 4.0], abs=0.9)
    for kept in federation.kept:
        assert not np.isnan(kept).any()
        seen = ~np.isnan(raws[0])
        assert np.array_equal(kept[seen], raws[0][seen])


def test_imputations_differ_and_the_seed_decides_them() -> None:
    raws = [rows(120), rows(120)]
    job = {"imputations": 3, "iteration_before_first_imputation": 2, "iteration_between_imputations": 1}
    first, again, other = (run(SIMICE, raws, CONTRACT, **job, seed=seed)[0].kept for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("types", [{"y": "continuous"}, {"z": "binary"}])
def test_a_single_target_works_too(types: dict[str, str]) -> None:
    raws = [rows(150)[:150], rows(150)]
    for raw in raws:
        for name, column in (("y", 0), ("z", 2)):
            if name not in types:
                raw[:, column] = np.where(np.isnan(raw[:, column]), 0.0, raw[:, column])
    _, end = run(
        SIMICE, raws, contract_of(NAMES, types), imputations=2, iteration_before_first_imputation=2, iteration_between_imputations=1
    )
    assert end == Finished()


def test_central_intercept_adds_one_coefficient() -> None:
    raws = [rows(150), rows(150)]
    federation, end = run(SIMICE, raws, CONTRACT, imputations=1, parameters={"central_intercept": True})
    assert end == Finished()
    assert federation.fits()[1].beta.shape == (5,)
