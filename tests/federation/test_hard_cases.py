"""Data that are not nice, through real gates and workers: each ends in a right answer, or in an error that names what is wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from policies import Policy, built_in
from policies.life_budget import error_size
from sandbox.errors import Code, InputError, Refused
from sandbox.simulate import DataError

Change = Callable[[np.ndarray, np.random.Generator], None]
NAMES = ("y", "b", "x1", "x2", "x3")
Y, B = {"column": "y", "type": "continuous"}, {"column": "b", "type": "binary"}
SHORT = {"imputations": 2, "iteration_before_first_imputation": 2, "iteration_between_imputations": 1, "seed": 4}


@pytest.fixture
def loose() -> Policy:
    """A policy under which a handful of rows may answer."""
    changes = {
        "min_rows": 1,
        "max_parameter_ratio": 10.0,
        "min_difference_group": 1,
        "max_set_aside": 1.0,
        "min_cell_column": 1,
        "min_cell_cross": 1,
    }
    return msgspec.structs.replace(built_in("research"), name="loose", **changes)


def made(n: int, seed: int, change: Change | None = None) -> np.ndarray:
    """y continuous, b binary, three predictors; y and b missing on a fifth of the rows each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    b = (x[:, 0] + rng.normal(size=n) > 0).astype(float)
    y = 1 + x @ [1.0, -0.5, 0.25] + 0.5 * b + rng.normal(size=n)
    data = np.column_stack([y, b, x])
    if change is not None:
        change(data, rng)
    data[rng.random(n) < 0.2, 0] = np.nan
    data[rng.random(n) < 0.2, 1] = np.nan
    return data


def write(path: Path, data: np.ndarray, names: Sequence[str] = NAMES, binary: Sequence[str] = ("b",)) -> Path:
    """A CSV; binary columns as whole numbers."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in data:
            cells = zip(names, row, strict=True)
            writer.writerow(
                ["NA" if np.isnan(value) else (str(int(value)) if name in binary else repr(float(value))) for name, value in cells]
            )
    return path


def files(folder: Path, parts: Sequence[np.ndarray], **more: Any) -> tuple[Path, list[Path]]:
    paths = [write(folder / f"part{number}.csv", part, **more) for number, part in enumerate(parts)]
    return paths[0], paths[1:]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_complete(folder: Path, imputations: int = 2) -> bool:
    return all("NA" not in row.values() for number in range(1, imputations + 1) for row in read(folder / f"imputed_{number:03d}.csv"))


async def failure(run: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        await run
    return caught.value


# --- fits that cannot be made, and what mends them


@pytest.mark.parametrize("pair", ["SIMI", "CSLMI", "AVGMMI", "IMI"])
async def test_a_separated_target_is_named_and_a_ridge_mends_it(simulate, tmp_path: Path, pair: str) -> None:
    def separate(data: np.ndarray, _: np.random.Generator) -> None:
        data[:, 1] = (data[:, 3] > 0).astype(float)

    central, sites = files(tmp_path, [made(400, seed, separate) for seed in range(3)])
    job = {**SHORT, "targets": [B], "columns": {"y": "ignored"}}
    with pytest.raises(Exception, match=r"separated|linear predictor|weight sum") as caught:
        await simulate(pair, job, central, sites, "research")
    assert caught.value.code is Code.FIT_SEPARATED
    if pair in ("SIMI", "IMI"):
        assert caught.value.details["column"] == "b"
        assert caught.value.details["predictor"] == "x2"
    await simulate(pair, {**job, "parameters": {"ridge": 5.0}}, central, sites, "research")
    assert {row["b"] for row in read(tmp_path / "out" / "imputed_001.csv")} == {"0", "1"}


@pytest.mark.parametrize(("pair", "kind"), [("SIMI", "collinear"), ("SIMICE", "constant"), ("CSLMI", "constant"), ("IMICE", "collinear")])
async def test_a_collinear_or_constant_column_is_named_and_a_ridge_mends_it(simulate, tmp_path: Path, pair: str, kind: str) -> None:
    def spoil(data: np.ndarray, _: np.random.Generator) -> None:
        data[:, 4] = 7.5 if kind == "constant" else 2 * data[:, 2] - data[:, 3] + 1

    central, sites = files(tmp_path, [made(300, seed, spoil) for seed in range(2)])
    job = {**SHORT, "targets": [Y], "columns": {"b": "ignored"}}
    error = await failure(simulate(pair, job, central, sites, "research"))
    assert (error.code, error.details["column"], error.details["predictor"]) == (Code.FIT_SINGULAR, "y", "x3")
    await simulate(pair, {**job, "parameters": {"ridge": 1.0}}, central, sites, "research")


async def test_a_singular_own_fit_is_refused_under_its_sites_name(simulate, tmp_path: Path) -> None:
    def spoil(data: np.ndarray, _: np.random.Generator) -> None:
        data[:, 4] = 7.5

    central, sites = files(tmp_path, [made(300, 0), made(300, 1, spoil)])
    with pytest.raises(Refused) as caught:
        await simulate("AVGMMI", {**SHORT, "targets": [Y], "columns": {"b": "ignored"}}, central, sites, "research")
    assert (caught.value.site, caught.value.code) == ("part1", Code.FIT_SINGULAR)


async def test_a_rare_level_is_imputed_where_enough_people_have_it_and_found_where_not(simulate, tmp_path: Path) -> None:
    def rare(n_ones: int) -> Change:
        def change(data: np.ndarray, rng: np.random.Generator) -> None:
            data[:, 1] = 0.0
            data[rng.permutation(len(data))[:n_ones], 1] = 1.0

        return change

    job = {**SHORT, "targets": [B], "columns": {"y": "ignored"}}
    central, sites = files(tmp_path, [made(600, seed, rare(25)) for seed in range(3)])
    result = await simulate("SIMI", job, central, sites, "default")
    assert result["refusals"] == []
    share = np.mean([row["b"] == "1" for row in read(tmp_path / "out" / "imputed_001.csv")])
    assert 0.01 < share < 0.1
    central, sites = files(tmp_path, [made(600, 0, rare(25)), made(600, 1, rare(5))])
    with pytest.raises(DataError) as caught:
        await simulate("SIMI", job, central, sites, "default")
    assert Code.RULE_EVENTS in {finding.code for finding in caught.value.findings}


# --- numbers of any size


@pytest.mark.parametrize("pair", ["SIMICE", "CSLMI"])
async def test_an_offset_of_a_million_sd_or_a_scale_of_a_millionth_changes_nothing(
    simulate, exact: Policy, tmp_path: Path, pair: str
) -> None:
    job = {**SHORT, "targets": [Y], "columns": {"b": "ignored"}}
    parts = [made(300, seed) for seed in range(3)]
    betas = {}
    for name, offset, scale in (("plain", 0.0, 1.0), ("offset", 1e6, 1.0), ("scale", 0.0, 1e-6)):
        folder = tmp_path / name
        folder.mkdir()
        moved = [part.copy() for part in parts]
        for part in moved:
            part[:, 2] = part[:, 2] * scale + offset
            part[:, 0] = part[:, 0] * scale + offset
        central, sites = files(folder, moved)
        betas[name] = np.array((await simulate(pair, job, central, sites, exact, out=name))["fits"]["y"]["beta"])
    slopes = betas["plain"][:3]
    # An offset of a million costs six of sixteen digits in the file itself.
    assert betas["offset"][:3] == pytest.approx(slopes, rel=1e-8)
    assert betas["scale"][0] == pytest.approx(slopes[0], rel=1e-9)
    assert betas["scale"][1:3] == pytest.approx(slopes[1:] * 1e-6, rel=1e-9)


# --- sites that lack something


Z = {"column": "x2", "type": "continuous"}
FIRST_ROWS = 400


@pytest.mark.parametrize("pair", ["SIMICE", "AVGMMICE", "CSLMICE"])
@pytest.mark.parametrize("policy", ["default", "research"])
@pytest.mark.parametrize("lacking", [0, 2])
async def test_a_column_never_measured_at_a_site_is_completed_and_its_rows_count_for_continuous_targets(
    simulate, tmp_path: Path, pair: str, policy: str, lacking: int
) -> None:
    parts = [made(FIRST_ROWS, seed) for seed in range(3)]
    parts[0][::5, 3] = np.nan
    parts[2][:, lacking] = np.nan
    central, sites = files(tmp_path, parts)
    job = {**SHORT, "targets": [Y, B, Z], "columns": {"x1": "predictor", "x3": "predictor"}}
    result = await simulate(pair, job, central, sites, policy)
    fits, name = result["fits"], NAMES[lacking]
    # Counts of rows have errors under default.
    for target, place, n_parts in (("y", 0, 2 if lacking == 0 else 3), ("b", 1, 2), ("x2", 3, 3)):
        n = sum(int((~np.isnan(part[:, place])).sum()) for part in parts[:n_parts])
        assert fits[target]["n"] == pytest.approx(n, abs=0 if policy == "research" else 25), target
    said = [(event["code"], event["target"]) for event in result["events"]]
    assert (Code.EVENT_COMPLETED.value, name) in said
    assert (Code.EVENT_NO_PART.value, "b") in said
    assert any("part2" in event["sentence"] and name in event["sentence"] for event in result["events"])
    assert is_complete(tmp_path / "out")


@pytest.mark.parametrize("policy", ["default", "research"])
async def test_with_a_predictor_never_measured_at_a_site_fits_are_as_with_all_data_and_better_than_without_the_site(
    simulate, tmp_path: Path, policy: str
) -> None:
    """The control is the site's absence: slopes of the columns that it has are known worse then."""
    whole = [made(n, seed) for seed, n in enumerate((200, 300, 3000))]
    lacking = [part.copy() for part in whole]
    lacking[2][:, 3] = np.nan
    job = {**SHORT, "targets": [Y], "columns": {"b": "ignored"} | dict.fromkeys(("x1", "x2", "x3"), "predictor")}
    fits = {}
    for name, parts in (("whole", whole), ("lacking", lacking), ("dropped", whole[:2])):
        folder = tmp_path / name
        folder.mkdir()
        central, sites = files(folder, parts)
        fits[name] = (await simulate("SIMICE", job, central, sites, policy, out=name))["fits"]["y"]
    error = {name: np.sqrt(np.diagonal(fit["covariance"])) for name, fit in fits.items()}
    beta = {name: np.array(fit["beta"]) for name, fit in fits.items()}
    assert np.abs(beta["lacking"] - beta["whole"]) / error["dropped"] == pytest.approx(0.0, abs=2.0)
    # x1 and x3 from all, x2 from those who measured it.
    assert (error["lacking"][[0, 2]] < 0.6 * error["dropped"][[0, 2]]).all()
    assert error["lacking"][1] > 0.8 * error["dropped"][1]


@pytest.mark.parametrize("pair", ["SIMICE", "AVGMMI", "HDMI"])
async def test_a_site_with_nothing_missing_takes_part(simulate, tmp_path: Path, pair: str) -> None:
    parts = [made(400, seed) for seed in range(3)]
    full = made(400, 9)
    full[:, 0] = np.where(np.isnan(full[:, 0]), 0.0, full[:, 0])
    parts[2] = full
    central, sites = files(tmp_path, parts)
    parameters = {"parameters": {"exclusion": "x3"}} if pair == "HDMI" else {}
    job = {**SHORT, "targets": [Y], "columns": {"b": "ignored"}, **parameters}
    if pair == "HDMI":
        for part in parts[:2]:
            part[part[:, 4] + np.random.default_rng(1).normal(size=400) < -0.5, 0] = np.nan
        central, sites = files(tmp_path, parts)
        with pytest.raises(DataError) as caught:
            # Of a site that misses nothing there is no own fit of a selection.
            await simulate(pair, job, central, sites, "default")
        assert [finding.code for finding in caught.value.findings] == [Code.RULE_EVENTS]
    # Counts of exact answers are those of the files; on a card they have errors.
    fit = (await simulate(pair, job, central, sites, "research"))["fits"]["y"]
    assert fit["n"] == sum(int((~np.isnan(part[:, 0])).sum()) for part in parts)


async def test_a_target_complete_at_central_is_still_imputed_at_the_sites(simulate, tmp_path: Path) -> None:
    parts = [made(400, seed) for seed in range(3)]
    parts[0][:, 1] = np.where(np.isnan(parts[0][:, 1]), 1.0, parts[0][:, 1])
    central, sites = files(tmp_path, parts)
    result = await simulate("SIMICE", {**SHORT, "targets": [Y, B]}, central, sites, "default")
    assert set(result["fits"]) == {"y", "b"}
    assert [row["b"] for row in read(tmp_path / "out" / "imputed_002.csv")] == [row["b"] for row in read(central)]
    assert is_complete(tmp_path / "out")


async def test_a_site_whose_file_holds_nothing_is_stopped_and_named(simulate, tmp_path: Path) -> None:
    parts = [made(400, seed) for seed in range(3)]
    parts[1][:] = np.nan
    central, sites = files(tmp_path, parts)
    with pytest.raises(DataError) as caught:
        await simulate("SIMICE", {**SHORT, "targets": [Y, B], "columns": {"x2": "predictor"}}, central, sites, "default")
    assert caught.value.participant == "part1"
    stops = {finding.code for finding in caught.value.findings if finding.severity == "stop"}
    assert stops == {Code.DATA_PREDICTOR_ALL_MISSING}


async def test_fewer_rows_than_coefficients_at_a_site_are_refused_or_pooled(simulate, tmp_path: Path, loose: Policy) -> None:
    central, sites = files(tmp_path, [made(300, 0), made(4, 1)])
    job = {**SHORT, "targets": [Y], "columns": {"b": "ignored"}}
    with pytest.raises(DataError) as caught:
        await simulate("SIMI", job, central, sites, "default")
    assert {Code.RULE_MIN_ROWS, Code.RULE_PARAMETER_RATIO} <= {finding.code for finding in caught.value.findings}
    fit = (await simulate("SIMI", job, central, sites, loose))["fits"]["y"]
    assert fit["n"] > 235
    with pytest.raises(Refused) as refused:
        await simulate("AVGMMI", job, central, sites, loose)
    assert (refused.value.site, refused.value.code) == ("part1", Code.FIT_TOO_FEW_ROWS)


# --- sizes


@pytest.mark.parametrize("n_sites", [1, 10])
async def test_one_site_and_ten_sites(simulate, tmp_path: Path, n_sites: int) -> None:
    parts = [made(500, seed) for seed in range(n_sites + 1)]
    central, sites = files(tmp_path, parts)
    result = await simulate("SIMICE", {**SHORT, "targets": [Y, B]}, central, sites, "default")
    assert len(result["participants"]) == n_sites + 1
    n_observed = sum(int((~np.isnan(part[:, 0])).sum()) for part in parts)
    # Counts on a card err by as much as the policy says of one person.
    assert abs(result["fits"]["y"]["n"] - n_observed) < 4 * error_size(built_in("default"), n_observed) * n_sites**0.5


async def test_thirty_targets(simulate, tmp_path: Path) -> None:
    names = [f"t{number}" for number in range(30)] + ["x"]
    parts = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        data = rng.normal(size=(700, 1)) * 0.7 + rng.normal(size=(700, 31))
        data[:, :30][rng.random((700, 30)) < 0.12] = np.nan
        parts.append(data)
    central, sites = files(tmp_path, parts, names=names)
    job = {**SHORT, "targets": [{"column": name, "type": "continuous"} for name in names[:30]]}
    result = await simulate("SIMICE", job, central, sites, "default")
    assert len(result["fits"]) == 30
    assert is_complete(tmp_path / "out")
    assert result["round_trips"] == 2


@pytest.mark.parametrize(("n_targets", "n_rows", "least"), [(6, 3000, 64), (14, 26_000, 10_000)])
async def test_many_patterns(simulate, tmp_path: Path, n_targets: int, n_rows: int, least: int) -> None:
    names = [f"t{number}" for number in range(n_targets)] + ["x"]
    parts = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        n = n_rows if seed == 0 else 3000
        data = rng.normal(size=(n, 1)) + rng.normal(size=(n, n_targets + 1))
        data[:, :n_targets][rng.random((n, n_targets)) < 0.5] = np.nan
        parts.append(data)
    assert len(np.unique(np.isnan(parts[0]), axis=0)) >= least
    central, sites = files(tmp_path, parts, names=names)
    job = {**SHORT, "imputations": 1, "targets": [{"column": name, "type": "continuous"} for name in names[:n_targets]]}
    result = await simulate("SIMICE", job, central, sites, "research")
    assert is_complete(tmp_path / "out", imputations=1)
    # Equally correlated columns: each is predicted by all others alike.
    slopes = np.array(result["fits"]["t0"]["beta"][:-1])
    assert slopes == pytest.approx(np.full(n_targets, 1 / (n_targets + 1)), abs=0.1)


async def test_levels_other_than_0_and_1_come_back_as_they_were(simulate, tmp_path: Path) -> None:
    words = {"0": "never smoked", "1": "smoker", "NA": "NA"}
    central, sites = files(tmp_path, [made(400, seed) for seed in range(3)])
    for path in (central, *sites):
        rows = read(path)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(NAMES)
            writer.writerows([words[row["b"]] if name == "b" else row[name] for name in NAMES] for row in rows)
    await simulate("SIMICE", {**SHORT, "targets": [Y, B]}, central, sites, "default")
    before, after = read(central), read(tmp_path / "out" / "imputed_001.csv")
    assert {row["b"] for row in after} == {"never smoked", "smoker"}
    assert all(old["b"] in ("NA", new["b"]) for old, new in zip(before, after, strict=True))
