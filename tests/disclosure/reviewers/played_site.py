"""What every attack here needs of a site: its own people uploaded in a job of its own, and the units fixed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Units = Mapping[str, tuple[float, float]]
"""Centre and scale of columns, by name."""


def upload(site: Any, columns: Mapping[str, Values], targets: Mapping[str, str], sweeps: int = 1, ignored: Sequence[str] = ()) -> bool:
    """Upload people (NaN is missing) for a job with these targets, by type; whether nothing stopped it."""
    with tempfile.TemporaryDirectory() as folder:
        table, job = Path(folder, "people.csv"), Path(folder, "job.toml")
        table.write_text(as_csv(columns), encoding="utf-8")
        job.write_text(as_job(targets, sweeps, ignored), encoding="utf-8")
        try:
            site.upload(table, job)
        except site.Refused:
            return False
    return True


def begin(site: Any, units: Units) -> None:
    """Fix the units; columns that are not named keep theirs. Missing cells start at the centre, those of a binary target at a half."""
    site.constants()
    model = [column for column in site.columns if column.role != "ignored"]
    centres, scales = zip(*(units.get(column.name, (0.0, 1.0)) for column in model), strict=True)
    site.begin(centres, scales, [0.5 if column.type == "binary" else centre for column, centre in zip(model, centres, strict=True)])


def design(site: Any, target: str) -> list[str]:
    """Names of the coefficients of a target: its predictors and the other targets in file order, then the intercept."""
    return [column.name for column in site.columns if column.role != "ignored" and column.name != target] + ["1"]


def coefficients(names: Sequence[str], values: Mapping[str, float]) -> Values:
    """A β in the order of `names`, zero where no value is given."""
    return np.array([values.get(name, 0.0) for name in names])


def as_csv(columns: Mapping[str, Values]) -> str:
    """A file of numbers, whole ones without a point; NaN becomes NA."""
    rows = zip(*columns.values(), strict=True)
    lines = (
        ",".join("NA" if np.isnan(cell) else str(int(cell)) if cell == int(cell) else repr(float(cell)) for cell in row) for row in rows
    )
    return "\n".join([",".join(columns), *lines]) + "\n"


def as_job(targets: Mapping[str, str], sweeps: int, ignored: Sequence[str]) -> str:
    """A job of one imputation after so many sweeps."""
    lines = ["imputations = 1", f"iteration_before_first_imputation = {sweeps}", "seed = 1"]
    lines += [f'[[targets]]\ncolumn = "{name}"\ntype = "{type_}"' for name, type_ in targets.items()]
    return "\n".join([*lines, "[columns]", *(f'"{name}" = "ignored"' for name in ignored)]) + "\n"
