"""What all versions of one file have told, over all jobs: the lines of a ledger about a life, counted. Pure.

A number counts once however often it was told: the same columns with the same contents give the same numbers in every job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sandbox.statement import about_release

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class LifeTotals:
    """The budget of a file whose site states cards."""

    life: str
    versions: int
    numbers: int
    """Sums, coefficients and weights; what values a column has is not counted."""
    own_fits: int
    points: int
    releases: tuple[str, ...]
    """When the owner let the life go on after a stop, who, and why."""


def life_totals(lines: Sequence[Mapping[str, Any]]) -> LifeTotals | None:
    """The totals of the life that all lines are about; None without lines."""
    if not lines:
        return None
    cards, points = _of_kind(lines, "life"), _of_kind(lines, "life_point")
    told: dict[Key, int] = {}
    for card in cards:
        told.update(_numbers_of(card))
    for point in points:
        fit = point.get("fit", {})
        told["point", _key(fit), tuple(sorted(point.get("contents", ()))), point.get("point")] = _size(fit)
    return LifeTotals(
        life=str(lines[0].get("life", "")),
        versions=len({card.get("version") for card in cards}),
        numbers=sum(told.values()),
        own_fits=len({_key(fit) for card in cards for fit in card.get("fits", ())}),
        points=len({key for key in told if key[0] == "point"}),
        releases=tuple(f"{_minute(line)}: {about_release(line)}" for line in _of_kind(lines, "life_release")),
    )


def _numbers_of(card: Mapping[str, Any]) -> Iterator[tuple[Key, int]]:
    """The numbers of a card by what makes them the same as those of another card."""
    named = list(zip(card.get("columns", ()), card.get("contents", ()), strict=False))
    content = dict(named)
    yield ("rows", card.get("version")), 1
    for column in named:
        # Its sum, its sum of squares, and how many rows show it.
        yield ("column", *column), 3
    for pair in combinations(sorted(named), 2):
        yield ("product", *pair), 1
    for target in card.get("grams", ()):
        yield ("gram", target, tuple(sorted(named))), (len(named) + 1) * (len(named) + 2) // 2
    for fit in card.get("fits", ()):
        members = (fit.get("target"), *fit.get("predictors", ()))
        yield ("fit", _key(fit), tuple(sorted(str(content.get(name)) for name in members))), _size(fit)


def _key(fit: Mapping[str, Any]) -> Key:
    return fit.get("kind"), fit.get("target"), tuple(sorted(fit.get("predictors", ())))


def _size(fit: Mapping[str, Any]) -> int:
    """Coefficients and their weights; of a selection model the weights of each two of them."""
    width = len(fit.get("predictors", ())) + 1
    n = 2 * width + 1
    return n + n * (n + 1) // 2 if fit.get("kind") == "selection" else 2 * width


def _minute(line: Mapping[str, Any]) -> str:
    return str(line.get("time", ""))[:16].replace("T", " ")


def _of_kind(lines: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [line for line in lines if line.get("kind") == kind]
