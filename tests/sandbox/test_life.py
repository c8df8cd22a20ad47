"""A life: which uploads are versions of one file, what they use up together, what stops, and what the owner may let pass."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import Policy, built_in
from policies.life_budget import error_size, max_numbers
from sandbox.contract import Column, Contract
from sandbox.errors import Code
from sandbox.ledger import Ledger, entries_of_kinds
from sandbox.life import (
    Asked,
    Decision,
    Fit,
    decide,
    has_room_for_points,
    life_entry,
    n_about,
    n_numbers,
    point_entry,
    release_entry,
)
from sandbox.wire.sketches import FileSketch, pack, unpack
from tests.sandbox.hospital import NAMES, SECRET, hospital, sketch_of

START = datetime(2026, 1, 1, tzinfo=UTC)
DISEASE, DIABETES = 8, 10
SBP = 3
BETA = tuple(0.1 * number for number in range(10))
ROWS = hospital(1000, 1)
WIDE: Policy = msgspec.structs.replace(built_in("default"), max_numbers_per_row=1000.0, max_numbers=10**6, max_versions=1000, max_fits=1000)
DEFAULT = built_in("default")


def asked(*targets: int, names: tuple[str, ...] = NAMES, predictors: tuple[int, ...] | None = None, grams: tuple[int, ...] = ()) -> Asked:
    columns = dict(enumerate(names, 1))
    fits = tuple(Fit(target, predictors or tuple(index for index in columns if index != target)) for target in targets)
    return Asked(columns, fits, grams)


class Site:
    """The ledger of a site, and what it decides about uploads, a day each."""

    def __init__(self, policy: Policy = DEFAULT) -> None:
        self.policy = policy
        self.lines: list[dict[str, Any]] = []
        self.now = START

    def look(self, rows: np.ndarray, asks: Asked | None = None, names: tuple[str, ...] = NAMES, dataset: str = "") -> Decision:
        asks = asks or asked(min(DISEASE, len(names)), names=names)
        return decide(self.lines, sketch_of(rows, names), asks, self.policy, self.now, dataset=dataset)

    def state(self, rows: np.ndarray, asks: Asked | None = None, names: tuple[str, ...] = NAMES, dataset: str = "") -> Decision:
        """Upload and, unless it is stopped, let the card leave."""
        asks = asks or asked(min(DISEASE, len(names)), names=names)
        decision = self.look(rows, asks, names, dataset)
        if decision.stop is None:
            self.write(life_entry(decision, sketch_of(rows, names), asks, job="j", dataset=dataset))
        self.now += timedelta(days=1)
        return decision

    def write(self, entry: dict[str, Any]) -> None:
        # As a ledger keeps it: through JSON, with a time.
        self.lines.append({**json.loads(json.dumps(entry)), "time": self.now.isoformat(timespec="milliseconds"), "previous": "0"})


def code(decision: Decision) -> Code | None:
    return None if decision.stop is None else decision.stop.code


def grown(n: int) -> np.ndarray:
    return np.vstack([ROWS, hospital(n, 2)])


# --- which life


def test_the_first_version_names_the_life_and_its_columns_and_the_same_file_again_changes_nothing() -> None:
    site = Site()
    first = site.state(ROWS)
    again = site.state(np.random.default_rng(3).permutation(ROWS))
    assert (first.version, again.version) == (1, 1)
    assert len(set(first.columns)) == 10
    assert (again.life, again.columns) == (first.life, first.columns)
    assert again.usage.numbers == first.usage.numbers
    assert again.usage.new_numbers == again.usage.new_fits == 0
    assert [("sketch" in line) for line in site.lines] == [True, False]


def test_another_cohort_begins_another_life_with_other_names() -> None:
    site = Site()
    first, other = site.state(ROWS), site.state(hospital(1000, 99))
    assert other.life != first.life
    assert other.version == 1
    assert not set(other.columns) & set(first.columns)


def test_names_cannot_be_told_without_the_secret() -> None:
    """The same file at a site with another secret has no name in common."""
    ours = decide([], sketch_of(ROWS), asked(DISEASE), DEFAULT, START)
    theirs = decide([], sketch_of(ROWS, secret=SECRET[::-1]), asked(DISEASE), DEFAULT, START)
    assert ours.life != theirs.life
    assert not set(ours.columns) & set(theirs.columns)


def test_a_column_added_dropped_renamed_or_moved_is_no_new_version_and_keeps_the_names_of_the_others() -> None:
    site = Site(WIDE)
    first = site.state(ROWS)
    more = np.column_stack([ROWS, np.random.default_rng(5).normal(size=1000)])
    longer = site.state(more, names=(*NAMES, "more"))
    order = np.random.default_rng(4).permutation(9)
    shorter = site.state(ROWS[:, order], names=tuple("ABCDEFGHI"))
    assert (longer.version, shorter.version) == (1, 1)
    assert longer.columns[:10] == first.columns
    assert longer.columns[10] not in first.columns
    assert shorter.columns == tuple(first.columns[i] for i in order)
    assert site.state(more, names=(*NAMES, "more")).columns == longer.columns


def test_an_added_column_that_changes_in_a_few_cells_is_stopped_although_the_first_version_did_not_have_it() -> None:
    site = Site(WIDE)
    more = np.column_stack([ROWS, np.random.default_rng(5).normal(size=1000)])
    site.state(ROWS)
    site.state(more, names=(*NAMES, "more"))
    more[:3, 10] += 1
    found = site.look(more, names=(*NAMES, "more"))
    assert code(found) is Code.RULE_LIFE_CHANGE
    assert found.stop is not None
    assert (found.stop.column, found.stop.details["column"], found.stop.details["found"]) == (11, "more", 3)
    assert code(Site(WIDE).look(more, names=(*NAMES, "more"))) is None


def test_a_job_that_chooses_few_columns_of_the_same_bytes_begins_no_life_of_its_own() -> None:
    """Else central would have fresh errors for every choice of columns."""
    site = Site(WIDE)
    first = site.state(ROWS, dataset="bytes")
    ones = site.state(ROWS[:, [6, 9]], names=("sex", "diabetes"), dataset="bytes")
    assert (ones.life, ones.version, ones.columns) == (first.life, 1, (first.columns[6], first.columns[9]))
    assert site.look(ROWS[:, :3], names=NAMES[:3], dataset="bytes").life == first.life
    assert site.look(hospital(900, 95)[:, [6, 9]], names=("sex", "diabetes"), dataset="other bytes").life != first.life


@pytest.mark.parametrize("chosen", [(6, 7), (6, 8, 9), (7, 8), (5, 6, 7, 8)])
def test_one_row_more_is_stopped_although_the_job_chooses_few_columns_of_few_values(chosen: tuple[int, ...]) -> None:
    site = Site(WIDE)
    poor = (0, 6, 7, 8, 9)
    first = site.state(ROWS[:, poor], names=tuple(NAMES[i] for i in poor), dataset="bytes")
    found = site.look(grown(1)[:, chosen], names=tuple(NAMES[i] for i in chosen), dataset="other bytes")
    assert found.life == first.life
    assert code(found) is Code.RULE_LIFE_CHANGE


def test_one_row_more_is_stopped_under_many_columns_of_chance() -> None:
    site = Site(WIDE)
    life = site.state(ROWS).life
    chance = np.random.default_rng(9).normal(size=(1001, 60))
    found = site.look(np.column_stack([chance, grown(1)]), names=(*(f"c{i}" for i in range(60)), *NAMES))
    assert found.life == life
    assert code(found) is Code.RULE_LIFE_CHANGE


def test_two_columns_with_one_content_have_two_names_that_stay() -> None:
    site = Site(WIDE)
    twice = np.column_stack([ROWS, ROWS[:, SBP]])
    first = site.state(twice, names=(*NAMES, "more"))
    assert len(set(first.columns)) == 11
    assert site.state(twice, names=(*NAMES, "more")).columns == first.columns


def test_a_life_ends_so_many_days_after_its_last_card_and_begins_anew_with_the_same_names() -> None:
    site = Site(msgspec.structs.replace(WIDE, life_days=30))
    first = site.state(ROWS)
    site.now = START + timedelta(days=29)
    assert site.state(grown(50)).version == 2
    site.now = START + timedelta(days=58)
    assert site.look(grown(100)).version == 3
    site.now = START + timedelta(days=60)
    new = site.state(ROWS)
    assert (new.version, new.life, new.columns) == (1, first.life, first.columns)
    assert new.usage.new_numbers == new.usage.numbers
    assert site.state(grown(50)).version == 2


# --- R20: how many rows differ


def test_one_row_more_ten_times_is_stopped_every_time() -> None:
    site = Site()
    assert code(site.state(ROWS)) is None
    assert {code(site.state(grown(n))) for n in range(1, 11)} == {Code.RULE_LIFE_CHANGE}
    assert len(site.lines) == 1
    assert code(site.look(ROWS)) is None


def test_without_the_limit_one_row_more_passes_ten_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what R20 stops is nothing else that would be stopped anyway."""
    monkeypatch.setattr("sandbox.life._least_change", lambda n_columns: 0)
    site = Site(WIDE)
    assert [(code(found), found.version) for found in [site.state(ROWS), *(site.state(grown(n)) for n in range(1, 11))]] == [
        (None, version) for version in range(1, 12)
    ]


@pytest.mark.parametrize("how", ["shuffled and renamed", "a column in inches", "a column rounded", "other levels", "all in other units"])
def test_one_row_more_is_stopped_whatever_else_is_done_to_the_file(how: str) -> None:
    site = Site(WIDE)
    site.state(ROWS)
    new, names = grown(1), NAMES
    match how:
        case "shuffled and renamed":
            new, names = np.random.default_rng(6).permutation(new)[:, ::-1], tuple("ABCDEFGHIJ")
        case "a column in inches":
            new[:, 5] = np.round(new[:, 5] / 2.54, 1)
        case "a column rounded":
            new[:, 4] = np.round(new[:, 4])
        case "other levels":
            new[:, 6] = 2 - new[:, 6]
        case _:
            new = new * -2.54 + 3
    assert code(site.look(new, names=names)) is Code.RULE_LIFE_CHANGE


def test_every_earlier_version_is_compared_not_only_the_last() -> None:
    site = Site()
    site.state(ROWS)
    assert code(site.state(grown(40))) is None
    assert code(site.look(np.vstack([ROWS, hospital(2, 7)]))) is Code.RULE_LIFE_CHANGE
    assert code(site.look(grown(41))) is Code.RULE_LIFE_CHANGE
    assert code(site.look(grown(80))) is None


def test_a_column_coded_anew_with_the_same_rows_is_a_version() -> None:
    site = Site()
    first = site.state(ROWS)
    inches = ROWS.copy()
    inches[:, 5] = np.round(inches[:, 5] / 2.54, 1)
    found = site.state(inches)
    assert (code(found), found.version, found.columns) == (None, 2, first.columns)


def test_with_more_columns_than_twenty_as_many_rows_must_differ() -> None:
    random = np.random.default_rng(8)
    rows, names = random.normal(size=(1000, 30)), tuple(f"c{i}" for i in range(30))
    site = Site(WIDE)
    site.state(rows, names=names)
    stop = site.look(np.vstack([rows, random.normal(size=(25, 30))]), names=names).stop
    assert stop is not None
    assert (stop.code, stop.details["found"], stop.details["limit"]) == (Code.RULE_LIFE_CHANGE, 25, 31)


# --- versions, errors


def test_one_version_more_than_the_policy_allows_is_stopped_and_known_ones_still_pass() -> None:
    site = Site(msgspec.structs.replace(WIDE, max_versions=3))
    assert [found.version for found in (site.state(ROWS), site.state(grown(50)), site.state(grown(100)))] == [1, 2, 3]
    stopped = site.look(grown(150))
    assert stopped.stop is not None
    assert (stopped.stop.code, stopped.stop.details) == (Code.RULE_LIFE_VERSIONS, {"found": 4, "limit": 3})
    assert [code(site.state(rows)) for rows in (grown(50), ROWS, grown(100))] == [None, None, None]


def test_an_upload_that_stated_no_card_is_no_version() -> None:
    site = Site()
    site.state(ROWS)
    assert [site.look(grown(n)).version for n in (50, 100, 150)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("first", "second", "is_stopped"),
    [
        ({"error": 0.0, "max_fits": 20}, {}, True),
        ({"error": 2.0}, {}, True),
        ({"max_fits": 5}, {}, True),
        ({"max_numbers": 150}, {}, True),
        ({"max_numbers": 300}, {}, False),
        ({"error": 0.0}, {"error": 0.0, "max_fits": 20}, False),
        ({}, {}, False),
    ],
)
def test_a_life_has_one_size_of_error(first: dict[str, Any], second: dict[str, Any], is_stopped: bool) -> None:
    site = Site(msgspec.structs.replace(DEFAULT, **first))
    life = site.state(ROWS).life
    site.policy = msgspec.structs.replace(DEFAULT, **second)
    assert (code(site.look(ROWS)) is Code.RULE_LIFE_ERROR) is is_stopped
    site.write(release_entry(life, "owner", "a reason"))
    assert (code(site.look(grown(100))) is Code.RULE_LIFE_ERROR) is is_stopped
    assert code(site.look(hospital(1000, 98))) is None


def test_the_more_a_life_may_tell_the_larger_its_errors_are_by_the_rows_of_its_first_version() -> None:
    sizes = [error_size(DEFAULT, n) for n in (150, 500, 1000, 2000, 1_000_000)]
    assert sizes == pytest.approx([2.5, 2.5, 2.5 * 2**0.5, 5.0, 5.0])
    # All that may be told of one cell is the same: numbers over the variance of their errors.
    assert [max_numbers(DEFAULT, n) / size**2 for n, size in zip((500, 1000, 2000, 10**6), sizes[1:], strict=True)] == pytest.approx(
        [16.0] * 4
    )
    site = Site()
    assert site.state(hospital(600, 1)).error == error_size(DEFAULT, 600)
    larger = site.state(np.vstack([hospital(600, 1), hospital(300, 2)]))
    assert (larger.version, larger.error, larger.usage.max_numbers) == (2, error_size(DEFAULT, 600), 120)


# --- numbers and fits


def test_numbers_that_contain_a_column_are_those_of_the_gram_its_fits_and_points() -> None:
    site = Site(WIDE)
    asks = asked(DISEASE, DIABETES, grams=(3,))
    decision = site.state(ROWS, asks)
    # Most is told of a target: the coefficients of its own fit, and as a predictor seven numbers of the other's.
    gram, own, as_predictor, gram_of_target = 10 + 2, 10, 2 + 5, 10 + 1
    assert decision.usage.column in (DISEASE, DIABETES)
    assert decision.usage.numbers == decision.usage.new_numbers == gram + own + as_predictor + gram_of_target
    fit = asks.fits[decision.usage.column == DIABETES]
    point = point_entry(decision, sketch_of(ROWS), asks, fit, BETA)
    site.write(point)
    assert site.look(ROWS, asks).usage.numbers == gram + 2 * own + as_predictor + gram_of_target
    site.write(point)
    assert site.look(ROWS, asks).usage.numbers == gram + 2 * own + as_predictor + gram_of_target
    other = site.look(ROWS, asked(1, predictors=(2,)))
    assert (other.usage.column, other.usage.new_numbers) == (1, n_about(Fit(1, (2,)), is_target=True))


@pytest.mark.parametrize("kind", ["own", "selection"])
def test_a_fit_tells_more_of_its_target_than_of_a_predictor_and_no_more_than_it_states(kind: Literal["own", "selection"]) -> None:
    fit = Fit(1, tuple(range(2, 12)), kind)
    about_target, about_predictor = (n_about(fit, is_target=is_target) for is_target in (True, False))
    assert 0 < about_predictor <= n_numbers(fit)
    assert 0 < about_target <= n_numbers(fit)
    assert kind == "selection" or about_predictor < about_target


def test_a_point_has_one_answer_in_a_life_whatever_the_order_of_columns() -> None:
    site = Site(WIDE)
    asks = asked(DISEASE, predictors=(1, 2, 3))
    decision = site.state(ROWS, asks)
    assert decision.points == {}
    site.write(point_entry(decision, sketch_of(ROWS), asks, asks.fits[0], (0.1, 0.2, 0.3, -1.0)))
    site.write(point_entry(decision, sketch_of(ROWS), asks, asks.fits[0], (0.5, 0.5, 0.5, 0.5)))
    assert site.look(ROWS, asks).points == {DISEASE: (0.1, 0.2, 0.3, -1.0)}
    assert site.look(ROWS, asked(DISEASE, predictors=(3, 1, 2))).points == {DISEASE: (0.3, 0.1, 0.2, -1.0)}
    assert site.look(ROWS, asked(DISEASE, predictors=(1, 2))).points == {}


def test_numbers_of_a_new_version_are_new_and_those_of_unchanged_columns_are_not() -> None:
    site = Site(WIDE)
    rows = np.nan_to_num(ROWS)
    one = site.state(rows, asked()).usage.numbers
    changed = rows.copy()
    changed[:100, SBP] += 1
    two = site.look(changed, asked()).usage
    # All twelve of the changed column are new; of another column the one with it.
    assert (two.column, two.numbers) == (SBP + 1, 2 * one)
    site = Site(WIDE)
    site.state(ROWS, asked())
    assert site.look(grown(100), asked()).usage.numbers == 2 * one


def test_sums_with_a_column_that_misses_cells_are_other_numbers_in_another_model_and_those_of_complete_columns_are_not() -> None:
    """What is filled depends on all columns of a model: jobs that ignore one column after another would be asked for nothing new."""
    n_left = len(NAMES) - 1
    for rows, new in ((np.nan_to_num(ROWS), 0), (ROWS, n_left + 2)):
        site = Site(WIDE)
        site.state(rows, asked())
        kept = [place for place in range(len(NAMES)) if place != 5]
        names = tuple(NAMES[place] for place in kept)
        assert site.look(rows[:, kept], asked(names=names), names).usage.new_numbers == new


def test_a_column_that_would_tell_too_much_stops_and_is_named() -> None:
    site = Site(msgspec.structs.replace(DEFAULT, max_numbers_per_row=0.023))
    assert code(site.state(ROWS, asked(DISEASE))) is None
    stop = site.look(ROWS, asked(DIABETES, predictors=(1, 2))).stop
    assert stop is None
    stop = site.look(ROWS, asked(DIABETES)).stop
    assert stop is not None
    assert stop.code is Code.RULE_LIFE_NUMBERS
    # The joint sums, its own fit, and as a predictor of the other one.
    assert stop.details == {"found": 12 + 10 + 7, "limit": 23, "column": "disease"}
    assert "disease" in stop.sentence
    # Up to a hundred numbers errors are of one size.
    site.policy = msgspec.structs.replace(DEFAULT, max_numbers_per_row=0.1)
    assert code(site.look(ROWS, asked(DIABETES))) is None


def test_own_fits_are_counted_over_jobs_and_versions_whatever_the_order_of_predictors() -> None:
    site = Site(msgspec.structs.replace(WIDE, max_fits=2))
    assert site.state(ROWS, asked(DISEASE)).usage.fits == 1
    assert site.state(ROWS, asked(DISEASE, predictors=(1, 2))).usage.fits == 2
    assert site.state(ROWS, asked(DISEASE, predictors=(2, 1))).usage.fits == 2
    assert site.state(grown(50), asked(DISEASE, predictors=(2, 1))).usage.fits == 2
    stopped = site.look(grown(50), asked(DISEASE, predictors=(1, 2, 3)))
    assert stopped.stop is not None
    assert (stopped.stop.code, stopped.stop.details) == (Code.RULE_LIFE_FITS, {"found": 3, "limit": 2})
    assert code(site.look(ROWS, asked(DISEASE))) is None


def test_what_a_contract_asks_is_a_fit_of_each_target_with_the_whole_model() -> None:
    contract = Contract(
        (
            Column("id", "ignored"),
            Column("a", "predictor"),
            Column("y", "target", "continuous"),
            Column("b", "target", "binary", ("0", "1")),
        )
    )
    assert Asked.of(contract, fits=[4], grams=[3]) == Asked({2: "a", 3: "y", 4: "b"}, (Fit(4, (2, 3)),), (3,))


# --- the owner


def test_the_owner_lets_the_next_card_pass_once() -> None:
    site = Site()
    life = site.state(ROWS).life
    assert code(site.look(grown(1))) is Code.RULE_LIFE_CHANGE
    site.write(release_entry(life, "owner", "a corrected cohort"))
    passed = site.state(grown(1))
    assert (passed.stop, passed.is_released, passed.life, passed.version) == (None, True, life, 2)
    assert code(site.look(grown(2))) is Code.RULE_LIFE_CHANGE
    assert code(site.look(grown(1))) is None


def test_a_release_of_another_life_lets_nothing_pass() -> None:
    site = Site()
    site.state(ROWS)
    other = site.state(hospital(1000, 97)).life
    site.write(release_entry(other, "owner", "a reason"))
    assert code(site.look(grown(1))) is Code.RULE_LIFE_CHANGE


def test_a_release_needs_a_name_and_a_reason() -> None:
    for by, reason in (("", "a reason"), ("owner", " ")):
        with pytest.raises(ValueError, match="a name and a reason"):
            release_entry("life", by, reason)


# --- lines


def test_a_stopped_card_has_no_line() -> None:
    site = Site()
    site.state(ROWS)
    with pytest.raises(ValueError, match="does not leave"):
        life_entry(site.look(grown(1)), sketch_of(grown(1)), asked(DISEASE))


def test_a_damaged_line_about_lives_is_an_error_and_other_lines_are_not_read() -> None:
    site = Site()
    site.write({"kind": "release", "life": 3, "columns": "?"})
    site.state(ROWS)
    del site.lines[-1]["contents"]
    with pytest.raises(ValueError, match="damaged"):
        site.look(ROWS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62)))
def test_packed_numbers_come_back(numbers: list[int]) -> None:
    assert unpack(pack(numbers)) == numbers


def test_a_packed_number_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(ValueError, match="cut off"):
        unpack(pack([1 << 20])[:-1])


STEPS = st.lists(st.sampled_from(["again", "one more", "fifty more", "shuffled", "other targets", "release"]), max_size=6)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_happens_no_two_cards_of_a_life_differ_by_few_rows_unless_the_owner_let_them(steps: list[str]) -> None:
    site = Site(msgspec.structs.replace(WIDE, max_versions=3))
    stated = [site.state(ROWS)]
    n = n_released = 0
    sizes = {0}
    for step in steps:
        if step == "release":
            site.write(release_entry(stated[0].life, "owner", "a reason"))
            continue
        n += {"one more": 1, "fifty more": 50}.get(step, 0)
        rows = np.random.default_rng(n).permutation(grown(n)) if step == "shuffled" else grown(n)
        found = site.state(rows, asked(DIABETES) if step == "other targets" else asked(DISEASE))
        assert found.life == stated[0].life
        if found.stop is None:
            is_close = n not in sizes and min(abs(n - size) for size in sizes) < 20
            assert found.is_released >= is_close
            n_released += found.is_released
            sizes.add(n)
            stated.append(found)
    assert n_released <= steps.count("release")
    assert len({found.version for found in stated}) == len(sizes) <= 3 + n_released


def test_a_sketch_passes_through_a_ledger_as_it_was(tmp_path: Any) -> None:
    site = Site()
    decision = site.look(ROWS)
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(msgspec.json.encode(life_entry(decision, sketch_of(ROWS), asked(DISEASE))))
    ledger.append(msgspec.json.encode({"kind": "wipe"}))
    ledger.close()
    (line,) = entries_of_kinds(ledger.path, ("life", "life_point", "life_release"))
    assert msgspec.convert(line["sketch"], FileSketch) == sketch_of(ROWS)
    assert decide([line], sketch_of(ROWS), asked(DISEASE), DEFAULT, datetime.now(UTC)).version == 1


def test_more_numbers_about_a_column_than_a_life_may_state_are_stopped_whatever_the_rows() -> None:
    limit = Site(WIDE).look(ROWS, asked(DISEASE)).usage.numbers
    for allowed, found in ((limit, None), (limit - 1, Code.RULE_LIFE_NUMBERS)):
        decision = Site(msgspec.structs.replace(WIDE, max_numbers=allowed)).look(ROWS, asked(DISEASE))
        assert code(decision) == found
    # The points of the fit as well: there is no room for them where there is room for the fit alone.
    asks = asked(DISEASE)
    for allowed, has_room in ((limit, False), (10 * limit, True)):
        policy = msgspec.structs.replace(WIDE, max_numbers=allowed)
        assert has_room_for_points(Site(policy).look(ROWS, asks), asks, policy) is has_room
