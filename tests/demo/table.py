"""What the demo shows of a result, and what it checks: observed cells byte for byte, no missing target cell left."""

from __future__ import annotations

import csv
import io
import statistics
import zipfile
from pathlib import Path
from typing import Any

import orjson


class Result:
    """The zip of a finished job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}

    @property
    def run(self) -> dict[str, Any]:
        """run.json."""
        run: dict[str, Any] = orjson.loads(self.files["run.json"])
        return run

    @property
    def long(self) -> list[dict[str, str]]:
        """The rows of imputed_long.csv."""
        return list(csv.DictReader(io.StringIO(self.files["imputed_long.csv"].decode())))

    def imputed(self, number: int) -> bytes:
        """One completed data set."""
        return self.files[f"imputed_{number:03d}.csv"]


def faults(result: Result, upload: bytes, targets: tuple[str, ...], n_imputations: int) -> list[str]:
    """What is wrong with a result; empty when it is as promised."""
    found = []
    original = list(csv.DictReader(io.StringIO(upload.decode())))
    n_rows = len(original)
    counts = [row[".imp"] for row in result.long]
    if counts != [str(number) for number in range(n_imputations + 1) for _ in range(n_rows)]:
        found.append("imputed_long.csv: .imp is not 0..M, each with every row")
    if [row[".id"] for row in result.long[:n_rows]] != [str(number) for number in range(1, n_rows + 1)]:
        found.append("imputed_long.csv: .id is not 1..n")
    for row in result.long:
        if row[".imp"] != "0" and any(row[name] == "NA" for name in targets):
            found.append(f"imputation {row['.imp']}, row {row['.id']}: a target is still missing")
    for number in range(1, n_imputations + 1):
        if not observed_cells_kept(upload, result.imputed(number), targets):
            found.append(f"imputed_{number:03d}.csv: an observed cell, the header or a line end was changed")
    return found


def observed_cells_kept(upload: bytes, completed: bytes, targets: tuple[str, ...]) -> bool:
    """Whether `completed` is `upload` with only missing target cells replaced, compared as bytes (the heart files have no quotes)."""
    before, after = upload.split(b"\n"), completed.split(b"\n")
    names = before[0].rstrip(b"\r").split(b",")
    if len(before) != len(after) or before[0] != after[0]:
        return False
    for old, new in zip(before[1:], after[1:], strict=True):
        old_cells, new_cells = old.split(b","), new.split(b",")
        if len(old_cells) != len(new_cells):
            return False
        for name, old_cell, new_cell in zip(names, old_cells, new_cells, strict=False):
            may_change = name.decode() in targets and old_cell.rstrip(b"\r") in (b"NA", b"")
            if old_cell != new_cell and not may_change:
                return False
    return True


def summary_lines(result: Result, targets: tuple[str, ...]) -> list[str]:
    """Per target: missing cells, observed and imputed mean and sd at central."""
    rows = result.long
    original = [row for row in rows if row[".imp"] == "0"]
    lines = [f"  {'target':<10}{'missing':>8}{'observed mean':>15}{'sd':>8}{'imputed mean':>15}{'sd':>8}"]
    for name in targets:
        missing = {row[".id"] for row in original if row[name] in ("NA", "")}
        observed = [float(row[name]) for row in original if row[".id"] not in missing]
        imputed = [float(row[name]) for row in rows if row[".imp"] != "0" and row[".id"] in missing]
        numbers = [statistics.fmean(observed), statistics.stdev(observed), statistics.fmean(imputed), statistics.stdev(imputed)]
        lines.append(f"  {name:<10}{len(missing):>8}{numbers[0]:>15.2f}{numbers[1]:>8.2f}{numbers[2]:>15.2f}{numbers[3]:>8.2f}")
    return lines
