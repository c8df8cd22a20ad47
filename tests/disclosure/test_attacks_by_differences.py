"""What sums by code that sees rows would give away of a few people: cells of a table, one dominating row, rows that tell two answers apart.

The control shows the attack on the numbers that leave where the rules are off.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from sandbox.overlap import jobs_on_other_rows
from tests.disclosure.people import DEFAULT, OFF, people
from tests.disclosure.played import Site, Values

ALONE = msgspec.structs.replace(OFF, min_rows=1, min_cell_column=1, min_cell_cross=1, min_difference_group=1, max_set_aside=1.0)
TARGETS = {"y": "continuous", "v": "continuous", "w": "continuous"}


def ward(n: int = 400, seed: int = 2) -> dict[str, Values]:
    """Two predictors and three continuous targets, all observed."""
    random = np.random.default_rng(seed)
    age, dose = np.round(random.normal(60, 9, n)), np.round(random.normal(5, 1, n), 2)
    targets = {name: np.round(age / 10 + dose + random.normal(size=n), 2) for name in TARGETS}
    return {"age": age, "dose": dose, **targets}


def without(data: dict[str, Values], **rows: range) -> dict[str, Values]:
    """The data with cells missing."""
    holes = {name: values.copy() for name, values in data.items()}
    for name, places in rows.items():
        holes[name][list(places)] = np.nan
    return holes


def test_a_table_of_two_columns_is_in_every_gram_and_stopped_before_start() -> None:
    data = ward()
    data["sex"] = (np.arange(400) % 2).astype(float)
    data["hiv"] = np.zeros(400)
    data["hiv"][:21] = 1.0
    data["hiv"][1:16:2] = 0.0
    wanted = int((data["sex"] * data["hiv"]).sum())
    assert 0 < wanted < DEFAULT.min_cell_cross
    played = Site(data, TARGETS, ALONE)
    played.begin()
    assert played.moments("y")["XX"][4, 5] == wanted
    stopped = Site(data, TARGETS, DEFAULT)
    assert stopped.codes == ["rule.cell_cross"]
    assert {(finding.column, finding.details["other"]) for finding in stopped.report.findings} == {(6, "hiv")}


def test_a_value_that_few_have_is_in_every_sum_and_stopped_before_start() -> None:
    data = ward()
    data["rare"] = np.zeros(400)
    data["rare"][:9] = 3.0
    played = Site(data, TARGETS, ALONE)
    assert played.begin().parts["total"][5] == 27.0
    assert Site(data, TARGETS, DEFAULT).codes == ["rule.cell_column"]


def test_one_row_that_is_the_sum_is_stopped_before_start() -> None:
    data = ward()
    data["dose"][7] = 90210.0
    played = Site(data, TARGETS, ALONE)
    assert np.sqrt(played.begin().parts["total_squares"][1]) == pytest.approx(90210, rel=1e-4)
    assert Site(data, TARGETS, DEFAULT).codes == ["rule.dominance"]


def test_too_few_rows_are_stopped_before_start() -> None:
    data = {name: values[:49] for name, values in ward().items()}
    assert Site(data, {"y": "continuous"}, DEFAULT).codes == ["rule.min_rows"]
    assert Site({name: values[:50] for name, values in ward().items()}, {"y": "continuous"}, DEFAULT).codes == []


def test_two_targets_that_differ_by_one_row_give_that_row_away_and_under_default_it_is_set_aside() -> None:
    data = without(ward(), y=range(40), v=range(41))
    played = Site(data, TARGETS, ALONE)
    played.begin()
    difference = played.moments("y")["XX"][-1] - played.moments("v")["XX"][-1]
    # Row 40 is in the first and not in the second: its predictors are the difference of two columns of sums.
    assert difference[[0, 1, -1]] == pytest.approx([data["age"][40], data["dose"][40], 1.0])
    guarded = Site(data, TARGETS, DEFAULT)
    guarded.begin()
    assert guarded.report.n_set_aside == 1
    n = [guarded.moments(name)["n"] for name in TARGETS]
    assert all(abs(a - b) == 0 or abs(a - b) >= 10 for a in n for b in n)


def test_one_imputed_row_gives_itself_away_between_rounds_and_under_default_it_is_set_aside() -> None:
    data = without(ward(), y=range(1))
    played = Site(data, TARGETS, ALONE)
    played.begin(centre=[0.0] * 5, scale=[1.0] * 5)

    def column(beta: list[float]) -> Values:
        """Σ y z over the rows with v observed, z = (age, dose, w, intercept), after a fill."""
        played.moments("y")
        played.fill("y", beta, 0.5)
        return played.moments("v")["XX"][2][[0, 1, 3, 4]]

    change = column([0.01, 0.0, 0.0, 0.0, 0.0]) - column([0.1, 0.0, 0.0, 0.0, 0.0])
    assert change / change[-1] == pytest.approx([data["age"][0], data["dose"][0], data["w"][0], 1.0], abs=1e-6)
    guarded = Site(data, TARGETS, DEFAULT)
    guarded.begin()
    assert guarded.report.n_set_aside == 1
    assert guarded.moments("v")["n"] == 399


def test_a_small_cell_in_a_group_sets_the_group_aside() -> None:
    data = without(ward(), y=range(20))
    data["sex"] = (np.arange(400) % 2).astype(float)
    assert Site(data, TARGETS, DEFAULT).report.n_set_aside == 0
    data["sex"][:14] = 1.0
    assert Site(data, TARGETS, DEFAULT).report.n_set_aside == 20


def test_a_triple_difference_passes_by_design_and_is_about_one_row() -> None:
    # By design (policies/README.md): every difference of two is of at least ten rows, the one of three is of a single one.
    data = ward()
    played = Site(without(data, y=range(31), v=range(15), w=range(15, 30)), TARGETS, DEFAULT)
    margins = played.begin().parts
    first, second, third = (played.moments(name)["XX"][[0, 1, -1], -1] for name in ("v", "w", "y"))
    *sums, n = first + second - third - [*margins["total"][:2], margins["n"][0]]
    assert n == pytest.approx(1)
    assert sums == pytest.approx([data["age"][30], data["dose"][30]], abs=1e-4)


def test_two_jobs_on_one_file_can_differ_by_one_row_and_both_count_for_the_same_data_set() -> None:
    # By design (policies/README.md): a gate knows of no other job. What it can do is to name the file by the same name in both.
    data = without(ward(), dose=range(7, 8))
    targets = {"y": "continuous"}
    with_dose, without_dose = Site(data, targets, DEFAULT), Site(data, targets, DEFAULT, ignored=("dose",))
    first, second = with_dose.entry, without_dose.entry
    totals = [played.begin().parts["total"][0] for played in (with_dose, without_dose)]
    assert totals[1] - totals[0] == pytest.approx(data["age"][7], abs=1e-4)
    assert first["dataset"] == second["dataset"]
    assert first["rows_named"]["0"] != second["rows_named"]["0"]
    released = {"kind": "release", "job": "earlier"}
    assert jobs_on_other_rows([{**first, "job": "earlier"}, released], second) == ["earlier"]
    assert jobs_on_other_rows([{**second, "job": "earlier"}, released], second) == [], "the same rows"
    assert jobs_on_other_rows([{**first, "job": "earlier"}], second) == [], "a job that never answered"


def test_a_mixed_difference_of_four_numbers_passes_by_design_and_tells_the_age_of_the_one_who_misses_two_targets() -> None:
    """y is filled as ± a line of age, v as ± a constant: Σ ± ± Σ y v is about the rows that miss both."""
    data = without(ward(), y=range(40), v=range(39, 79))
    played = Site(data, TARGETS, DEFAULT, sweeps=40)
    assert played.report.n_set_aside == 0
    played.begin(centre=[60.0, 5.0, 11.0, 11.0, 11.0], scale=[9.0, 1.0, 1.0, 1.0, 1.0])
    total = 0.0
    for _ in range(10):
        for of_y, of_v in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            played.moments("y")
            played.moments("v")
            played.fill("y", [2.25 * of_y, 0, 0, 0, 0], 0.01)
            played.fill("v", [0, 0, 0, 0, 9.9 * of_v], 0.01)
            total += of_y * of_v * played.moments("w")["XX"][2, 3]
    assert 60 + 9 * total / 40 / 2.25 / 9.9 == pytest.approx(data["age"][39], abs=0.1)


def test_a_number_called_missing_takes_out_no_few_rows() -> None:
    data = people()
    oldest = repr(int(data["age"].max()))
    common = repr(int(np.median(data["age"])))
    assert 1 <= (data["age"] == float(oldest)).sum() < DEFAULT.min_difference_group
    assert (data["age"] == float(common)).sum() >= DEFAULT.min_difference_group
    targets = {"y": "continuous", "b": "binary"}
    # Without the token the same job is clean; the difference of the two would be the oldest person.
    assert Site(data, targets, DEFAULT).report.is_clean
    assert Site(data, targets, DEFAULT, missing=("NA", oldest)).codes == ["rule.missing_token"]
    assert Site(data, targets, DEFAULT, missing=("NA", f"{oldest}.0")).codes == ["rule.missing_token"]
    # The controls: a number that many have, and one that nobody has.
    assert Site(data, targets, DEFAULT, missing=("NA", common, "-9")).report.is_clean
