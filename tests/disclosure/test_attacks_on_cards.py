"""Who knows all but one cell of a file does not read it off its card; with a rule off, or without errors, that one does."""

from __future__ import annotations

import numpy as np
import pytest

from policies import Policy, built_in, life_budget
from policies.wide_open import wide_open
from sandbox.gate import card, coding, stated_fits
from sandbox.gate.sticky import Contents, Errors
from tests.disclosure.cell_attacks import ATTACKS, factors, table, ward, windows
from tests.disclosure.one_cell import GUESS, Case, Job, left
from tests.disclosure.one_cell_study import few_shown, people
from tests.disclosure.reviewers_run import play
from tests.disclosure.reviewers_study import limits
from tests.disclosure.secret_columns import told
from tests.disclosure.stated import is_admitted

DEFAULT, STRICT = built_in("default"), built_in("strict")
LITTLE = 0.47
"""Of the sd of an age: what tells it to the year five times in a hundred more than a guess."""
FEW = 10
ALWAYS = {"alone at one of 4 values", "100 windows of a lab", "100 labs"}
STOPPED = {"default": ALWAYS, "strict": ALWAYS | {"ten targets", "ten targets, steep"}}
"""No card leaves: for a value that fewer than ten people have, windows about one person, more numbers than a life may state."""


@pytest.mark.parametrize("name", ATTACKS)
def test_without_errors_every_attack_finds_everybody(name: str) -> None:
    found = people(name, wide_open(), 2)
    # With ten steep targets the decoder's polynomial is off by a year now and then; of 20 people it found 19.
    assert found.recovered >= found.people - 1 == 1
    assert found.psd < 0.1


@pytest.mark.parametrize("policy", [DEFAULT, STRICT], ids=lambda policy: policy.name)
@pytest.mark.parametrize("name", ATTACKS)
def test_at_the_end_of_a_life_an_age_is_told_to_the_year_hardly_more_often_than_a_guess_tells_it(name: str, policy: Policy) -> None:
    n_people = 10 if len(ATTACKS[name](np.random.default_rng(0)).jobs) == 1 else 3
    found = people(name, policy, n_people)
    if name in STOPPED[policy.name]:
        assert found.people == 0
        return
    assert found.people == n_people
    # Few people: a flaw that tells everybody shows, and chance does not. Many people are tried by the study.
    share = GUESS + 0.05
    assert found.recovered <= found.people * share + 3 * (found.people * share * (1 - share)) ** 0.5
    # What the attacker has every reason to expect is measured better by a few people than what comes out. The goal is .05; what is
    # missed by how much is in policies/README.md.
    assert found.chance < GUESS + 0.1


def test_with_errors_that_do_not_grow_with_what_it_may_tell_a_life_tells_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten targets and their chosen points at once, of a file with rows enough for them."""
    random = np.random.default_rng(3)
    cases = [Case([Job(ward(random, 3000, table(random, 3000, 3), targets=10))], has_points=True) for _ in range(4)]

    def chance() -> float:
        outcomes = [left(case, DEFAULT, b"a secret") for case in cases]
        assert all(outcome.n_stated for outcome in outcomes)
        return float(np.mean([outcome.chance for outcome in outcomes]))

    grown = chance()
    monkeypatch.setattr(life_budget, "NUMBERS_AT_NO_COST", 10**9)
    assert grown < GUESS + 0.07 < GUESS + 0.09 < chance()


def test_errors_of_another_size_are_other_errors() -> None:
    one, other = (Errors(b"secret", b"life", size).normal("sum", ("a",), (b"a",)) for size in (1.0, 1.2))
    assert one != other


def test_columns_with_the_same_cells_have_one_name_and_those_with_equal_counts_have_not() -> None:
    random = np.random.default_rng(0)
    age, flag = random.normal(size=200), np.arange(200) < 80
    cells = np.array([age, flag, age, random.permutation(flag), flag], dtype=float)
    contents = Contents(b"secret", lambda: [cells.copy()], np.array([False, True, False, True, True]))
    assert contents.named(("e", "b", "a", "d", "c")) == ("a", "b", "a", "d", "b")


@pytest.mark.parametrize("policy", [DEFAULT, STRICT], ids=lambda policy: policy.name)
def test_somebody_alone_at_a_level_of_many_keeps_the_file_from_stating_a_card(policy: Policy) -> None:
    random = np.random.default_rng(2)
    assert not is_admitted(factors(random, 1500, 1), policy)
    # Alone in a cell of two of them, with ten and more others at either level, she is one of many to every rule: errors are what hides her.
    assert is_admitted(factors(random, 1500, 2), policy)


def test_who_is_far_out_in_a_lab_is_not_known_better_for_it_but_without_the_floor_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert people("far out in a lab", DEFAULT, FEW).chance < GUESS + 0.05
    for module in (card, stated_fits):
        monkeypatch.setattr(module, "SHARE_OF_FARTHEST", 0.0)
    assert people("far out in a lab", DEFAULT, FEW).chance > GUESS + 0.08


def test_a_file_with_windows_about_one_person_states_nothing_and_would_tell_more_than_one_with_few() -> None:
    random = np.random.default_rng(1)
    for n_windows, is_admitted_by in ((20, (True, True)), (40, (True, False)), (100, (False, False))):
        file = windows(random, 1000, n_windows)
        assert tuple(is_admitted(file, policy) for policy in (DEFAULT, STRICT)) == is_admitted_by
    few, many = ([Case([Job(windows(np.random.default_rng(seed), 1000, number))]) for seed in range(FEW)] for number in (20, 100))
    chances = [np.mean([left(case, DEFAULT, b"a secret", has_rules=False).chance for case in cases]) for cases in (few, many)]
    assert chances[1] > chances[0] + 0.015


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


def test_a_life_at_a_real_site_tells_what_one_in_memory_does() -> None:
    assert play("whole_life", "--open", victims=3).share >= 0.9
    for policy in ("default", "strict"):
        found = play("whole_life", "--policy", policy, "--secret", "a secret", victims=3)
        assert limits(found.recovered, found.victims)[0] < GUESS + 0.05
        # Under `strict` no point is answered: the card is all that there is.
        assert (found.questions > 0) == (policy == "default")
