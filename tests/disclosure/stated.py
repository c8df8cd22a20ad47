"""A site in memory that states cards by the real code, and what its numbers would be without errors: what attacks on cards are made of.

An attacker who knows all rows but one cell can compute every number of a card for each value that the cell may have. So here a file is a
matrix, and :class:`Reader` tells how far a card is from what it would be of a file without errors, in the sizes that its errors have.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.life_budget import error_size
from sandbox.contract import Column, Contract
from sandbox.gate.admission import admit
from sandbox.gate.card import Card, Wants, make_card
from sandbox.gate.card import _gram_sizes as gram_sizes
from sandbox.gate.coding import Coding, Frame
from sandbox.gate.dataset import Dataset
from sandbox.gate.own_rows import OwnRows, complete
from sandbox.gate.region import Region
from sandbox.gate.stated_fits import Question, Released, Sizes, maximum, sizes_at, sums_at
from sandbox.gate.sticky import Contents, Errors
from sandbox.gate.tiles import Tiles

Values = npt.NDArray[np.float64]
ROOM: Final = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """People: a matrix (rows, columns), NaN where missing, names of its columns, and which of them are binary or continuous targets.

    The indicators of a predictor of several levels are named "NAME = LEVEL" and stand behind the other columns, one predictor's together.
    """

    values: Values
    names: tuple[str, ...]
    binary: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def place(self, name: str) -> int:
        """Of a column, from 0."""
        return self.names.index(name)

    def having(self, row: int, name: str, value: float) -> File:
        """The same file with another value in one cell."""
        values = self.values.copy()
        values[row, self.place(name)] = value
        return self.of(values)

    def of(self, values: Values) -> File:
        """Other people in the same columns."""
        return File(values, self.names, self.binary, self.continuous, self.categories)

    def only(self, names: Sequence[str]) -> File:
        """Some of its columns."""
        kept = [self.place(name) for name in names]
        return File(
            self.values[:, kept],
            tuple(names),
            tuple(name for name in self.binary if name in names),
            tuple(name for name in self.continuous if name in names),
        )

    @property
    def contract(self) -> Contract:
        """Columns by name, those that are no target are predictors."""

        def column(name: str) -> Column:
            if name in self.binary:
                return Column(name, "target", "binary", ("0", "1"))
            return Column(name, "target", "continuous") if name in self.continuous else Column(name, "predictor")

        plain = [column(name) for name in self.names if " = " not in name]
        levels = {of: tuple(name.split(" = ")[1] for name in self.names if name.startswith(f"{of} = ")) for of in self.categories}
        return Contract((*plain, *(Column(of, "predictor", "categorical", ("all others", *found)) for of, found in levels.items())))

    def dataset(self) -> tuple[Dataset, Region]:
        """As a gate has read it."""
        contract, values = self.contract, self.values
        missing = int(np.isnan(values).any(axis=0).sum()) + len(self.binary) + len(self.continuous)
        room = ROOM + 16 * values.nbytes + 64 * values.shape[0] * (missing + 4) + 900 * values.shape[1] ** 2
        region = Region(mmap.mmap(-1, room))
        tiles = Tiles(region, values.shape[1] + 1)
        tiles.append(values.copy())
        return Dataset(contract, {index: place for place, index in enumerate(contract.model)}, tiles), region

    def own_rows(self, secret: bytes) -> OwnRows:
        """Completed as a site does."""
        dataset, region = self.dataset()
        return complete(dataset, secret, region)


@dataclass(frozen=True, slots=True, eq=False)
class Stated:
    """A card as its reader has it, raw units."""

    file: File
    """Whose columns it has. An attack reads names only."""
    n: int
    error: float
    """The size of its errors."""
    n_observed: Values
    gram: Values
    """Shape (d, d), raw units, the intercept last."""
    beta: Mapping[str, Values]
    information: Mapping[str, Values]
    points: Mapping[str, Mapping[str, Values]]
    frame: Frame
    """The units of fits, a function of `gram`."""


def state(
    file: File,
    policy: Policy,
    secret: bytes,
    *,
    points: Mapping[str, Values] | None = None,
    life: bytes = b"life",
    names: tuple[str, ...] = (),
    fits: Sequence[str] | None = None,
) -> Stated:
    """The card of a file with the own fits of `fits`, or of all binary targets, and scores at `points` by target, units of the fit."""
    return read(card_of(file, policy, secret, life=life, names=names, fits=fits), file, fits, points or {})


def read(card: Card, file: File, fits: Sequence[str] | None = None, points: Mapping[str, Values] | None = None) -> Stated:
    """What a card says, with the scores at `points`."""
    d = len(file.names)
    found = card.stated(np.zeros(d), np.ones(d))
    targets = file.binary if fits is None else fits
    asked = {name: card.score(file.place(name) + 1, beta) for name, beta in (points or {}).items()}
    return Stated(
        file,
        card.n,
        float(found["card"]["error"]),
        np.asarray(found["card"]["n_observed"], np.float64),
        np.asarray(found["card"]["gram"], np.float64),
        {name: np.asarray(found[f"fit.{file.place(name) + 1}"]["beta"], np.float64) for name in targets},
        {name: np.asarray(found[f"fit.{file.place(name) + 1}"]["information"], np.float64) for name in targets},
        {name: {part: np.asarray(values, np.float64) for part, values in parts.items()} for name, parts in asked.items()},
        card._released.frame,
    )


def card_of(
    file: File, policy: Policy, secret: bytes, *, life: bytes = b"life", names: tuple[str, ...] = (), fits: Sequence[str] | None = None
) -> Card:
    """The card itself."""
    targets = file.binary if fits is None else fits
    wants = Wants(tuple(file.place(name) + 1 for name in targets))
    return make_card(file.own_rows(secret), file.contract, Errors(secret, life, error_size(policy, len(file.values)), names), policy, wants)


class Reader:
    """Turns cards, and files that might be behind them, into vectors of numbers that differ by independent errors alone.

    All is in the canonical coding of one file, `like`, that the attacker makes up: it differs from the real one in a cell.
    """

    def __init__(self, like: File, *, fits: Sequence[str] | None = None, points: Sequence[str] = ()) -> None:
        own = like.own_rows(b"reader")
        self.coding = Coding.of(own.rows, own.units, own.levels, like.contract)
        self.like, self.points = like, tuple(points)
        self.fits = tuple(like.binary if fits is None else fits)
        d = len(like.names) + 1
        i, j = np.triu_indices(d)
        two_valued = np.append(self.coding.is_two_valued, True)
        kept = ~((i == j) & two_valued[i])
        self._places = i[kept], j[kept]
        self._gram_sizes = gram_sizes(own.rows, self.coding)[self._places]

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        """What each number is about: over versions and jobs half of the error is the same for the same label."""
        names = (*self.like.names, "1")
        found = [("square" if i == j else "gram", names[i], names[j]) for i, j in zip(*self._places, strict=True)]
        for name in self.fits:
            design = [other for other in names if other != name]
            for kind in ("score", "information", *(("point score", "point information") if name in self.points else ())):
                found += [(kind, name, other) for other in design]
        return tuple(found)

    def numbers(self, stated: Stated, believed: File) -> tuple[Values, Values]:
        """Differences of a card from what it would be of the file `believed` without errors, and the sizes of errors."""
        own = believed.own_rows(b"reader")
        coding = Coding.of(own.rows, own.units, own.levels, believed.contract)
        raw = Frame(np.zeros(len(believed.names)), np.ones(len(believed.names)))
        change, mine = raw.to(self.coding.canonical), coding.own.to(self.coding.canonical)
        gram = change.T @ stated.gram @ change - mine.T @ own.gram @ mine
        found, sizes = [gram[self._places]], [self._gram_sizes]
        to_coding = raw.to(coding.canonical)
        released = Released(stated.n, to_coding.T @ stated.gram @ to_coding, coding)
        for name in self.fits:
            for differences, their_sizes in self._of_fit(name, stated, own, released, believed):
                found.append(differences)
                sizes.append(their_sizes)
        return np.concatenate(found), np.concatenate(sizes)

    def _of_fit(self, name: str, stated: Stated, own: OwnRows, released: Released, believed: File) -> list[tuple[Values, Values]]:
        place, coding = believed.place(name), released.coding
        contents = Contents(b"reader", lambda: coding.canonical_cells(own.rows), coding.is_two_valued, [place])
        question = Question.of(own, released, place + 1, believed.names, contents)
        penalty = released.penalty(question.others)
        beta, _ = maximum(own, question, penalty, np.zeros(len(penalty)))
        sums, sizes = sums_at(own, question, beta), sizes_at(own.rows, question, beta)
        score = (sums.H + np.diag(penalty)) @ (stated.beta[name] - beta)
        found = [_score(question, score, sizes), _diagonal(question, stated.information[name] - np.diagonal(sums.H), sizes)]
        if name in stated.points:
            point = stated.points[name]
            sums, sizes = sums_at(own, question, point["beta"]), sizes_at(own.rows, question, point["beta"])
            found += [_score(question, point["gradient"] - sums.g, sizes)]
            found += [_diagonal(question, point["information"] - np.diagonal(sums.H), sizes)]
        return found


def _score(question: Question, score: Values, sizes: Sizes) -> tuple[Values, Values]:
    """Of a score, in the direction in which errors are made."""
    return question.sign * (question.turn.T @ score), question.multiples * sizes.score


def _diagonal(question: Question, diagonal: Values, sizes: Sizes) -> tuple[Values, Values]:
    turned = np.append(question.turn[-1, :-1] > 0, False)
    return np.where(turned, diagonal[-1] - diagonal, diagonal), question.multiples * sizes.weight


def is_admitted(file: File, policy: Policy) -> bool:
    """Whether a site would state a card of a file."""
    fits = [file.place(name) + 1 for name in file.binary]
    return not any(finding.severity == "stop" for finding in admit(file.dataset()[0], policy, fits=fits))
