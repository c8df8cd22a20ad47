"""Who knows all but one cell of a file does not read it off its card; with a rule off, or without errors, that one does."""

from __future__ import annotations

import numpy as np
import pytest

from policies import Policy, built_in
from policies.wide_open import wide_open
from sandbox.gate import card, coding, stated_fits
from tests.disclosure.one_cell import ATTACKS, GUESS, Case, factors, left, table, ward, windows
from tests.disclosure.one_cell_study import few_shown, people
from tests.disclosure.reviewers_run import play
from tests.disclosure.reviewers_study import limits
from tests.disclosure.secret_columns import told
from tests.disclosure.stated import is_admitted

DEFAULT, STRICT = built_in("default"), built_in("strict")
LITTLE = 0.47
"""Of the sd of an age: what tells it to the year five times in a hundred more than a guess."""
FEW, MANY = 20, 60


@pytest.mark.parametrize("name", ATTACKS)
def test_without_errors_every_attack_finds_everybody(name: str) -> None:
    assert people(name, wide_open(), 3).recovered == 3


@pytest.mark.parametrize("policy", [DEFAULT, STRICT], ids=lambda policy: policy.name)
@pytest.mark.parametrize(
    "name",
    [
        "alone in 2 yes/no columns",
        "alone in 4 yes/no columns",
        "alone at one of 6 values",
        "alone at one of 12 values",
        "alone in a cell of two factors of 12 levels",
    ],
)
def test_an_age_is_told_to_the_year_hardly_more_often_than_a_guess_tells_it(name: str, policy: object) -> None:
    found = people(name, policy, MANY)  # type: ignore[arg-type]
    assert found.people == MANY
    assert found.psd > LITTLE
    assert limits(found.recovered, found.people)[0] < GUESS + 0.05


@pytest.mark.parametrize("policy", [DEFAULT, STRICT], ids=lambda policy: policy.name)
def test_somebody_alone_at_a_level_of_many_keeps_the_file_from_stating_a_card(policy: Policy) -> None:
    random = np.random.default_rng(2)
    assert not is_admitted(factors(random, 600, 1), policy)
    # Alone in a cell of two of them, with ten and more others at either level, she is one of many to every rule: errors are what hides her.
    assert is_admitted(factors(random, 600, 2), policy)


@pytest.mark.parametrize("name", ["five versions", "comes with twenty, five versions", "chosen common point", "five targets"])
def test_neither_versions_nor_a_chosen_point_nor_more_fits_tell_an_age_to_the_year(name: str) -> None:
    found = people(name, DEFAULT, FEW)
    assert found.people == FEW
    assert found.psd > LITTLE


def test_who_is_far_out_in_a_lab_is_not_known_better_for_it_but_without_the_floor_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert people("far out in a lab", DEFAULT, FEW).psd > 0.4
    for module in (card, stated_fits):
        monkeypatch.setattr(module, "SHARE_OF_FARTHEST", 0.0)
    assert people("far out in a lab", DEFAULT, FEW).psd < 0.3


def test_a_file_with_windows_about_one_person_states_nothing_and_would_tell_more_than_one_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    for n_windows, is_admitted_by in ((20, (True, True)), (40, (True, False)), (100, (False, False))):
        file = windows(random, 1000, n_windows)
        assert tuple(is_admitted(file, policy) for policy in (DEFAULT, STRICT)) == is_admitted_by
    errors = [left(Case([windows(np.random.default_rng(seed), 1000, 100)]), DEFAULT, b"%d" % seed)[0] for seed in range(FEW)]
    assert np.sqrt(np.mean(np.square(errors))) / 9.0 < LITTLE


def test_a_column_that_few_rows_show_is_no_better_known_over_versions_but_without_multiples_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert few_shown(1000, 50, DEFAULT, 5, 40) > 0.5
    monkeypatch.setattr(coding, "ONCE_AND_FILLED", 1e9)
    assert few_shown(1000, 50, DEFAULT, 5, 40) < 0.5


@pytest.mark.parametrize("name", ["age", "y0"])
def test_a_secret_column_is_told_no_further_than_the_numbers_about_it_say(name: str) -> None:
    random = np.random.default_rng(1)
    found = told(ward(random, 300, table(random, 300, 3), targets=5, spread=1.8), name, DEFAULT, b"a secret")
    assert found.share < found.bound
    # Control: nearly every number tells of cells when there are no errors.
    exact = told(ward(random, 120, table(random, 120, 3), targets=3), name, wide_open(), b"a secret")
    assert exact.share > 0.2


def test_a_card_that_left_a_gate_tells_what_a_card_in_memory_does() -> None:
    assert play("one_cell_of_a_card", "--open", victims=5).share >= 0.9
    assert play("one_cell_of_a_card", victims=15).share <= 0.2
