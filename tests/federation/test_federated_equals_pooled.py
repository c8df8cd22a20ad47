"""One row key, one seed: where sites are complete and answer exactly, the split of the rows over them does not change what is imputed.

A site fills its own missing cells by itself. So only of complete sites is what central imputes that of all rows in one place.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
PARTS = [GOLDEN / f"continuous_{name}.csv" for name in ("central", "remote1", "remote2")]
JOB = {
    "imputations": 3,
    "iteration_before_first_imputation": 3,
    "iteration_between_imputations": 2,
    "seed": 11,
    "targets": [{"column": "x1", "type": "continuous"}, {"column": "x3", "type": "continuous"}],
}
CENTRAL_ROWS = 500
"""The first rows, which are central's in every split; only these miss anything."""
MIXED = {**JOB, "targets": [*JOB["targets"], {"column": "b", "type": "binary"}]}


def cells(folder: Path, number: int) -> list[list[str]]:
    with (folder / f"imputed_{number:03d}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def pooled_rows(seed: int, with_binary: bool) -> tuple[list[str], list[list[str]]]:
    """The rows of the golden set that are complete, with holes in those of central, and a binary column that depends on the others."""
    draw = random.Random(seed)
    rows: list[list[str]] = []
    for part in PARTS:
        with part.open(newline="", encoding="utf-8") as file:
            header, *body = list(csv.reader(file))
        rows += [row for row in body if "NA" not in row and "" not in row]
    holes = [header.index("x1"), header.index("x3")]
    if with_binary:
        holes.append(len(header))
    for number, row in enumerate(rows):
        if with_binary:
            row.append(str(int(float(row[1]) + draw.gauss(0, 1) > 0)))
        for place in holes:
            if number < CENTRAL_ROWS and draw.random() < 0.2:
                row[place] = "NA"
    return [*header, "b"] if with_binary else header, rows


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    return path


def largest_difference(first: list[list[str]], second: list[list[str]], scale: np.ndarray) -> float:
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    n = min(len(a), len(b))
    return float(np.max(np.abs(a[:n] - b[:n]) / scale))


@pytest.mark.parametrize(("policy", "tolerance"), [("research", 1e-9), ("exact", 1e-11)])
async def test_three_sites_and_random_splits_impute_what_all_rows_at_central_do(
    simulate, exact, tmp_path: Path, policy: str, tolerance: float
) -> None:
    rule = exact if policy == "exact" else policy
    header, rows = pooled_rows(5, with_binary=False)
    together = write(tmp_path / "all.csv", header, rows)
    scale = np.nanstd(np.array([[float(c) if c != "NA" else np.nan for c in row] for row in rows]), axis=0)
    await simulate("SIMICE", JOB, together, (), rule, out="pooled")
    assert len(rows) > 1500
    for split, cuts in enumerate(([500, 1200], [900, 1200], [700, 1400])):
        parts = [rows[: cuts[0]], rows[cuts[0] : cuts[1]], rows[cuts[1] :]]
        files = [write(tmp_path / f"split{split}-{number}.csv", header, part) for number, part in enumerate(parts)]
        await simulate("SIMICE", JOB, files[0], files[1:], rule, out=f"split{split}")
        for number in (1, 2, 3):
            found = cells(tmp_path / f"split{split}", number)
            assert largest_difference(found, cells(tmp_path / "pooled", number), scale) < tolerance


async def test_binary_cells_agree_until_a_draw_falls_on_the_edge(simulate, exact, tmp_path: Path) -> None:
    header, rows = pooled_rows(6, with_binary=True)
    await simulate("SIMICE", MIXED, write(tmp_path / "all.csv", header, rows), (), exact, out="pooled")
    files = [write(tmp_path / f"{n}.csv", header, part) for n, part in enumerate((rows[:800], rows[800:1200], rows[1200:]))]
    await simulate("SIMICE", MIXED, files[0], files[1:], exact, out="split")
    position = header.index("b")
    found, wanted = cells(tmp_path / "split", 1), cells(tmp_path / "pooled", 1)[:800]
    flips = sum(a[position] != b[position] for a, b in zip(found, wanted, strict=True))
    # |u − p| < 1e-6 for 100 cells and 3 sweeps: a flip is a one-in-thousand event; the seed is fixed.
    assert flips == 0


async def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(simulate, tmp_path: Path) -> None:
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        await simulate("SIMICE", {**JOB, "seed": seed}, PARTS[0], PARTS[1:], "default", out=out)
    data = {out: (tmp_path / out / "imputed_002.csv").read_bytes() for out in "abc"}
    assert data["a"] == data["b"] != data["c"]


async def test_imputations_of_one_job_differ(simulate, tmp_path: Path) -> None:
    await simulate("SIMICE", JOB, PARTS[0], PARTS[1:], "default")
    assert len({(tmp_path / "out" / f"imputed_{number:03d}.csv").read_bytes() for number in (1, 2, 3)}) == 3


@pytest.mark.parametrize("targets", [["x1"], ["b"], ["x1", "x3"], ["x1", "b"]])
async def test_a_fit_is_the_pooled_maximum_to_1e_8_where_sites_are_complete(simulate, tmp_path: Path, targets: list[str]) -> None:
    header, rows = pooled_rows(7, with_binary=True)
    job = {**JOB, "targets": [{"column": name, "type": "binary" if name == "b" else "continuous"} for name in targets]}
    job["columns"] = {name: "ignored" for name in ("x1", "x3", "b") if name not in targets}
    pair = "SIMI" if len(targets) == 1 else "SIMICE"
    together = await simulate(pair, job, write(tmp_path / "all.csv", header, rows), (), "research", out="pooled")
    files = [write(tmp_path / f"{n}.csv", header, part) for n, part in enumerate((rows[:500], rows[500:1100], rows[1100:]))]
    split = await simulate(pair, job, files[0], files[1:], "research", out="split")
    for name in targets:
        found, wanted = split["fits"][name], together["fits"][name]
        errors = np.sqrt(np.diag(np.asarray(wanted["covariance"])))
        assert found["n"] == wanted["n"]
        # A logistic fit stops when a step is a ten-thousandth of a standard error: both stop at the same one.
        assert np.max(np.abs(np.asarray(found["beta"]) - wanted["beta"])) <= 1e-8 * np.max(np.abs(wanted["beta"])), name
        assert np.asarray(found["covariance"]) == pytest.approx(np.asarray(wanted["covariance"]), abs=1e-7 * errors.max() ** 2)
