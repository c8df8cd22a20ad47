"""Sums of cross-products before and after code that sees rows fills a binary target differ by the rows whose cells changed: never by a few.

b is missing for some people; y is seen for all, so that the Gram of y has the imputed cells of b in it. X'X there has Σ b × (age, y, 1).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from policies import Policy
from sandbox.errors import Code
from sandbox.gate.guard import Refusal
from tests.disclosure.people import CENTRE, DEFAULT, OFF, WIDTH, people
from tests.disclosure.played import Site, Values

SWEEPS = 40


def few_missing(n_missing: int, share: float) -> dict[str, Values]:
    """A thousand people, b missing for some; every age is another one, so that a sum over one person is that person's age."""
    random = np.random.default_rng(7)
    data = people()
    data["age"] = np.round(np.clip(random.normal(CENTRE, WIDTH, 1000), 18, 86) + np.arange(1000) * 1e-4, 4)
    data["b"] = (random.random(1000) < share).astype(float)
    data["b"][random.choice(1000, n_missing, replace=False)] = np.nan
    return data


def sums(played: Site) -> Values:
    """Σ over all rows of b × (age, b, 1), ages in raw units."""
    row = played.moments("y")["XX"][1]
    return np.array([WIDTH * row[0] + CENTRE * row[2], row[1], row[2]])


def states(policy: Policy, data: dict[str, Values], share: float) -> Iterator[tuple[Values, str]]:
    """Sums after each of many ordinary fills, from the start values on, and what the ledger says of the rule."""
    played = Site(data, {"y": "continuous", "b": "binary"}, policy, sweeps=SWEEPS)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], mean=[CENTRE, 0.0, share])
    yield sums(played), "begun"
    for _ in range(SWEEPS):
        played.moments("b")
        verdict = played.fill("b", [0.0, 0.0, float(np.log(share / (1 - share)))])
        yield sums(played), verdict


def people_found(found: list[Values], data: dict[str, Values]) -> set[float]:
    """Ages of people whose b is missing that are the difference of two answers, or of an answer and what the Gram of b has."""
    missing = data["age"][np.isnan(data["b"])]
    known = ~np.isnan(data["b"])
    static = np.array([data["b"][known] @ data["age"][known], data["b"][known].sum(), data["b"][known].sum()])
    ages = set()
    for first in found:
        for second in [static, *found]:
            age, _, count = first - second
            if round(count) == 1:
                ages |= {one for one in missing if abs(one - age) < 2e-5}
    return ages


def test_differences_of_redraws_tell_ages_where_no_rule_is_on() -> None:
    data = few_missing(20, 0.1)
    found = [answer for answer, _ in states(OFF, data, 0.1)]
    assert len(people_found(found, data)) > 10, "most of the twenty, exactly"


@pytest.mark.parametrize(("n_missing", "share"), [(20, 0.1), (20, 0.5), (60, 0.1), (100, 0.1)])
def test_rows_of_which_few_cells_would_change_take_no_part_and_the_site_is_told(n_missing: int, share: float) -> None:
    data = few_missing(n_missing, share)
    (found,) = Site(data, {"y": "continuous", "b": "binary"}, DEFAULT).report.findings
    assert (found.code.value, found.severity, found.details["found"]) == ("rule.redraw", "notice", n_missing)
    answers = [answer for answer, _ in states(DEFAULT, data, share)]
    assert people_found(answers, data) == set()
    assert len({answer.tobytes() for answer in answers}) == 1


@pytest.mark.parametrize(("n_missing", "share"), [(50, 0.1), (100, 0.02), (100, 0.03), (100, 0.97)])
def test_draws_of_many_cells_of_which_few_change_tell_nobody_and_are_noted(n_missing: int, share: float) -> None:
    data = few_missing(n_missing, 0.5)
    found = [*states(DEFAULT, data, share)]
    assert people_found([answer for answer, _ in found], data) == set()
    assert {verdict for _, verdict in found[1:]} == {"notice"}


def test_where_many_cells_change_every_draw_is_taken() -> None:
    found = [*states(DEFAULT, few_missing(200, 0.5), 0.5)]
    assert {verdict for _, verdict in found[1:]} == {"pass"}
    assert len({answer.tobytes() for answer, _ in found}) == SWEEPS + 1


def test_a_draw_that_is_not_taken_is_counted_and_refuses_nothing() -> None:
    played = Site(few_missing(100, 0.5), {"y": "continuous", "b": "binary"}, DEFAULT, sweeps=1)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], mean=[CENTRE, 0.0, 0.5])
    before = played.moments("y")["XX"]
    played.moments("b")
    assert played.fill("b", [0.0, 0.0, -4.0]) == "notice"
    assert np.array_equal(played.moments("y")["XX"], before)
    played.moments("b")
    with pytest.raises(Refusal) as caught:
        played.fill("b", [0.0, 0.0, -4.0])
    assert caught.value.code is Code.RULE_DRAW_SCHEDULE


def test_cells_that_few_would_see_change_stay_too() -> None:
    # c is missing for most that miss b: the Gram of c has fifty of them, of whom five or so would become a 1.
    data = few_missing(200, 0.5)
    missing = np.flatnonzero(np.isnan(data["b"]))
    data["c"] = np.random.default_rng(8).normal(size=1000).round(3)
    data["c"][missing[50:]] = np.nan
    played = Site(data, {"y": "continuous", "b": "binary", "c": "continuous"}, DEFAULT, sweeps=SWEEPS)
    played.begin(centre=[CENTRE, 0.0, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0, 1.0], mean=[CENTRE, 0.0, 0.5, 0.0])
    answers = set()
    for _ in range(SWEEPS):
        played.moments("b")
        played.fill("b", [0.0, 0.0, 0.0, -2.2])
        answers.add(played.moments("c")["XX"].tobytes())
    assert len(answers) == 1


def two_coins() -> dict[str, Values]:
    """A thousand people, two binary targets missing for the same two hundred; everybody's age is another one."""
    random = np.random.default_rng(7)
    data = few_missing(200, 0.5)
    data["dose"] = np.round(random.normal(5, 1, 1000), 2)
    data["c"] = np.where(np.isnan(data["b"]), np.nan, random.random(1000) < 0.5)
    return data


def copied(policy: Policy, steepness: float) -> tuple[int, set[str]]:
    """How many people's age and dose are found by drawing c as a copy of b, again and again, and what the ledger says of the rule.

    Of the cells of c one in 400 is not that of b; b itself is drawn by coins. Σ b z − Σ c z in the Gram of y, less what the two Grams of b
    and of c have of it, are the values z of the people whose cells differ.
    """
    data = two_coins()
    played = Site(data, {"y": "continuous", "b": "binary", "c": "binary"}, policy, sweeps=SWEEPS)
    played.begin(centre=[CENTRE, 0.0, 0.0, 5.0, 0.0], scale=[WIDTH, 1.0, 1.0, 1.0, 1.0], mean=[CENTRE, 0.0, 0.5, 5.0, 0.5])
    known_b, known_c = (played.moments(name)["Xy"] for name in ("b", "c"))
    people_ = {*zip(data["age"][np.isnan(data["b"])], data["dose"][np.isnan(data["b"])], strict=True)}
    found, verdicts = set(), set()
    for _ in range(SWEEPS):
        played.moments("b")
        played.moments("c")
        copy = [0.0, 0.0, 2 * steepness, 0.0, -steepness]
        kept = {played.fill("b", [0.0] * 5), played.fill("c", copy)}
        verdicts.add("notice" if "notice" in kept else "pass")
        XX = played.moments("y")["XX"]
        age, dose, count = (XX[1][[0, 2, 4]] - known_b[[0, 2, 4]]) - (XX[3][[0, 2, 4]] - known_c[[0, 3, 4]])
        if abs(round(count)) == 1:
            age, dose = CENTRE + WIDTH * age / count, 5 + dose / count
            found |= {one for one in people_ if abs(one[0] - age) < 2e-5 and abs(one[1] - dose) < 2e-5}
    return len(found), verdicts


def test_a_copy_of_another_target_tells_people_where_no_rule_is_on_and_nobody_under_default() -> None:
    assert copied(OFF, 5.3)[0] > 5
    assert copied(DEFAULT, 5.3) == (0, {"notice"})
    assert copied(DEFAULT, 0.0) == (0, {"pass"}), "two coins are no copy"


@pytest.mark.parametrize("steepness", [9.9, 0.0])
def test_a_copy_of_levels_that_are_columns_of_their_own_is_not_taken(steepness: float) -> None:
    # d and e are two of four levels; c is drawn as "one of these two", which is no column but a sum of two.
    data = two_coins()
    level = np.random.default_rng(9).integers(0, 4, 1000)
    del data["b"]
    data["d"], data["e"] = (level == 0).astype(float), (level == 1).astype(float)
    played = Site(data, {"y": "continuous", "c": "binary"}, DEFAULT, sweeps=1)
    played.begin(centre=[CENTRE, 0.0, 5.0, 0.0, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0, 1.0, 1.0, 1.0], mean=[CENTRE, 0.0, 5.0, 0.5, 0.0, 0.0])
    played.moments("c")
    verdict = played.fill("c", [0.0, 0.0, 0.0, 2 * steepness, 2 * steepness, -steepness])
    assert verdict == ("notice" if steepness else "pass")
