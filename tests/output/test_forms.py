"""A job whose files come in other forms is the job of the plain files, and R and pandas read its result as they read that one."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pytest

CASE: Final = Path(__file__).parents[1] / "data" / "cases" / "05-leading-zero-ids"
ALGORITHMS: Final = Path(__file__).parents[2] / "algorithms"
JOB: Final = """
imputations = 2
iteration_before_first_imputation = 5
iteration_between_imputations = 2
seed = 1
[[targets]]
column = "sbp"
type = "continuous"
"""
R_SCRIPT: Final = """
source("load.R")
data <- imputed$data
stopifnot(identical(names(data), c("id", "zip", "age", "sex", "bmi", "sbp")), is.character(data$zip), data$zip[1] == "04702")
stopifnot(is.numeric(data$bmi), is.numeric(data$sbp), data$bmi[1] == 23, data$sbp[1] == 106.3, imputed$m == 2)
stopifnot(sum(is.na(data$sbp)) == nrow(imputed$imp$sbp), !anyNA(complete(imputed, 1)$sbp))
cat(format(mean(complete(imputed, 2)$sbp), digits = 12))
"""


def table(name: str) -> list[list[str]]:
    with (CASE / name).open(newline="") as file:
        return list(csv.reader(file))


def run(folder: Path, central: bytes, *sites: bytes) -> dict[str, Any]:
    """Simulate a job; what `--json` prints."""
    folder.mkdir()
    (folder / "job.toml").write_text(JOB)
    arguments: list[str | Path] = []
    for name, data in zip(("central", "a", "b"), (central, *sites), strict=True):
        (folder / f"{name}.csv").write_bytes(data)
        arguments += ["--central" if name == "central" else "--site", folder / f"{name}.csv"]
    command = [Path(sys.executable).parent / "tidegate", "simulate", ALGORITHMS / "SIMICE", "--job", folder / "job.toml", "--json"]
    done = subprocess.run([*command, *arguments, "--out", folder / "out"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def german(rows: list[list[str]]) -> bytes:
    """As Excel's Unicode text, with row names, blanks around names, decimal commas, marked thousands and rows of separators."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(["", *(f" {name} " for name in rows[0])])
    writer.writerows([str(number), *row[:4], *(cell.replace(".", ",") for cell in row[4:])] for number, row in enumerate(rows[1:], 1))
    return ("\ufeff" + text.getvalue() + ";" * len(rows[0]) + "\r\n").encode("utf-16-le")


def old_mac(rows: list[list[str]]) -> bytes:
    """Tabs and carriage returns, in Windows-1252."""
    return (
        "\r".join("\t".join(["ä" if place == 0 and number else cell for place, cell in enumerate(row)]) for number, row in enumerate(rows))
    ).encode("cp1252")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """The plain job, the job in other forms, and the folder of both."""
    folder = tmp_path_factory.mktemp("forms")
    files = [(CASE / f"{name}.csv").read_bytes() for name in ("central", "a", "b")]
    plain = run(folder / "plain", *files)
    other = run(folder / "other", german(table("central.csv")), old_mac(table("a.csv")), b"sep=,\n" + files[2] + b"\n,,,,,\n")
    return plain, other, folder


def test_the_form_of_a_file_changes_no_imputation_and_is_told(results) -> None:
    plain, other, folder = results
    assert plain["findings"] == []
    told = {(found["participant"], found["code"]) for found in other["findings"]}
    assert told == {
        ("central", "data.encoding"),
        ("central", "data.separator"),
        ("central", "data.empty_lines"),
        ("central", "data.names_trimmed"),
        ("central", "data.row_names"),
        ("central", "data.decimal_comma"),
        ("a", "data.encoding"),
        ("a", "data.separator"),
        ("a", "data.line_ends"),
        ("b", "data.empty_lines"),
    }
    assert other["contract"] == plain["contract"]
    wanted = pd.read_csv(folder / "plain" / "out" / "imputed_001.csv", dtype=str)
    found = pd.read_csv(folder / "other" / "out" / "imputed_001.csv", dtype=str, sep=";", encoding="utf-16")
    assert [name.strip() for name in found.columns[1:]] == list(wanted.columns)
    for name, column in zip(wanted.columns, found.columns[1:], strict=True):
        assert [text.replace(",", ".") for text in found[column]] == list(wanted[name]), name


def test_the_report_and_the_readme_state_encoding_and_separator(results) -> None:
    folder = results[2]
    stated = json.loads((folder / "other" / "out" / "run.json").read_text(encoding="utf-8"))["data"]["file"]
    assert (stated["encoding"], stated["separator"], stated["decimal_commas"]) == ("UTF-16 LE", ";", ["bmi", "sbp"])
    assert len(stated["notices"]) == 6
    readme = (folder / "other" / "out" / "README.txt").read_text(encoding="utf-8")
    assert "UTF-16 LE, cells separated by semicolons, decimal commas" in readme
    assert "UTF-8, cells separated by commas, decimal points" in (folder / "plain" / "out" / "README.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["plain", "other"])
def test_pandas_reads_numbers_as_numbers_and_codes_as_they_are_written(results, form: str) -> None:
    folder = results[2] / form / "out"
    specification = importlib.util.spec_from_file_location(f"load_{form}", folder / "load.py")
    assert specification is not None
    assert specification.loader is not None
    load = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(load)
    rows = table("central.csv")
    for frame in (*load.imputations(), load.long()):
        assert list(frame["zip"][:300]) == [row[1] for row in rows[1:301]]
        assert list(frame["id"][:300]) == [row[0] for row in rows[1:301]]
        assert list(frame["bmi"][:300]) == [float(row[4]) for row in rows[1:301]]
        assert frame["sbp"].dtype == float
    assert not load.imputation(1)["sbp"].isna().any()
    assert load.long()["sbp"].isna().sum() == sum(row[5] == "NA" for row in rows)


def test_r_reads_numbers_as_numbers_and_codes_as_they_are_written(results, rscript: str) -> None:
    means = []
    for form in ("plain", "other"):
        done = subprocess.run(
            [rscript, "-e", R_SCRIPT], cwd=results[2] / form / "out", capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        means.append(done.stdout)
    assert means[0] == means[1]
