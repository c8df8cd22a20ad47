"""A pair is plain Python: with the stub package on the path a statistician imports it and steps through it with a fake `sites`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sandbox.worker
from sandbox.estimation.aggregates import Gram
from sandbox.worker.randomness import Randomness
from tests.algorithms.federation import ALGORITHMS

STUBS = Path(sandbox.worker.__file__).parent / "stubs"


def imported(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(STUBS))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("tidegate", "tidegate.estimation"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return module


def test_simi_runs_outside_any_sandbox_with_a_fake_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.normal(size=(50, 2)), np.ones(50)])
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=50)
    told: list[dict[str, Any]] = []
    kept: list[int] = []
    fits: dict[int, Any] = {}

    class FakeSites:
        def sum(self, step: str, target: int) -> dict[str, Gram]:
            assert (step, target) == ("moments", 2)
            return {"moments": Gram(50, X.T @ X, X.T @ y, float(y @ y))}

        def central(self, step: str, **request: Any) -> dict[str, Any]:
            told.append({"step": step, **request})
            return {}

    job = SimpleNamespace(
        targets=[SimpleNamespace(column=2, family="gaussian")],
        parameters={"ridge": 0.0, "prior": "flat"},
        rng=Randomness(1, "aa", "bb"),
        sweeps=lambda: range(3),
        keep_imputation=lambda: kept.append(1),
        record_fit=fits.__setitem__,
    )
    imported(ALGORITHMS / "SIMI" / "SIMICentral.py", monkeypatch).impute(job, FakeSites())
    assert len(told) == len(kept) == 3
    assert fits[2].beta == pytest.approx(np.linalg.lstsq(X, y, rcond=None)[0])


@pytest.mark.parametrize("name", ["SIMI", "SIMICE"])
def test_both_modules_of_a_pair_import_with_the_stubs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(imported(ALGORITHMS / name / f"{name}Central.py", monkeypatch).impute)
    assert callable(imported(ALGORITHMS / name / f"{name}Remote.py", monkeypatch).moments)


def test_stub_package_offers_what_a_worker_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    from sandbox.worker.facades import ANNOTATIONS, ESTIMATION

    package = imported(STUBS / "tidegate" / "__init__.py", monkeypatch)
    assert {*package.__all__} == {*ANNOTATIONS, "Refused", "estimation"}
    assert {*ESTIMATION} <= {*dir(package.estimation)}
