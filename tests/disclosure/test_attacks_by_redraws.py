"""The difference of two Grams, before and after a draw of a binary target, is about the rows whose cells changed: never about a few.

b is missing for some people; y is seen for all, so that the Gram of y has the imputed cells of b in it. X'X there has Σ b × (age, y, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from policies import Policy
from tests.disclosure.people import CENTRE, DEFAULT, OFF, WIDTH, people
from tests.disclosure.played import Site, Values, part

SWEEPS = 40


def few_missing(n_missing: int, share: float) -> dict[str, Values]:
    """A thousand people, b missing for some; every age is another one, so that a sum over one person is that person's age."""
    random = np.random.default_rng(7)
    data = people()
    data["age"] = np.round(np.clip(random.normal(CENTRE, WIDTH, 1000), 18, 86) + np.arange(1000) * 1e-4, 4)
    data["b"] = (random.random(1000) < share).astype(float)
    data["b"][random.choice(1000, n_missing, replace=False)] = np.nan
    return data


def sums(reply: object) -> Values:
    """Σ over all rows of b × (age, b, 1), ages in raw units."""
    row = part(reply, "moments", "XX")[1]  # type: ignore[arg-type]
    return np.array([WIDTH * row[0] + CENTRE * row[2], row[1], row[2]])


def states(site: Callable[..., Site], policy: Policy, data: dict[str, Values], share: float) -> Iterator[tuple[Values, str]]:
    """Sums after each of many ordinary draws, from the start values on, and what the ledger says of the rule."""
    played = site(data, {"y": "continuous", "b": "binary"}, policy, sweeps=SWEEPS)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], mean=[CENTRE, 0.0, share])
    yield sums(played.moments("y")[0]), "begun"
    for _ in range(SWEEPS):
        played.moments("b")
        reply, entry = played.moments("y", played.draw("b", [0.0, 0.0, float(np.log(share / (1 - share)))]))
        yield sums(reply), entry["rules"]["redraw"]


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


def test_differences_of_redraws_tell_ages_where_no_rule_is_on(site) -> None:
    data = few_missing(20, 0.1)
    found = [answer for answer, _ in states(site, OFF, data, 0.1)]
    assert len(people_found(found, data)) > 10, "most of the twenty, exactly"


@pytest.mark.parametrize(("n_missing", "share"), [(20, 0.1), (20, 0.5), (60, 0.1), (100, 0.1)])
def test_rows_of_which_few_cells_would_change_take_no_part_and_the_site_is_told(site, n_missing: int, share: float) -> None:
    data = few_missing(n_missing, share)
    (found,) = site(data, {"y": "continuous", "b": "binary"}, DEFAULT).report.findings
    assert (found.code.value, found.severity, found.details["found"]) == ("rule.redraw", "notice", n_missing)
    answers = [answer for answer, _ in states(site, DEFAULT, data, share)]
    assert people_found(answers, data) == set()
    assert len({answer.tobytes() for answer in answers}) == 1


@pytest.mark.parametrize(("n_missing", "share"), [(50, 0.1), (100, 0.02), (100, 0.05), (100, 0.97)])
def test_draws_of_many_cells_of_which_few_change_tell_nobody_and_are_noted(site, n_missing: int, share: float) -> None:
    data = few_missing(n_missing, 0.5)
    found = [*states(site, DEFAULT, data, share)]
    assert people_found([answer for answer, _ in found], data) == set()
    assert {verdict for _, verdict in found[1:]} == {"notice"}


def test_where_many_cells_change_every_draw_is_taken(site) -> None:
    found = [*states(site, DEFAULT, few_missing(200, 0.5), 0.5)]
    assert {verdict for _, verdict in found[1:]} == {"pass"}
    assert len({answer.tobytes() for answer, _ in found}) == SWEEPS + 1


def test_a_draw_that_is_not_taken_is_counted_and_refuses_nothing(site) -> None:
    played = site(few_missing(100, 0.5), {"y": "continuous", "b": "binary"}, DEFAULT, sweeps=1)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], mean=[CENTRE, 0.0, 0.5])
    before = part(played.moments("y")[0], "moments", "XX")
    draw = played.draw("b", [0.0, 0.0, -4.0])
    played.moments("b")
    reply, entry = played.moments("y", draw)
    assert np.array_equal(part(reply, "moments", "XX"), before)
    assert entry["rules"]["redraw"] == "notice"
    played.moments("b")
    assert played.moments("y", draw)[0].refused == "rule.draw_schedule"


def test_cells_that_few_would_see_change_stay_too(site) -> None:
    # c is missing for most that miss b: the Gram of c has fifty of them, of whom five or so would become a 1.
    data = few_missing(200, 0.5)
    missing = np.flatnonzero(np.isnan(data["b"]))
    data["c"] = np.random.default_rng(8).normal(size=1000).round(3)
    data["c"][missing[50:]] = np.nan
    played = site(data, {"y": "continuous", "b": "binary", "c": "continuous"}, DEFAULT, sweeps=SWEEPS)
    played.begin(centre=[CENTRE, 0.0, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0, 1.0], mean=[CENTRE, 0.0, 0.5, 0.0])
    answers = set()
    for _ in range(SWEEPS):
        played.moments("b")
        reply, _ = played.moments("c", played.draw("b", [0.0, 0.0, 0.0, -2.2]))
        answers.add(part(reply, "moments", "XX").tobytes())
    assert len(answers) == 1


def two_coins() -> dict[str, Values]:
    """A thousand people, two binary targets missing for the same two hundred; everybody's age is another one."""
    random = np.random.default_rng(7)
    data = few_missing(200, 0.5)
    data["dose"] = np.round(random.normal(5, 1, 1000), 2)
    data["c"] = np.where(np.isnan(data["b"]), np.nan, random.random(1000) < 0.5)
    return data


def copied(site: Callable[..., Site], policy: Policy, steepness: float) -> tuple[int, set[str]]:
    """How many people's age and dose are found by drawing c as a copy of b, again and again, and what the ledger says of the rule.

    Of the cells of c one in 400 is not that of b; b itself is drawn by coins. Σ b z − Σ c z in the Gram of y, less what the two Grams of b
    and of c have of it, are the values z of the people whose cells differ.
    """
    data = two_coins()
    played = site(data, {"y": "continuous", "b": "binary", "c": "binary"}, policy, sweeps=SWEEPS)
    played.begin(centre=[CENTRE, 0.0, 0.0, 5.0, 0.0], scale=[WIDTH, 1.0, 1.0, 1.0, 1.0], mean=[CENTRE, 0.0, 0.5, 5.0, 0.5])
    known_b, known_c = (part(played.moments(name)[0], "moments", "Xy") for name in ("b", "c"))
    people_ = {*zip(data["age"][np.isnan(data["b"])], data["dose"][np.isnan(data["b"])], strict=True)}
    found, verdicts = set(), set()
    for _ in range(SWEEPS):
        played.moments("b")
        played.moments("c")
        copy = [0.0, 0.0, 2 * steepness, 0.0, -steepness]
        reply, entry = played.moments("y", played.draw("b", [0.0] * 5), played.draw("c", copy))
        verdicts.add(entry["rules"]["redraw"])
        XX = part(reply, "moments", "XX")
        age, dose, count = (XX[1][[0, 2, 4]] - known_b[[0, 2, 4]]) - (XX[3][[0, 2, 4]] - known_c[[0, 3, 4]])
        if abs(round(count)) == 1:
            age, dose = CENTRE + WIDTH * age / count, 5 + dose / count
            found |= {one for one in people_ if abs(one[0] - age) < 2e-5 and abs(one[1] - dose) < 2e-5}
    return len(found), verdicts


def test_a_copy_of_another_target_tells_people_where_no_rule_is_on_and_nobody_under_default(site) -> None:
    assert copied(site, OFF, 5.3)[0] > 5
    assert copied(site, DEFAULT, 5.3) == (0, {"notice"})
    assert copied(site, DEFAULT, 0.0) == (0, {"pass"}), "two coins are no copy"


@pytest.mark.parametrize("steepness", [9.9, 0.0])
def test_a_copy_of_levels_that_are_columns_of_their_own_is_not_taken(site, steepness: float) -> None:
    # d and e are two of four levels; c is drawn as "one of these two", which is no column but a sum of two.
    data = two_coins()
    level = np.random.default_rng(9).integers(0, 4, 1000)
    del data["b"]
    data["d"], data["e"] = (level == 0).astype(float), (level == 1).astype(float)
    played = site(data, {"y": "continuous", "c": "binary"}, DEFAULT, sweeps=1)
    played.begin(centre=[CENTRE, 0.0, 5.0, 0.0, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0, 1.0, 1.0, 1.0], mean=[CENTRE, 0.0, 5.0, 0.5, 0.0, 0.0])
    played.moments("c")
    draw = played.draw("c", [0.0, 0.0, 0.0, 2 * steepness, 2 * steepness, -steepness])
    assert played.moments("y", draw)[1]["rules"]["redraw"] == ("notice" if steepness else "pass")


def three_missing_together(n: int, n_missing: int) -> dict[str, Values]:
    """y, b and c are missing together, t is seen for all; every age is another one."""
    random = np.random.default_rng(7)
    age = np.round(np.clip(random.normal(CENTRE, WIDTH, n), 18, 86) + np.arange(n) * 1e-4, 4)
    data = {"age": age, "dose": np.round(random.normal(5, 1, n), 2), "t": np.round(random.normal(size=n), 2)}
    data |= {"y": 3 * np.round(random.normal(size=n), 2), "b": 1.0 * (random.random(n) < 0.5), "c": 1.0 * (random.random(n) < 0.5)}
    missing = random.choice(n, n_missing, replace=False)
    for name in "ybc":
        data[name][missing] = np.nan
    return data


def carried(site: Callable[..., Site], policy: Policy) -> tuple[int, int]:
    """b is carried over in the sign of y and drawn anew; c is drawn from y: the old b but for a few flips. How many people that tells, and
    how often the site kept its cells."""
    sweeps, wide, narrow = 100, 10.0, 5.0
    data = three_missing_together(1000, 450)
    played = site(data, {"t": "continuous", "y": "continuous", "b": "binary", "c": "binary"}, policy, sweeps=sweeps)
    played.begin(centre=[CENTRE, 5, 0, 0, 0, 0], scale=[WIDTH, 1, 1, 1, 1, 1], mean=[CENTRE, 5, 0, 0, 0.5, 0.5])
    shown = {name: part(played.moments(name)[0], "moments", "Xy")[[0, 1, 5]] for name in "bc"}
    people = np.column_stack([data["age"], data["dose"]])[np.isnan(data["b"])]
    sign, size = (wide + narrow) / 2 * 0.98, (wide - narrow) / 2 * 0.98
    found, n_kept = set(), 0
    for _ in range(sweeps // 2):
        for name in "bcy":
            played.moments(name)
        draws = (
            played.draw("b", [0.0] * 6),
            played.draw("c", [0, 0, 0, 0, 0.24, -0.12]),
            played.draw("y", [0, 0, 0, 2 * sign, 2 * size, -sign - size], 0.01),
        )
        first, entry = played.moments("t", *draws)
        kept = {entry["rules"]["redraw"]}
        for name in "bc":
            played.moments(name)
        second, entry = played.moments("t", played.draw("b", [0.0] * 6), played.draw("c", [0, 0, 0, 1.0, 0, 0]))
        n_kept += "notice" in kept | {entry["rules"]["redraw"]}
        of_b, of_c = part(first, "moments", "XX")[3][[0, 1, 5]] - shown["b"], part(second, "moments", "XX")[4][[0, 1, 5]] - shown["c"]
        age, dose, count = of_c - of_b
        if abs(round(count)) == 1:
            told = np.array([CENTRE + WIDTH * age / round(count), 5 + dose / round(count)])
            found |= {tuple(person) for person in people[(np.abs(people - told) < 2e-5).all(axis=1)]}
    return len(found), n_kept


def test_a_copy_carried_over_in_another_column_tells_people_where_no_rule_is_on_and_nobody_under_default(site) -> None:
    assert carried(site, OFF)[0] >= 5
    assert carried(site, DEFAULT) == (0, 50)
