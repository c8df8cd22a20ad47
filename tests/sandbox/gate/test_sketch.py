"""The sketch of a file knows it again, whatever was done to it, and no other; it counts the rows that differ; it tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
import pytest

from sandbox.gate.dataset import Dataset
from sandbox.gate.sketch import make_sketch
from sandbox.likeness import Match, Numbers, compare
from tests.sandbox.gate.conftest import make_csv
from tests.sandbox.hospital import SECRET, heart, hospital, sketch_of

Edit = Callable[[np.ndarray, np.random.Generator], np.ndarray]
AGE, BMI, CHOL, SBP, CRP, HEIGHT, SEX, DISEASE = range(8)


def match(new: np.ndarray, old: np.ndarray, names: tuple[str, ...] | None = None, old_names: tuple[str, ...] | None = None) -> Match:
    return compare(Numbers.of(sketch_of(new, names)), Numbers.of(sketch_of(old, old_names)))


def put(rows: np.ndarray, column: int, values: np.ndarray) -> np.ndarray:
    new = rows.copy()
    new[:, column] = values
    return new


def other_tokens(rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What was read as 0 … 9 % of three columns is missing, and what was missing in another is −9."""
    new = rows.copy()
    for column in (BMI, SBP, SEX):
        new[random.random(len(rows)) < 0.09, column] = np.nan
    new[np.isnan(rows[:, CHOL]), CHOL] = -9
    return new


EDITS: Final[dict[str, Edit]] = {
    "ten rows more": lambda rows, random: np.vstack([rows, hospital(10, 77)]),
    "a tenth less": lambda rows, random: rows[random.random(len(rows)) < 0.9],
    "the oldest tenth less": lambda rows, random: rows[rows[:, AGE] < np.quantile(rows[:, AGE], 0.9)],
    "a third more": lambda rows, random: np.vstack([rows, hospital(len(rows) // 3, 78)]),
    "twice as many": lambda rows, random: np.vstack([rows, hospital(len(rows), 79)]),
    "shuffled": lambda rows, random: random.permutation(rows),
    "one column rounded": lambda rows, random: put(rows, CRP, np.round(rows[:, CRP])),
    "one column in inches": lambda rows, random: put(rows, HEIGHT, np.round(rows[:, HEIGHT] / 2.54, 1)),
    "one column as a logarithm": lambda rows, random: put(rows, CRP, np.round(np.log(rows[:, CRP] + 1), 3)),
    "all columns in other units": lambda rows, random: rows * -2.54 + 3,
    "other levels": lambda rows, random: put(put(rows, SEX, 2 - rows[:, SEX]), DISEASE, 1 + rows[:, DISEASE]),
    "other missing tokens": other_tokens,
}


@pytest.mark.parametrize("n", [150, 1000, 20_000])
@pytest.mark.parametrize("edit", EDITS)
def test_a_file_is_known_again_and_so_is_each_column(edit: str, n: int) -> None:
    rows = hospital(n, 1)
    found = match(EDITS[edit](rows, np.random.default_rng(2)), rows)
    assert found.is_alike
    assert found.pairs == {column: column for column in range(10)}


@pytest.mark.parametrize("n", [150, 1000, 20_000])
@pytest.mark.parametrize("edit", EDITS)
def test_so_it_is_under_other_names_in_another_order_mostly(edit: str, n: int) -> None:
    rows = hospital(n, 3)
    order = np.random.default_rng(4).permutation(10)
    new = EDITS[edit](rows, np.random.default_rng(5))[:, order]
    found = match(new, rows, names=tuple("ABCDEFGHIJ"))
    assert found.is_alike
    right = {int(j) for i, j in found.pairs.items() if order[i] == j}
    unknown = {"other missing tokens": {CHOL}, "twice as many": {SEX, DISEASE, 8, 9}}.get(edit, set())
    assert right >= set(range(10)) - unknown


@pytest.mark.parametrize("n", [150, 1000, 20_000])
def test_columns_may_come_and_go(n: int) -> None:
    rows = hospital(n, 6)
    more = np.column_stack([np.random.default_rng(7).normal(size=n), rows[:, 1:]])
    found = match(more, rows, names=("new", "bmi", "chol", "sbp", "crp", "height", "sex", "disease", "smoking", "diabetes"))
    assert found.is_alike
    assert found.pairs == {column: column for column in range(1, 10)}
    assert found.changed == {}
    assert match(rows[:, 3:], rows, names=tuple("ABCDEFG")).pairs == {column: column + 3 for column in range(7)}


@pytest.mark.parametrize("n", [150, 1000])
def test_all_columns_in_other_units_and_rounded_are_known_where_files_are_small(n: int) -> None:
    rows = hospital(n, 8)
    assert match(np.round(rows / 2.54, 1), rows).is_alike


def test_a_large_file_with_all_columns_rounded_anew_is_not_known() -> None:
    """What is not promised: no column keeps its values, and at 20,000 rows rounding moves more than other people would."""
    rows = hospital(20_000, 9)
    assert not match(np.round(rows / 2.54), rows).is_alike


@pytest.mark.parametrize(("n", "n_pairs"), [(150, 60), (1000, 40), (20_000, 10)])
def test_another_cohort_of_the_same_hospital_is_another_file(n: int, n_pairs: int) -> None:
    sketches = [Numbers.of(sketch_of(hospital(n if seed % 2 else n * 3 // 4, 100 + seed))) for seed in range(2 * n_pairs)]
    alarms = sum(compare(*pair).is_alike for pair in zip(sketches[::2], sketches[1::2], strict=True))
    assert alarms <= 1


def test_a_cohort_of_another_size_is_another_file() -> None:
    sketches = [Numbers.of(sketch_of(np.random.default_rng(n).normal(size=(n, 10)))) for n in (500, 1000, 1500, 5000, 10_000, 15_000)]
    assert [[compare(one, other).is_alike for other in sketches] for one in sketches] == np.eye(6, dtype=bool).tolist()


def test_the_four_hospitals_of_the_heart_study_are_four_files() -> None:
    names = ("cleveland", "hungary", "switzerland", "va_long_beach")
    sketches = [Numbers.of(sketch_of(heart(name), names=tuple("abcdefghijk"))) for name in names]
    assert [[compare(one, other).is_alike for other in sketches] for one in sketches] == np.eye(4, dtype=bool).tolist()


@pytest.mark.parametrize("name", ["cleveland", "hungary", "switzerland", "va_long_beach"])
def test_a_hospital_of_the_heart_study_is_known_after_edits(name: str) -> None:
    rows = heart(name)
    names = tuple("abcdefghijk")
    random = np.random.default_rng(1)
    inches = rows.copy()
    inches[:, 4] = np.round(inches[:, 4] / 2.54, 1)
    for new in (rows[:-1], rows[random.random(len(rows)) < 0.9], random.permutation(rows), inches):
        found = match(new, rows, names, names)
        assert found.is_alike
        assert found.pairs.keys() == set(range(11))


@pytest.mark.parametrize("n", [150, 1000, 20_000])
def test_rows_that_differ_are_counted(n: int) -> None:
    rows = hospital(n, 10)
    for n_more in (1, 2, 5):
        changed = match(np.vstack([rows, hospital(n_more, 11)]), rows).changed
        assert changed.keys() == set(range(10))
        assert n_more <= min(changed.values()) <= 2 * n_more
    swapped = np.vstack([rows[20:], hospital(20, 12)])
    assert 8 <= min(match(swapped, rows).changed.values()) <= 32


@pytest.mark.parametrize("n", [150, 1000, 20_000])
def test_few_corrected_cells_show_in_their_column_even_where_another_column_is_new(n: int) -> None:
    rows = hospital(n, 13)
    corrected = rows.copy()
    corrected[:3, SBP] += 1
    assert {column: round(found) for column, found in match(corrected, rows).changed.items()} == {SBP: 3}
    corrected[:, HEIGHT] /= 2.54
    assert round(match(corrected, rows).changed[SBP]) == 3
    flipped = rows.copy()
    flipped[:3, SEX] = 1 - flipped[:3, SEX]
    assert 1 <= match(flipped, rows).changed[SEX] <= 6


def test_cells_that_changed_places_show_though_every_column_has_its_values() -> None:
    rows = hospital(1000, 14)
    swapped = rows.copy()
    swapped[[0, 1], AGE] = rows[[1, 0], AGE]
    assert rows[0, AGE] != rows[1, AGE]
    assert 1 <= min(match(swapped, rows).changed.values()) <= 4


@pytest.mark.parametrize("n", [150, 1000, 20_000])
def test_one_row_more_shows_although_all_columns_are_in_other_units(n: int) -> None:
    rows = hospital(n, 15)
    new = np.vstack([rows, hospital(1, 16)]) * 2.54 - 1
    assert min(match(new, rows).changed.values()) < 12


def test_rows_as_wholes_know_a_file_without_a_column_of_many_values() -> None:
    rows = np.random.default_rng(17).integers(0, 4, size=(500, 9)).astype(float)
    names = tuple("abcdefghi")
    assert match(rows[50:], rows, names, names).is_alike
    assert not match(np.random.default_rng(18).integers(0, 4, size=(500, 9)).astype(float), rows, names, names).is_alike


def test_under_another_secret_nothing_of_a_sketch_is_alike() -> None:
    rows = hospital(1000, 19)
    ours, theirs = sketch_of(rows), sketch_of(rows, secret=SECRET[::-1])
    assert not compare(Numbers.of(ours), Numbers.of(theirs)).is_alike
    assert ours.content != theirs.content
    assert not {column.content for column in ours.columns} & {column.content for column in theirs.columns}
    assert not {column.name for column in ours.columns} & {column.name for column in theirs.columns}
    assert compare(Numbers.of(ours), Numbers.of(sketch_of(rows))).is_alike


def test_the_sketch_of_fifty_columns_is_at_most_18_kilobytes_in_a_ledger() -> None:
    rows = np.random.default_rng(20).normal(60, 13, size=(20_000, 50)).round()
    assert len(msgspec.json.encode(sketch_of(rows, names=tuple(map(str, range(50)))))) <= 18_000


def test_a_sketch_is_the_same_in_whatever_pieces_the_rows_come(upload: Callable[..., tuple[object, Dataset]]) -> None:
    """As the gate makes it of a data set: only columns of the model, values as they were read."""
    sketch = make_sketch(upload(make_csv(300, seed=1))[1], SECRET)
    assert [column.is_rich for column in sketch.columns] == [True, True, False, True]
    assert sketch == make_sketch(upload(make_csv(300, seed=1), piece=50)[1], SECRET)
    assert sketch.n_rows == 300
