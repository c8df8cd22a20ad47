"""The published simulated sets (`MIDN=folder make study`): every method in memory, imputed cells of central against the truth."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from sandbox.contract import Contract
from sandbox.wire.messages import Finished
from tests.algorithms.federation import contract_of, finish, make, pair

PARTS: Final = ("central", "remote1", "remote2")
ONE: Final = {"imputations": 20}
MANY: Final = {"imputations": 10, "iteration_before_first_imputation": 10, "iteration_between_imputations": 5}
RUNS: Final[tuple[tuple[str, dict[str, str], tuple[str, ...], dict[str, Any]], ...]] = (
    ("continuous", {"x1": "continuous"}, ("IMI", "SIMI", "AVGMMI", "CSLMI"), ONE),
    ("binary", {"x1": "binary"}, ("IMI", "SIMI", "AVGMMI", "CSLMI"), ONE),
    ("multi_missing", {"x1": "binary", "x7": "continuous"}, ("IMICE", "SIMICE", "AVGMMICE", "CSLMICE"), MANY),
)


def lines(folder: Path) -> Iterator[str]:
    """A table of Markdown: for each set, method and target the mean of central's imputed cells against the true mean."""
    yield "| set | method | target | missing at central | mean imputed | true mean | root mean square error, or share right |"
    yield "|---|---|---|--:|--:|--:|--:|"
    for name, targets, methods, job in RUNS:
        names, raws = _read(folder, name)
        truth = _numbers(folder / f"{name}_central_truth.csv")[1]
        contract = contract_of(names, targets)
        for method in methods:
            for target, cells in _imputed(method, raws, contract, job).items():
                place = names.index(target)
                true = truth[np.isnan(raws[0][:, place]), place]
                quality = (
                    np.mean([(one == true).mean() for one in cells])
                    if targets[target] == "binary"
                    else np.mean([np.sqrt(((one - true) ** 2).mean()) for one in cells])
                )
                yield f"| {name} | {method} | {target} | {len(true)} | {np.mean(cells):.4f} | {true.mean():.4f} | {quality:.4f} |"


def _imputed(method: str, raws: list[np.ndarray], contract: Contract, job: dict[str, Any]) -> dict[str, np.ndarray]:
    """The imputed cells of central by target, shape (imputations, cells)."""
    federation, start = make(pair(method), raws, contract, row_seed=1, seed=1, **job)
    end = finish(federation, start)
    if not isinstance(end, Finished):
        raise RuntimeError(f"{method}: {end.code}")
    return {
        contract.column(index).name: np.array([kept[np.isnan(raws[0][:, index - 1]), index - 1] for kept in federation.kept])
        for index in contract.targets
    }


def _read(folder: Path, name: str) -> tuple[list[str], list[np.ndarray]]:
    parts = [_numbers(folder / f"{name}_{part}.csv") for part in PARTS]
    return parts[0][0], [data for _, data in parts]


def _numbers(path: Path) -> tuple[list[str], np.ndarray]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *body = list(csv.reader(file))
    return header, np.array([[float("nan") if cell in ("", "NA") else float(cell) for cell in row] for row in body])
