"""A card in words: what its parts are, how many numbers it states, how large their errors are, and what leaves besides.

Pure, for people at a site: the pages, the receipt and `tidegate simulate` say the same. It knows counts and shapes, no number of a card.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.wire.messages import CardLine, LifeNote


@dataclass(frozen=True, slots=True)
class PartWords:
    """A part of a card for its owner. `{column}` in both is the column that the part is about."""

    title: str
    meaning: str


UNITS_OF_FITS: Final = "A column counts in its standard deviations, one of two values as 0 and 1."
WORDS: Final[dict[str, PartWords]] = {
    "rows": PartWords("Number of rows", "How many rows the file has. This number is exact."),
    "n_observed": PartWords("Rows that show each column", "In how many rows each column is filled in."),
    "levels": PartWords("Values of two-valued columns", "The lower and the higher value of each column that has exactly two."),
    "gram": PartWords(
        "Joint sums of all columns",
        "For each two columns, the sum of their products over all rows of the file. From these follow counts, means and covariances. "
        "With itself and with the intercept, a column of two values has one sum.",
    ),
    "gram.exact": PartWords("Joint sums where {column} is filled in", "The same sums of products, over the rows that show {column} only."),
    "fit": PartWords(
        "Own fit of {column}",
        "A logistic regression of {column} on the other columns, fitted here. Each coefficient has a weight: how firmly the rows hold it. "
        + UNITS_OF_FITS,
    ),
    "fit.beta": PartWords("Own fit of {column}: coefficients", "A logistic regression of {column} on the other columns, fitted here."),
    "fit.information": PartWords("Own fit of {column}: weights", "How firmly the rows hold each coefficient."),
    "selection.theta": PartWords(
        "Own selection model of {column}: coefficients",
        "A model of {column} and of which rows show it, fitted here. " + UNITS_OF_FITS,
    ),
    "selection.information": PartWords(
        "Own selection model of {column}: weights",
        "How firmly the rows hold each two of these coefficients.",
    ),
}
"""By the name of a part of a card."""
TOTALS: Final = {
    "card": "about all rows",
    "gram": "about the rows of single targets",
    "fit": "of own fits",
    "selection": "of selection models",
}
"""What the numbers of a card are about, by kind of field."""


def title_of(what: str, column: str = "") -> str:
    """The name of a part."""
    words = WORDS.get(what)
    return words.title.format(column=column) if words else f"{what} {column}".strip()


def meaning_of(what: str, column: str = "") -> str:
    """What a part is; empty for one that has no words."""
    words = WORDS.get(what)
    return words.meaning.format(column=column) if words else ""


def error_in_words(error: float) -> str:
    """The size of a sticky error, given in what a typical row adds."""
    if error == 0:
        return "none, exact"
    size = f"{error:.2g}"
    times = {"1": "", "2": "twice "}.get(size, f"{size} times ")
    return f"about {times}what one typical row adds"


def shape_in_words(shape: Sequence[int]) -> str:
    """A shape as people write it."""
    return " × ".join(map(str, shape)) or "1"


def total_of(lines: Sequence[CardLine]) -> int:
    """How many different numbers a card states."""
    return sum(line.n_numbers for line in lines)


def what_leaves(n_numbers: int, life: LifeNote | None) -> str:
    """What the owner is told before Start of all that leaves in a job. Claims nothing that the life does not say."""
    these = f"These {count(n_numbers, 'number')}"
    if life is None:
        return f"{these} leave when the job begins."
    if life.n_points is None:
        return f"{these} leave first. The policy of this site then lets central ask more, and answers exactly."
    if life.n_points:
        return f"{these}, and at most {life.n_points:,} more, leave in this job."
    return f"{these} are all that leaves in this job."


def what_has_left(n_numbers: int, life: LifeNote | None) -> str:
    """What the owner is told once the card is in."""
    these = f"These {count(n_numbers, 'number')}"
    if life is not None and life.n_points == 0:
        return f"{these} are all that has left in this job."
    return f"{these} have left in this job. What else was asked is in the ledger."


def when_points(life: LifeNote) -> str:
    """When more than the card leaves; empty where that is said already, or nothing more does."""
    if not life.n_points:
        return ""
    more = f"The {life.n_points:,} more are answers at common points: one for each own fit, once for this file."
    return f"{more} Central asks for them only where a site has few rows with the rarer value of a target."


def what_is_left(life: LifeNote) -> str:
    """What the life of a file may still state."""
    return f"The life of this file: {count(life.n_left, 'number')} {'is' if life.n_left == 1 else 'are'} left after this card."


def about_life(life: LifeNote) -> str:
    """What is meant by the numbers that are left, which version of a file this is, and when its life ends."""
    column = f"They are counted for {life.column}, the column of which most has left. " if life.column else ""
    ends = f" Without another card its life ends on {life.ends}." if life.ends else ""
    return f"{column}This is version {life.version} of the file.{ends}"


def stated_in(line: Mapping[str, Any]) -> str:
    """What a line of the ledger says about a card or a life, as a sentence; empty for any other line, and for what no card is part of."""
    match line.get("kind"):
        case "life":
            return _about_version(line)
        case "life_point":
            return "A point in the life of the file: the answer about an own fit at given coefficients."
        case "life_release":
            return about_release(line)
        case "release":
            return _about_answer(line)
        case _:
            return ""


def card_totals(fields: Sequence[Mapping[str, Any]]) -> str:
    """How many different numbers the fields of a card hold, by what they are about; empty when there are none."""
    counts = Counter[str]()
    for field in fields:
        counts[str(field.get("kind", ""))] += int(field.get("new", 0))
    named = [(n_numbers, TOTALS.get(kind, f"of kind {kind}")) for kind, n_numbers in counts.items()]
    return ", ".join(f"{n_numbers:,}{'' if place else ' numbers'} {about}" for place, (n_numbers, about) in enumerate(named))


def _about_answer(line: Mapping[str, Any]) -> str:
    steps, fields = [step.get("step") for step in line.get("steps", [])], line.get("fields", [])
    match steps:
        case ["card"]:
            return f"The card of the file: {card_totals(fields)}."
        case ["point"]:
            n_numbers = sum(int(field.get("new", 0)) for field in fields)
            return f"Answers at {count(len(fields), 'common point')}: {count(n_numbers, 'number')}."
        case ["margins"]:
            n_numbers = sum(int(field.get("scalars", 0)) for field in fields)
            return f"The margins, from which common units are made: {count(n_numbers, 'number')}."
        case _:
            return ""


def about_release(line: Mapping[str, Any]) -> str:
    """What a line says by which the owner let a life go on after a stop."""
    return f"{line.get('by') or 'The owner'} let one more card of this file leave: {line.get('reason') or 'no reason given'}"


def _about_version(line: Mapping[str, Any]) -> str:
    columns, fits = len(line.get("columns", ())), len(line.get("fits", ()))
    return f"Version {line.get('version', '?')} in the life of the file: {count(columns, 'column')}, {count(fits, 'own fit')}."


def count(number: int, word: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
