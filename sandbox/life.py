"""The life of a data set: all versions of one file over all jobs of a site, and one budget for them. Pure: lines of a ledger in.

Only a card that has left counts, so a life is nothing but lines that the host writes when a card leaves (:func:`life_entry`), when a
question about a point is answered (:func:`point_entry`) and when the owner lets one more card pass (:func:`release_entry`). Before a card
is made, :func:`decide` finds the life that an upload belongs to by the sketch of the file, and says what would be used up, or why not.

Names of lives and columns are made of keyed contents of the first version: whoever has no secret cannot tell them from random ones, and the
same first version has the same names, and so the same errors, even after its life has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

import msgspec

from policies.life_budget import error_size, max_numbers
from policies.policy import Policy
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.likeness import Match, Numbers, compare
from sandbox.wire.sketches import FileSketch

CARD: Final = "life"
POINT: Final = "life_point"
RELEASE: Final = "life_release"
KINDS: Final = (CARD, POINT, RELEASE)
RELEASABLE: Final = (Code.RULE_LIFE_VERSIONS, Code.RULE_LIFE_NUMBERS, Code.RULE_LIFE_FITS, Code.RULE_LIFE_CHANGE)
"""Stops that the owner of the data may lift once. Behind one for another error there is nothing left to protect."""
STOPS: Final = frozenset({*RELEASABLE, Code.RULE_LIFE_ERROR})
MIN_CHANGE: Final = 20
LIFE_DIGITS: Final = 32
COLUMN_DIGITS: Final = 16

Kind = Literal["own", "selection"]
_Line = TypeVar("_Line", "_Card", "_Point")


class Fit(msgspec.Struct, frozen=True):
    """An own fit. Columns are 1-based indices of the contract where a job asks, names of the life in a ledger."""

    target: int
    predictors: tuple[int, ...]
    kind: Kind = "own"


class Asked(msgspec.Struct, frozen=True):
    """What a job asks of a card beside the joint Gram of all columns in the model."""

    columns: dict[int, str]
    """Names of the columns in the model by 1-based index, in file order: those of the sketch."""
    fits: tuple[Fit, ...] = ()
    grams: tuple[int, ...] = ()
    """Targets with a Gram of their own, over the rows that show them."""

    @staticmethod
    def of(contract: Contract, fits: Iterable[int] = (), grams: Iterable[int] = ()) -> Asked:
        """What a job asks whose own fits have the whole model for a design; `fits` and `grams` are targets."""
        names = {index: contract.column(index).name for index in contract.model}
        return Asked(names, tuple(Fit(target, contract.design(target)) for target in fits), tuple(grams))


class _Stated(msgspec.Struct, frozen=True):
    """An own fit in a ledger line."""

    target: str
    predictors: tuple[str, ...]
    kind: Kind


class _Card(msgspec.Struct, frozen=True):
    """A ledger line of a card that left."""

    life: str
    version: int
    error: float
    """The size of its errors (`policies.life_budget.error_size`), that of the life."""
    columns: tuple[str, ...]
    contents: tuple[str, ...]
    fits: tuple[_Stated, ...]
    grams: tuple[str, ...]
    time: datetime
    filled: tuple[str, ...] = ()
    """Of `columns`, those that miss a cell."""
    dataset: str = ""
    sketch: FileSketch | None = None


class _Point(msgspec.Struct, frozen=True):
    """A ledger line of a point that was answered: the coefficients of the fit's predictors in their order, then the intercept's."""

    life: str
    fit: _Stated
    contents: tuple[str, ...]
    beta: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used up of a life, with this card, and what the policy allows over its whole length."""

    versions: int
    max_versions: int
    numbers: int
    """Different numbers that contain the column with the most of them, of those that this card adds to."""
    new_numbers: int
    """Those of them that leave with this card for the first time."""
    max_numbers: int
    column: int
    """1-based index of that column."""
    fits: int
    """Different own fits: targets with their predictors."""
    new_fits: int
    max_fits: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Where an upload belongs. With a `stop` no card may be made."""

    life: str
    version: int
    """From 1; that of an earlier card when nothing of its columns has changed."""
    columns: tuple[str, ...]
    """The name in this life of each column of the model, in file order."""
    error: float
    """The size of the errors of all its cards, in what a typical person adds."""
    usage: Usage
    has_known_sketch: bool
    """Whether a line of the life holds the sketch of exactly this file."""
    points: Mapping[int, tuple[float, ...]]
    """By target (1-based index), where the life has answered a common point of an own fit that is asked: it answers no other one."""
    is_released: bool = False
    """Whether it passes because the owner let it."""
    stop: Finding | None = None

    @property
    def releasable(self) -> str:
        """The life whose owner may let this card pass all the same; empty where nothing is stopped, or nobody may."""
        return self.life if self.stop is not None and self.stop.code in RELEASABLE else ""


def decide(
    lines: Iterable[Mapping[str, Any]], sketch: FileSketch, asked: Asked, policy: Policy, now: datetime, *, dataset: str = ""
) -> Decision:
    """The life of an upload, and whether it may state a card.

    Args:
        lines: of the ledger, in order (`sandbox.ledger.entries_of_kinds` with `KINDS`); those of other kinds are skipped.
        sketch: of the upload.
        asked: by the job; as many columns as the sketch has.
        policy: of the site.
        now: with a time zone.
        dataset: the keyed name of the uploaded bytes, as in other lines. The same bytes are of the same life, whatever columns a job has.

    Raises :class:`ValueError` when a line about lives is damaged: without it nobody knows what has left.
    """
    if len(asked.columns) != len(sketch.columns):
        raise ValueError("the sketch is not of the columns in the model")
    new = Numbers.of(sketch)
    alike = [life for life in _lives(lines, policy, now) if life.compare(new, dataset)]
    life = max(alike, key=lambda life: life.closeness) if alike else _Life(_life_name(sketch))
    place = _Place(life, new)
    usage = _usage(life, place, asked, policy, sketch)
    stop = next((_error_stop(other, sketch, policy) for other in alike if other.has_other_error(sketch, policy)), None)
    is_released = False
    if stop is None:
        stop = _stop(place, usage, asked, policy)
        is_released = stop is not None and life.is_released
    points = _points(life, asked, dict(zip(asked.columns, place.columns, strict=True)))
    stop = None if is_released else stop
    error = life.error(sketch, policy)
    return Decision(life.name, place.version, place.columns, error, usage, place.has_known_sketch, points, is_released, stop)


def life_entry(decision: Decision, sketch: FileSketch, asked: Asked, **origin: str) -> dict[str, Any]:
    """The ledger line of a card, to be written when it leaves. `origin`: what else tells where it went, such as the job,
    and `dataset` as in :func:`decide`.

    Raises :class:`ValueError` for a decision with a stop.
    """
    if decision.stop is not None:
        raise ValueError("a card that was stopped does not leave")
    names = dict(zip(asked.columns, decision.columns, strict=True))
    entry: dict[str, Any] = {
        **origin,
        "kind": CARD,
        "life": decision.life,
        "version": decision.version,
        "error": decision.error,
        "columns": decision.columns,
        "contents": tuple(column.content for column in sketch.columns),
        "fits": [_stated(fit, names) for fit in asked.fits],
        "grams": [names[target] for target in asked.grams],
        "filled": _filled(decision.columns, sketch),
    }
    return msgspec.to_builtins(entry if decision.has_known_sketch else {**entry, "sketch": sketch})  # type: ignore[no-any-return]


def point_entry(decision: Decision, sketch: FileSketch, asked: Asked, fit: Fit, beta: Sequence[float], **origin: str) -> dict[str, Any]:
    """The ledger line of a point that is answered, to be written before it leaves.

    Args:
        decision: of the card that it belongs to.
        sketch: of the upload.
        asked: by the job.
        fit: what the point is of.
        beta: the coefficients at which it was answered, in the order of the fit's predictors, the intercept's last. Central's own choice:
            no number of the rows.
        origin: as in :func:`life_entry`.
    """
    names = dict(zip(asked.columns, decision.columns, strict=True))
    contents = tuple(column.content for column in sketch.columns)
    by_name = dict(zip(decision.columns, contents, strict=True))
    stated = _stated(fit, names)
    ours = [by_name[name] for name in (stated.target, *stated.predictors)]
    entry = {**origin, "kind": POINT, "life": decision.life, "fit": stated, "contents": ours, "beta": tuple(beta)}
    return msgspec.to_builtins(entry)  # type: ignore[no-any-return]


def release_entry(life: str, by: str, reason: str, **origin: str) -> dict[str, Any]:
    """The ledger line by which the owner lets the next card of a life pass once. Errors stay those of the life.

    `origin`: in which job and at which participant, as in :func:`life_entry`. Raises :class:`ValueError` without a name or a reason.
    """
    if not by.strip() or not reason.strip():
        raise ValueError("a release needs a name and a reason")
    return {**origin, "kind": RELEASE, "life": life, "by": by.strip(), "reason": reason.strip()}


def has_room_for_points(decision: Decision, asked: Asked, policy: Policy) -> bool:
    """Whether a life answers a common point of every own fit that is asked: a point tells as much as the fit itself."""
    more = sum(n_about(fit, is_target=True) for fit in asked.fits if fit.kind == "own")
    return policy.points == "common" and decision.usage.numbers + more <= decision.usage.max_numbers


def n_numbers(fit: Fit) -> int:
    """How many numbers an own fit states: coefficients and the diagonal of their information, of a selection model the whole one."""
    width = len(fit.predictors) + 1
    return 2 * width if fit.kind == "own" else _triangle(2 * width + 1)


def n_about(fit: Fit, *, is_target: bool) -> int:
    """How many of them count for one column of the fit, which is its target or a predictor.

    A cell of the target adds to the score of every coefficient, that of a predictor to the score and the information of its own. With
    steep effects a predictor moves every probability, and so all numbers of the fit: of a fit of 18 coefficients who knows all other
    columns then learned as much as 7 to 11 numbers tell beyond what the goal leaves (`tests/disclosure/secret_columns.py`).
    """
    width = len(fit.predictors) + 1
    if fit.kind == "own":
        return width if is_target else min(2 + width // 2, width)
    # Of a selection model: two coefficients of a predictor, and their rows of the information.
    return 2 * (2 * width + 1) if is_target else 2 + 2 * (2 * width + 1)


def _triangle(width: int) -> int:
    return width + width * (width + 1) // 2


class _Life:
    """The lines of one life that has not ended, and how an upload compares with its versions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cards: list[_Card] = []
        self.points: list[_Point] = []
        self.is_released = False
        self.matches: list[tuple[_Card, Match]] = []
        self.closeness = (0, 0)

    def compare(self, new: Numbers, dataset: str) -> bool:
        """Match an upload with every version. Whether it is another version of this file."""
        contents = {column.content for column in new.sketch.columns}
        for card in self.cards:
            if card.sketch is None:
                continue
            is_same_file = bool(dataset) and dataset in self._datasets(card)
            match = compare(new, Numbers.of(card.sketch), is_same_file=is_same_file)
            if match.is_alike:
                self.matches.append((card, match))
                self.closeness = max(self.closeness, (len(contents & set(card.contents)), len(match.pairs)))
        # The closest first, of equally close ones the latest.
        self.matches.reverse()
        self.matches.sort(key=lambda found: (len(contents & set(found[0].contents)), len(found[1].pairs)), reverse=True)
        return bool(self.matches)

    def _datasets(self, card: _Card) -> set[str]:
        """The names of the files that stated a version: another file of the same rows has another name, and no sketch of its own."""
        return {other.dataset for other in self.cards if other.version == card.version}

    def n_rows(self, sketch: FileSketch) -> int:
        """Rows of the first version, of which this is the sketch where there is none yet: the sizes of all errors go by them."""
        first = self.cards[0].sketch if self.cards else None
        return (first or sketch).n_rows

    def error(self, sketch: FileSketch, policy: Policy) -> float:
        """The size of its errors under a policy."""
        return error_size(policy, self.n_rows(sketch))

    def has_other_error(self, sketch: FileSketch, policy: Policy) -> bool:
        """Whether the same number would leave with errors of two sizes."""
        return self.cards[0].error != self.error(sketch, policy)


class _Place:
    """Where an upload stands in a life: the names of its columns, its version, and what is new of it."""

    def __init__(self, life: _Life, new: Numbers) -> None:
        self._life = life
        self.n_columns = len(new.columns)
        self.contents = tuple(column.content for column in new.sketch.columns)
        self.columns = self._columns()
        known: dict[str, set[str]] = {}
        for card in life.cards:
            for name, content in zip(card.columns, card.contents, strict=True):
                known.setdefault(name, set()).add(content)
        self._old = {i for i, name in enumerate(self.columns) if name in known}
        self._new = {i for i in self._old if self.contents[i] not in known[self.columns[i]]}
        self.earlier = next((card for card, match in life.matches if self._is_of(card, match)), None)
        self.version = self.earlier.version if self.earlier else 1 + max((card.version for card in life.cards), default=0)
        self.has_known_sketch = any(
            not match.changed and len(match.pairs) == self.n_columns and set(card.contents) == set(self.contents)
            for card, match in life.matches
        )

    def _columns(self) -> tuple[str, ...]:
        names: dict[int, str] = {}
        for card, match in self._life.matches:
            for i, j in match.pairs.items():
                if i not in names and card.columns[j] not in names.values():
                    names[i] = card.columns[j]
        used = {name for card in self._life.cards for name in card.columns} | set(names.values())
        for i, content in enumerate(self.contents):
            if i not in names:
                names[i] = _column_name(self._life.name, content, used)
                used.add(names[i])
        return tuple(names[i] for i in range(self.n_columns))

    def _is_of(self, card: _Card, match: Match) -> bool:
        """Whether this is a version that stated a card: all columns that the life knows are in it, and nothing of them has changed."""
        return not match.changed and all(i in match.pairs and self.contents[i] == card.contents[match.pairs[i]] for i in self._old)

    def smallest_change(self) -> tuple[float, int] | None:
        """Rows in which this differs from the nearest earlier version, and the column (position) that shows it; None of no change."""
        if self.earlier is not None:
            return None
        looked_at = self._new or set(range(self.n_columns))
        changes = [(found, i) for _, match in self._life.matches for i, found in match.changed.items() if i in looked_at]
        return min(changes, default=None)


def _lives(lines: Iterable[Mapping[str, Any]], policy: Policy, now: datetime) -> list[_Life]:
    """The lives that have not ended, in the order of their first card."""
    lives: dict[str, _Life] = {}
    length = timedelta(days=policy.life_days)
    for line in lines:
        kind, name = line.get("kind"), str(line.get("life", ""))
        if kind == CARD:
            card = _read(line, _Card)
            if name not in lives or card.time - lives[name].cards[-1].time > length:
                lives[name] = _Life(name)
            lives[name].cards.append(card)
            lives[name].is_released = False
        elif kind == POINT and name in lives:
            lives[name].points.append(_read(line, _Point))
        elif kind == RELEASE and name in lives:
            lives[name].is_released = True
    return [life for life in lives.values() if now - life.cards[-1].time <= length]


def _read(line: Mapping[str, Any], kind: type[_Line]) -> _Line:
    try:
        return msgspec.convert(dict(line), kind)
    except msgspec.ValidationError as error:
        raise ValueError("a line about the life of a data set is damaged") from error


def _usage(life: _Life, place: _Place, asked: Asked, policy: Policy, sketch: FileSketch) -> Usage:
    """What the life has used up when this card has left."""
    names = dict(zip(asked.columns, place.columns, strict=True))
    fits = tuple(_stated(fit, names) for fit in asked.fits)
    told = _Told()
    for card in life.cards:
        told.add_card(card.columns, card.contents, card.fits, card.grams, card.filled)
    for point in life.points:
        told.add_point(point)
    before = {index: told.about(name) for index, name in names.items()}
    told.add_card(place.columns, place.contents, fits, tuple(names[target] for target in asked.grams), _filled(place.columns, sketch))
    after = {index: told.about(name) for index, name in names.items()}
    # A column that nothing new is asked about stops nothing, however much has left.
    most = max(after, key=lambda index: (after[index] > before[index], after[index], -index))
    stated = {_key(fit) for card in life.cards for fit in card.fits}
    return Usage(
        versions=max([place.version, *(card.version for card in life.cards)]),
        max_versions=policy.max_versions,
        numbers=after[most],
        new_numbers=after[most] - before[most],
        max_numbers=max_numbers(policy, life.n_rows(sketch)),
        column=most,
        fits=len(stated | {_key(fit) for fit in fits}),
        new_fits=len({_key(fit) for fit in fits} - stated),
        max_fits=policy.max_fits,
    )


class _Told:
    """Different numbers by the columns that they contain. Contents are part of a number: of a new version it is another one."""

    def __init__(self) -> None:
        self._by_column: dict[str, dict[tuple[object, ...], int]] = {}

    def about(self, column: str) -> int:
        """How many different numbers contain a column."""
        return sum(self._by_column.get(column, {}).values())

    def add_card(
        self, columns: Sequence[str], contents: Sequence[str], fits: Sequence[_Stated], grams: Sequence[str], filled: Sequence[str]
    ) -> None:
        """The joint Gram with the number of rows that show each column, Grams of targets, and own fits.

        What is filled depends on all columns of the model: sums with such a column are other numbers, with other errors, in another model.
        """
        content = dict(zip(columns, contents, strict=True))
        model = tuple(sorted(content.values()))
        for column in columns:
            told = self._by_column.setdefault(column, {})
            # With itself, with the intercept, and how many rows show it.
            told["itself", content[column], model if column in filled else ()] = 3
            for other in columns:
                if other != column:
                    told["gram", content[column], other, content[other], model if {column, other} & set(filled) else ()] = 1
            for target in grams:
                told["gram of", content[column], target, content[target], model] = len(columns) + 1
        for fit in fits:
            self._add_fit(fit, [content[name] for name in (fit.target, *fit.predictors)])

    def add_point(self, point: _Point) -> None:
        """A point that was answered: as many numbers as the fit itself."""
        self._add_fit(point.fit, point.contents, point.beta)

    def _add_fit(self, fit: _Stated, contents: Sequence[str], beta: tuple[float, ...] = ()) -> None:
        counted = Fit(0, tuple(range(len(fit.predictors))), fit.kind)
        for column in (fit.target, *fit.predictors):
            number = n_about(counted, is_target=column == fit.target)
            self._by_column.setdefault(column, {})["fit", _key(fit), tuple(sorted(contents)), beta] = number


def _stop(place: _Place, usage: Usage, asked: Asked, policy: Policy) -> Finding | None:
    """Why no card may be made, if so: the first of change, versions, fits and numbers."""
    change = place.smallest_change()
    limit = _least_change(place.n_columns)
    if change is not None and change[0] < limit:
        index = list(asked.columns)[change[1]]
        details: dict[str, str | int | float] = {"found": round(change[0]), "limit": limit, "column": asked.columns[index]}
        return Finding(Code.RULE_LIFE_CHANGE, column=index, details=details)
    if place.earlier is None and place.version > policy.max_versions:
        return Finding(Code.RULE_LIFE_VERSIONS, details={"found": place.version, "limit": policy.max_versions})
    if usage.new_fits and usage.fits > policy.max_fits:
        return Finding(Code.RULE_LIFE_FITS, details={"found": usage.fits, "limit": policy.max_fits})
    if usage.new_numbers and usage.numbers > usage.max_numbers:
        details = {"found": usage.numbers, "limit": usage.max_numbers, "column": asked.columns[usage.column]}
        return Finding(Code.RULE_LIFE_NUMBERS, column=usage.column, details=details)
    return None


def _least_change(n_columns: int) -> int:
    """Rows that must differ from every earlier version: more than there are numbers in one row of the joint Gram."""
    return max(MIN_CHANGE, n_columns + 1)


def _error_stop(life: _Life, sketch: FileSketch, policy: Policy) -> Finding:
    details: dict[str, str | int | float] = {"found": round(life.cards[0].error, 2), "limit": round(life.error(sketch, policy), 2)}
    return Finding(Code.RULE_LIFE_ERROR, details=details)


def _points(life: _Life, asked: Asked, names: Mapping[int, str]) -> dict[int, tuple[float, ...]]:
    """The points that the life has answered of fits that are asked, the first one of each, in the order of the fit's predictors."""
    found: dict[int, tuple[float, ...]] = {}
    for fit in asked.fits:
        stated = _stated(fit, names)
        point = next((point for point in life.points if _key(point.fit) == _key(stated)), None)
        if point is not None:
            slopes = dict(zip(point.fit.predictors, point.beta[:-1], strict=True))
            found[fit.target] = (*(slopes[name] for name in stated.predictors), point.beta[-1])
    return found


def _filled(columns: Sequence[str], sketch: FileSketch) -> tuple[str, ...]:
    """The columns that miss a cell, by their names in the life."""
    return tuple(name for name, column in zip(columns, sketch.columns, strict=True) if column.n_observed < sketch.n_rows)


def _stated(fit: Fit, names: Mapping[int, str]) -> _Stated:
    return _Stated(names[fit.target], tuple(names[index] for index in fit.predictors), fit.kind)


def _key(fit: _Stated) -> tuple[object, ...]:
    """What makes two own fits the same: order of predictors does not matter."""
    return fit.kind, fit.target, tuple(sorted(fit.predictors))


def _life_name(sketch: FileSketch) -> str:
    contents = [sketch.content, *sorted(column.content for column in sketch.columns)]
    return hashlib.sha256("\n".join(["tidegate life v1", *contents]).encode()).hexdigest()[:LIFE_DIGITS]


def _column_name(life: str, content: str, used: set[str]) -> str:
    """A name for a column of a life; of two columns with one content the second has another."""
    number = 0
    while (name := hashlib.sha256(f"{life}\n{content}\n{number}".encode()).hexdigest()[:COLUMN_DIGITS]) in used:
        number += 1
    return name
