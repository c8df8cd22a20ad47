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
def test_differences_of_redraws_tell_nobody_under_default_and_are_noted(site, n_missing: int, share: float) -> None:
    data = few_missing(n_missing, share)
    found = [*states(site, DEFAULT, data, share)]
    assert people_found([answer for answer, _ in found], data) == set()
    assert any(verdict == "notice" for _, verdict in found)


def test_where_many_cells_change_every_draw_is_taken(site) -> None:
    found = [*states(site, DEFAULT, few_missing(200, 0.5), 0.5)]
    assert {verdict for _, verdict in found[1:]} == {"pass"}
    assert len({answer.tobytes() for answer, _ in found}) == SWEEPS + 1


def test_a_draw_that_is_not_taken_is_counted_and_refuses_nothing(site) -> None:
    played = site(few_missing(20, 0.1), {"y": "continuous", "b": "binary"}, DEFAULT, sweeps=1)
    played.begin(centre=[CENTRE, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0], mean=[CENTRE, 0.0, 0.1])
    before = part(played.moments("y")[0], "moments", "XX")
    draw = played.draw("b", [0.0, 0.0, -2.0])
    played.moments("b")
    reply, entry = played.moments("y", draw)
    assert np.array_equal(part(reply, "moments", "XX"), before)
    assert entry["rules"]["redraw"] == "notice"
    played.moments("b")
    assert played.moments("y", draw)[0].refused == "rule.draw_schedule"


def test_cells_that_few_would_see_change_stay_too(site) -> None:
    # c is missing for nearly all that miss b: the Gram of c has thirty of them, of whom three or so would change.
    data = few_missing(200, 0.1)
    missing = np.flatnonzero(np.isnan(data["b"]))
    data["c"] = np.random.default_rng(8).normal(size=1000).round(3)
    data["c"][missing[30:]] = np.nan
    played = site(data, {"y": "continuous", "b": "binary", "c": "continuous"}, DEFAULT, sweeps=SWEEPS)
    played.begin(centre=[CENTRE, 0.0, 0.0, 0.0], scale=[WIDTH, 1.0, 1.0, 1.0], mean=[CENTRE, 0.0, 0.1, 0.0])
    answers = set()
    for _ in range(SWEEPS):
        played.moments("b")
        reply, _ = played.moments("c", played.draw("b", [0.0, 0.0, 0.0, -2.2]))
        answers.add(part(reply, "moments", "XX").tobytes())
    assert len(answers) == 1
