"""A card in words: what an owner reads of it claims neither more nor less than the counts say."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.life_totals import life_totals
from sandbox.receipt import RULE_TITLES, as_text, make_receipt
from sandbox.statement import (
    WORDS,
    about_life,
    card_totals,
    error_in_words,
    meaning_of,
    stated_in,
    title_of,
    what_has_left,
    what_is_left,
    what_leaves,
    when_points,
)
from sandbox.wire.messages import LifeNote

LIFE = LifeNote(version=2, n_numbers=212, n_left=1_788, n_points=0, ends="2031-11-29", column="age")
MOST_WORDS = 24


def life(**changes: Any) -> LifeNote:
    return LifeNote(**{**{name: getattr(LIFE, name) for name in LIFE.__struct_fields__}, **changes})


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (life(), "These 90 numbers are all that leaves in this job."),
        (life(n_points=24), "These 90 numbers, and at most 24 more, leave in this job."),
        (life(n_points=None), "These 90 numbers leave first. The policy of this site then lets central ask more, and answers exactly."),
        (None, "These 90 numbers leave when the job begins."),
    ],
)
def test_all_that_leaves_is_said_only_where_no_point_is_due(note: LifeNote | None, sentence: str) -> None:
    assert what_leaves(90, note) == sentence


def test_when_more_leaves_is_said_only_where_it_may_and_afterwards_the_ledger_is_named() -> None:
    assert when_points(life()) == when_points(life(n_points=None)) == ""
    said = when_points(life(n_points=24))
    assert said.startswith("The 24 more are answers at common points")
    assert all(len(sentence.split()) <= MOST_WORDS for sentence in said.split(". "))
    assert what_has_left(90, life()) == "These 90 numbers are all that has left in this job."
    assert what_has_left(90, life(n_points=24)) == "These 90 numbers have left in this job. What else was asked is in the ledger."


def test_what_is_left_of_a_life_is_said_with_the_column_it_is_counted_for() -> None:
    assert what_is_left(LIFE) == "The life of this file: 1,788 numbers are left after this card."
    assert "counted for age" in about_life(LIFE)
    assert about_life(life(column="", ends="")) == "This is version 2 of the file."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.0, "none, exact"),
        (1.0, "about what one typical row adds"),
        (2.0, "about twice what one typical row adds"),
        (2.8284, "about 2.8 times what one typical row adds"),
        (0.5, "about 0.5 times what one typical row adds"),
    ],
)
def test_the_size_of_an_error_is_said_in_rows(error: float, words: str) -> None:
    assert error_in_words(error) == words


@pytest.mark.parametrize("what", WORDS)
def test_a_part_names_its_column_and_its_sentences_hold_one_thought(what: str) -> None:
    title, meaning = title_of(what, "stroke {x}"), meaning_of(what, "stroke {x}")
    assert ("stroke {x}" in title) == ("{column}" in WORDS[what].title)
    for sentence in re.split(r"[.:] ", meaning):
        assert 0 < len(sentence.split()) <= MOST_WORDS
    assert "…" not in meaning


def test_a_part_that_has_no_words_is_named_as_it_is() -> None:
    assert (title_of("new.part", "age"), meaning_of("new.part", "age")) == ("new.part age", "")


# --- lines of a ledger

FIELDS = [
    {"step": "card", "name": "card", "kind": "card", "scalars": 155, "new": 66},
    {"step": "card", "name": "fit.3", "kind": "fit", "scalars": 21, "new": 20},
    {"step": "card", "name": "fit.5", "kind": "fit", "scalars": 21, "new": 4},
]
ABOUT = {"job": "j", "participant": "site", "dataset": "d", "rules": {}, "bytes": 800}


def release(step: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {**ABOUT, "kind": "release", "steps": [{"step": step, "chain": 1}], "fields": fields}


def card(version: int, contents: str, job: str = "j", fits: tuple[str, ...] = ("x",)) -> dict[str, Any]:
    """A line of a card of columns x, y, z with these contents, and own fits of some of them."""
    names = ["x", "y", "z"]
    stated = [{"target": name, "predictors": [other for other in names if other != name], "kind": "own"} for name in fits]
    line = {"job": job, "participant": "site", "kind": "life", "life": "f00d", "version": version, "columns": names}
    return {**line, "contents": list(contents), "fits": stated, "grams": []}


RELEASED = {"kind": "life_release", "life": "f00d", "by": "olga", "reason": "the registry grew", "time": "2026-11-29T08:15:30.123+00:00"}
POINT = {"kind": "life_point", "life": "f00d", "contents": list("abc"), "point": "p", "fit": card(1, "abc")["fits"][0]}


def test_a_ledger_says_of_a_card_how_many_different_numbers_are_about_what() -> None:
    assert card_totals(FIELDS) == "66 numbers about all rows, 24 of own fits"
    assert stated_in(release("card", FIELDS)) == "The card of the file: 66 numbers about all rows, 24 of own fits."
    point = {"step": "point", "name": "point.3", "kind": "point", "scalars": 30, "new": 20}
    assert stated_in(release("point", [point])) == "Answers at 1 common point: 20 numbers."
    margins = {"step": "margins", "name": "margins", "kind": "margins", "scalars": 31, "new": 0}
    assert stated_in(release("margins", [margins])) == "The margins, from which common units are made: 31 numbers."


def test_lines_about_a_life_are_sentences_and_any_other_line_is_left_as_it_was() -> None:
    assert stated_in(card(2, "abc")) == "Version 2 in the life of the file: 3 columns, 1 own fit."
    assert stated_in(RELEASED) == "olga let one more card of this file leave: the registry grew"
    assert stated_in(POINT).startswith("A point in the life of the file")
    assert stated_in(release("moments", [{"name": "moments", "kind": "gram", "scalars": 32, "new": 20}])) == ""
    assert stated_in({"kind": "refusal", "steps": [{"step": "card"}]}) == ""
    assert stated_in({"kind": "upload"}) == ""
    assert stated_in({}) == ""


def test_a_number_that_was_told_before_counts_once_in_a_life() -> None:
    of_one_card = 1 + 3 * 3 + 3 + 2 * 3
    first = life_totals([card(1, "abc")])
    assert first is not None
    assert (first.versions, first.numbers, first.own_fits, first.points, first.releases) == (1, of_one_card, 1, 0, ())
    again = life_totals([card(1, "abc"), card(1, "abc", job="k")])
    assert again is not None
    assert again.numbers == of_one_card
    # Of a version in which z has changed: its rows, z itself, z with x and y, and the own fit, which z is part of.
    grown = life_totals([card(1, "abc"), card(2, "abd")])
    assert grown is not None
    assert (grown.versions, grown.numbers) == (2, of_one_card + 1 + 3 + 2 + 6)
    more = life_totals([card(1, "abc"), card(1, "abc", fits=("x", "y")), POINT, POINT, RELEASED])
    assert more is not None
    assert (more.own_fits, more.points, more.numbers) == (2, 1, of_one_card + 6 + 6)
    assert more.releases == ("2026-11-29 08:15: olga let one more card of this file leave: the registry grew",)
    assert life_totals([]) is None


def test_a_receipt_of_a_card_tells_the_life_of_the_file_and_one_without_a_card_the_data_set() -> None:
    lines = [card(1, "abc"), release("card", FIELDS)]
    receipt = make_receipt(lines, lines, [*lines[:1], card(2, "abd", job="k"), RELEASED])
    assert receipt is not None
    assert receipt.life is not None
    assert receipt.life.versions == 2
    text = as_text(receipt)
    assert "The card of the file: 66 numbers about all rows, 24 of own fits." in text
    assert "LIFE OF THIS FILE" in text
    assert "olga let one more card" in text
    assert "BUDGET OF THIS DATA SET" not in text
    old = make_receipt([release("moments", [])], [])
    assert old is not None
    assert (old.card, old.life) == ("", None)
    assert "BUDGET OF THIS DATA SET" in as_text(old)
    assert "LIFE OF THIS FILE" not in as_text(old)


@pytest.mark.parametrize("rule", ["life_versions", "life_numbers", "life_fits", "life_change", "life_error"])
def test_a_rule_about_lives_has_a_title(rule: str) -> None:
    assert RULE_TITLES[rule]
