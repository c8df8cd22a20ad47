"""Attacks on a real, locked site through `tidegate probe --central`: with the rules off each recovers people, which is the control.

What each recovers under a policy is in one table. A number that changes, for the better too, is to be looked at.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.disclosure.reviewers_run import FILES, OF_CARDS, OF_THE_GATE, play

LEAKS: Final = "leaks"
CLOSED: Final = "closed"
STOPPED: Final = "stopped at the upload"
ABOVE_GUESS: Final = 0.05
"""What an attack may find beyond a guess and still count as closed, besides chance."""
EXPECTED: Final = {
    ("growing_cohort", "default"): STOPPED,
    ("growing_cohort", "strict"): STOPPED,
    ("missing_outcome", "default"): CLOSED,
    ("missing_outcome", "strict"): CLOSED,
    ("one_column", "default"): CLOSED,
    ("one_column", "strict"): CLOSED,
    ("ordered_levels", "default"): CLOSED,
    ("ordered_levels", "strict"): CLOSED,
    ("real_patients", "default"): CLOSED,
    ("real_patients", "strict"): CLOSED,
}
CONTROL: Final = 0.9


def most_by_chance(victims: int, guess: float) -> int:
    """As many as guessing and the allowance recover in all but one of some hundred runs: three standard deviations above the mean."""
    share = guess + ABOVE_GUESS
    return round(victims * share + 3 * (victims * share * (1 - share)) ** 0.5)


@pytest.mark.parametrize("name", OF_THE_GATE)
def test_with_the_rules_off_the_attack_recovers_people(name: str) -> None:
    found = play(name, "--open")
    assert found.victims >= 10
    assert found.share >= CONTROL


@pytest.mark.parametrize(("name", "policy"), EXPECTED)
def test_under_a_policy_it_recovers_what_the_table_says(name: str, policy: str) -> None:
    found = play(name, "--policy", policy, "--secret", "a secret of the site")
    if EXPECTED[name, policy] == LEAKS:
        assert found.share > 0.5
    elif EXPECTED[name, policy] == STOPPED:
        assert (found.victims, found.questions) == (0, 0)
        assert found.files_stopped > 0
    else:
        assert found.recovered <= most_by_chance(found.victims, found.guess)
        # A file that is stopped tells nothing, and proves nothing either: something must have been asked.
        assert found.victims >= 10


def test_every_file_with_an_attack_is_played_here() -> None:
    assert {path.stem for path in FILES.glob("*.py") if "def attack(" in path.read_text(encoding="utf-8")} == {*OF_THE_GATE, *OF_CARDS}
