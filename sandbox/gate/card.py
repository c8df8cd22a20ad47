"""The card of a file: everything that its site ever says of it in blind pairs, made once from the rows that the site completed itself.

It is a list of numbers, each a sum over people with a sticky error (`sticky`), and a function of the file, the site's secret, the life of
the file and the policy alone: sizes of errors are the same for every job, and the error of a number depends on its columns only, whatever
else a model has. So one question has one answer.

What leaves:
* the joint Gram of all columns and the intercept, mean over the completed sets, over all rows; in it the entries of a column of two values
  with itself and with the intercept are one number with one error. Means and standard deviations of the site never leave but in it: it is
  transformed linearly into the units that were asked for. Nobody has two levels: such entries are 0, without an error. Correlations that no
  rows could have are floored away, the same from noisy numbers alone; that keeps the diagonal and the intercept's row;
* how many rows show each column, of the indicators of one predictor one number; the two values of columns that have two;
* the own fit of each binary target (`stated_fits`), and of a selection model (`stated_selection`);
* under a policy that is exact, the Gram of the rows that show each target;
* of a column that no row shows: that no row shows it. Its entries in the Gram are 0, without an error, and central completes them
  (`unmeasured`). A fit without that column would be of another model: no fit is stated;
* at one common point, when asked for, the score of a binary target: the only numbers made after the card is. Where it is asked is computed
  from what was released, so that no reply depends on a row but by its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from policies import Policy
from sandbox.contract import Contract
from sandbox.errors import Code
from sandbox.estimation.information import information
from sandbox.gate.coding import Coding, Frame, Mask
from sandbox.gate.guard import Refusal
from sandbox.gate.kernels import Answer
from sandbox.gate.own_rows import OwnRows
from sandbox.gate.rows import Matrix, Rows
from sandbox.gate.stated_fits import Question, Released, StatedFit, score_error, sizes_at, stated_diagonal, stated_fits, sums_at
from sandbox.gate.stated_selection import SelectionWanted, StatedSelection, definite, stated_selection
from sandbox.gate.sticky import SHARE_OF_FARTHEST, Contents, Digest, Errors, typical
from sandbox.manifest import CARD
from sandbox.wanted import answers_exactly

ONE_PERSON: Final = 1.0
"""Smallest size of an error, in canonical coding: one person of two-valued columns, one at an sd of numeric ones."""
SMALLEST_VARIANCE: Final = 1.0
"""Smallest released sum of squares about the mean, in canonical coding."""
SMALLEST_COUNT: Final = 2.0
"""Smallest released number of people with either value of two: their sum of squares about the mean is then above the smallest."""
POINT_DIGITS: Final = 9
"""Decimals of a common point."""
FILLED_DIGITS: Final = 2
"""Decimals of a sum over filled cells that key its error."""
Part = npt.NDArray[np.generic]
Fields = dict[str, dict[str, Part]]


@dataclass(frozen=True, slots=True)
class Wants:
    """Which own fits the card of a job states, and where it answers scores."""

    fits: tuple[int, ...] = ()
    """Binary targets (1-based indices)."""
    selection: tuple[SelectionWanted, ...] = ()
    answers_points: bool = True
    """Whether the life of the file has room for the scores at common points."""
    points: Mapping[int, Matrix] = field(default_factory=dict)
    """By target, the points that the life has answered before, units of the fit, shape (q,): it answers no other ones."""


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a card, as the site's owner reads it."""

    what: str
    target: int
    """1-based index, 0 of a part about all columns."""
    shape: tuple[int, ...]
    n_numbers: int
    """Different numbers: symmetric halves once, and once what is one number by its nature."""
    error: float
    """Standard deviation, in what one typical person adds; 0: exact."""


@dataclass(frozen=True, slots=True, eq=False)
class PointScore:
    """The score of a binary target at a common point, units of the fit; q coefficients."""

    beta: Matrix
    """Where it was computed: what was asked, pulled in."""
    gradient: Matrix
    """Σ x(y − p), without a ridge."""
    information: Matrix
    """Diagonal of Σ w x x'."""


class Card:
    """What was made of the rows, and the rows for one more score per binary target."""

    def __init__(self, own: OwnRows, contract: Contract, errors: Errors, policy: Policy, wants: Wants) -> None:
        """See :func:`make_card`."""
        self._own, self._errors, self._policy, self._wants = own, errors, policy, wants
        names = errors.names or tuple(contract.column(index).name for index in contract.model)
        rows = own.rows
        coding = Coding.of(rows, own.units, own.levels, contract)
        fitted = sorted({rows.position(target) for target in (*wants.fits, *(wanted.target for wanted in wants.selection))})
        contents = Contents(errors.secret, lambda: coding.canonical_cells(rows), coding.is_two_valued, fitted)
        self._names = contents.named(names)
        self._model = contract.model
        self.n: Final = rows.n
        self.is_exact: Final = errors.size == 0.0
        self._blocks = [[rows.position(index) for index in block] for block in contract.blocks.values()]
        shown = [(contract.column(of).name, positions) for of, positions in zip(contract.blocks, self._blocks, strict=True)]
        self.n_observed: Final = _n_observed(coding, rows.n, self._names, contents, errors, shown)
        self._is_measured: Final = coding.moments.n > 0
        self._released = Released(rows.n, _joint_gram(own, coding, self._names, contents, errors, self._blocks), coding)
        self._exact_margins = _exact_margins(coding) if self.is_exact else None
        fits, selection = (wants.fits, wants.selection) if self._is_measured.all() else ((), ())
        self._questions = {target: Question.of(own, self._released, target, self._names, contents) for target in fits}
        self.fits: Final = stated_fits(own, tuple(self._questions.values()), self._released, errors, self.n_observed)
        self._grams = {target: own.gram_of(target) for target in contract.targets} if self.answers_exactly else {}
        self._n_of = {target: int(coding.moments.n[rows.position(target)]) for target in contract.targets}
        self.selections: Final = {
            wanted.target: stated_selection(
                own, self._released, Question.of(own, self._released, wanted.target, self._names, contents), wanted, errors
            )
            for wanted in selection
        }
        self._points: dict[int, PointScore] = {}

    @property
    def answers_exactly(self) -> bool:
        """Whether the site answers exact questions about its rows, and states the Gram of each target.

        One that lacks a column would answer of another model; it takes part by its card, which central completes.
        """
        return answers_exactly(self._policy) and bool(self._is_measured.all())

    @property
    def answers_points(self) -> bool:
        """Whether scores at common points are answered: the policy lets them, and the life of the file has room for them."""
        return self._policy.points != "none" and self._wants.answers_points

    @property
    def is_two_valued(self) -> Mask:
        """Which columns of the model are of two values, shape (columns,)."""
        return self._released.coding.is_two_valued

    # --- what is stated

    def margins(self) -> Answer:
        """n, Σx and Σx² of the cells that show each column, raw units, shape (columns,): derived from the card, exact under no errors."""
        n = np.rint(self.n_observed).astype(np.int64)
        parts: dict[str, Part] = {"n": n}
        if self._exact_margins is not None:
            parts["total"], parts["total_squares"] = self._exact_margins
        else:
            k = len(self._model)
            gram = self._gram_in(Frame(np.zeros(k), np.ones(k)))
            share = n / self.n
            parts["total"], parts["total_squares"] = gram[-1, :-1] * share, np.diagonal(gram)[:-1] * share
        return Answer("margins", self.n, parts, {})

    def stated(self, centre: Matrix, scale: Matrix) -> Fields:
        """The fields of the card and their parts, as `sandbox.manifest.CARD_PARTS` declares them.

        Args:
            centre: of the units in which the Grams are stated, raw units, shape (columns,).
            scale: as `centre`, positive.
        """
        asked = Frame(centre, scale)
        coding = self._released.coding
        fields: Fields = {
            CARD: {
                "n": np.asarray(self.n, np.int64),
                "n_observed": self.n_observed.copy(),
                "levels": coding.levels.copy(),
                "gram": self._gram_in(asked),
                "is_exact": np.asarray(int(self.answers_exactly), np.int64),
                "error": np.asarray(self._errors.size),
                "answers_points": np.asarray(int(self.answers_points), np.int64),
            }
        }
        for target, fit in self.fits.items():
            fields[f"fit.{target}"] = _parts(fit)
        change = coding.own.to(asked)
        for target, gram in self._grams.items():
            fields[f"gram.{target}"] = {"n": np.asarray(self._n_of[target], np.int64), "gram": change.T @ gram @ change}
        for target, stated in self.selections.items():
            fields[f"selection.{target}"] = _parts(stated)
        return fields

    def _gram_in(self, frame: Frame) -> Matrix:
        change = self._released.coding.canonical.to(frame)
        gram = change.T @ self._released.gram @ change
        symmetric: Matrix = (gram + gram.T) / 2.0
        # Nobody has a value of it: in no units it is anything but 0.
        unmeasured = np.flatnonzero(~self._is_measured)
        symmetric[unmeasured] = symmetric[:, unmeasured] = 0.0
        return symmetric

    def table(self) -> tuple[Line, ...]:
        """The card as its owner reads it: each part with how many numbers it states and how large their errors are."""
        c, size = len(self._model), self._errors.size
        n_measured, n_two_valued = int(self._is_measured.sum()), int((self.is_two_valued & self._is_measured).sum())
        widths = [len(positions) for positions in self._blocks if self._is_measured[positions[0]]]
        n_never = sum(width * (width - 1) // 2 for width in widths)
        lines = [
            Line("rows", 0, (), 1, 0.0),
            Line("n_observed", 0, (c,), c - sum(len(positions) - 1 for positions in self._blocks), size),
            Line("levels", 0, (c, 2), 2 * n_two_valued, 0.0),
            # n is a line of its own.
            Line("gram", 0, (c + 1, c + 1), (n_measured + 1) * (n_measured + 2) // 2 - 1 - n_two_valued - n_never, size),
        ]
        for target in self.fits:
            lines += [Line("fit.beta", target, (c,), c, size), Line("fit.information", target, (c,), c, size)]
        lines += [Line("gram.exact", target, (c + 1, c + 1), (c + 1) * (c + 2) // 2, 0.0) for target in self._grams]
        for target, stated in self.selections.items():
            t = len(stated.theta)
            lines += [
                Line("selection.theta", target, (t,), t, size),
                Line("selection.information", target, (t, t), t * (t + 1) // 2, size),
            ]
        return tuple(lines)

    # --- the one question afterwards

    def score(self, target: int, beta: Matrix) -> dict[str, Part]:
        """The parts of the score of a binary target at a common point, shape (q,), units of the fit.

        A point farther than the policy's `reach` from the own fit is pulled in. The first point that is asked of a target sticks: later
        ones get the same answer, whose β says where it is.

        Raises:
            Refusal: the policy answers no common point, there is no own fit of the target, or β is not what it should be.
        """
        if not self.answers_points or target not in self.fits:
            raise Refusal(Code.RULE_EVALUATIONS)
        if beta.shape != (len(self._model),) or not np.isfinite(beta).all():
            raise Refusal(Code.RULE_NOT_FINITE)
        if target not in self._points:
            question = self._questions[target]
            # Where it is computed is what keys its errors, to the last bit: two points with one error would be a difference without.
            at = np.round(self._wants.points.get(target, self.pulled_in(target, beta)), POINT_DIGITS)
            found = [sums_at(self._own, question, at) for _ in self._own.sets()]
            sizes, key = sizes_at(self._own.rows, question, at), at.tobytes()
            gradient = np.mean([sums.g for sums in found], axis=0) + score_error(question, sizes, self._errors, "point", key)
            information = stated_diagonal(question, np.mean([sums.H for sums in found], axis=0), sizes, self._errors, "point", key)
            self._points[target] = PointScore(at, gradient, information)
        return _parts(self._points[target])

    def pulled_in(self, target: int, beta: Matrix) -> Matrix:
        """β, or the point on the way to it from the own fit that is `reach` away, from released numbers only, shape (q,).

        The distance is the root mean square change of the linear predictor, rows weighted by their information at the own fit.
        """
        fit, question = self.fits[target], self._questions[target]
        if not fit.n:
            return beta
        others = [*question.others, -1]
        gram = self._gram_in(self._released.frame)[np.ix_(others, others)] * (fit.n / self.n)
        metric = information(gram, fit.beta, fit.information, self.is_two_valued[list(question.others)])
        away = beta - fit.beta
        distance = math.sqrt(max(float(away @ metric @ away), 0.0) / float(fit.information[-1]))
        return beta if distance <= self._policy.reach else fit.beta + away * (self._policy.reach / distance)


def make_card(own: OwnRows, contract: Contract, errors: Errors, policy: Policy, wants: Wants) -> Card:
    """The card of a file.

    Args:
        own: its rows, completed by the site.
        contract: of the columns.
        errors: keyed errors, of the size that the life has (`policies.life_budget.error_size`).
        policy: of the site.
        wants: which fits the job needs.

    Raises :class:`ValueError` for errors under a policy without, and the other way round.
    """
    if (errors.size > 0) != (policy.error > 0):
        raise ValueError("whether there are errors is the policy's")
    return Card(own, contract, errors, policy, wants)


def _n_observed(
    coding: Coding, n: int, names: Sequence[str], contents: Contents, errors: Errors, blocks: Sequence[tuple[str, list[int]]]
) -> Matrix:
    """Rows that show each column, with errors of one person; a column that is never shown says so.

    `blocks`: name and positions of the indicators of each predictor. They are shown by the same people: one number with one error, which
    knows how many have each level and not which level is told by no indicator.
    """
    counts = coding.moments.n.astype(np.float64)
    if not errors.size:
        return counts
    keys = {position: (names[position], contents.alone(position)) for position in range(len(counts))}
    for name, positions in blocks:
        has = [coding.has(position) for position in positions]
        told = sorted([*has, round(counts[positions[0]]) - sum(has)])
        keys |= dict.fromkeys(positions, (name, np.array([n, *told], "<i8").tobytes()))
    for position in np.flatnonzero(counts).tolist():
        name, content = keys[position]
        noise = errors.normal("rows that show", (name,), (content,))
        counts[position] = min(max(counts[position] + errors.size * noise, 1.0), float(n))
    return counts


def _exact_margins(coding: Coding) -> tuple[Matrix, Matrix]:
    """Σx and Σx² of the cells that show each column, raw units."""
    centre, scale, moments = coding.own.centre, coding.own.scale, coding.moments
    total = moments.n * centre + scale * moments.total
    squares = moments.n * centre**2 + 2.0 * centre * scale * moments.total + scale**2 * moments.squares
    return total, squares


def _joint_gram(
    own: OwnRows, coding: Coding, names: Sequence[str], contents: Contents, errors: Errors, blocks: Sequence[list[int]] = ()
) -> Matrix:
    """The Gram of all rows with its errors, canonical coding, positive definite, shape (d, d)."""
    change = coding.own.to(coding.canonical)
    gram: Matrix = change.T @ own.gram @ change
    n = own.rows.n
    gram[-1, -1] = n
    if not errors.size:
        return gram
    size, noise = errors.size * _gram_sizes(own.rows, coding), _gram_noise(gram, coding.is_complete, names, contents, errors)
    for positions in blocks:
        within = np.ix_(positions, positions)
        noise[within] = np.diag(np.diagonal(noise)[positions])
    measured = np.append(np.flatnonzero(coding.moments.n), len(gram) - 1)
    stated, within = np.zeros_like(gram), np.ix_(measured, measured)
    stated[within] = _with_errors(gram[within], size[within], noise[within], coding.is_two_valued[measured[:-1]], n)
    return stated


def _with_errors(gram: Matrix, size: Matrix, noise: Matrix, is_two_valued: Mask, n: int) -> Matrix:
    """The Gram of n rows with errors of these sizes, of columns that some rows show; all of shape (d, d), and used up."""
    two_valued = np.flatnonzero(is_two_valued)
    # Σu² = Σu is one number: one error.
    gram[two_valued, two_valued] = gram[two_valued, -1]
    size[two_valued, two_valued] = size[two_valued, -1]
    noise[two_valued, two_valued] = noise[two_valued, -1]
    size[-1, -1] = 0.0
    return settled(gram + size * noise, is_two_valued, n)


def settled(gram: Matrix, is_two_valued: Mask, n: int) -> Matrix:
    """A noisy Gram as that of rows could be: possible counts, positive variances and correlations. From noisy numbers only."""
    gram = (gram + gram.T) / 2.0
    two_valued = np.flatnonzero(is_two_valued)
    counts = np.clip(gram[two_valued, -1], SMALLEST_COUNT, n - SMALLEST_COUNT)
    gram[two_valued, -1] = gram[-1, two_valued] = gram[two_valued, two_valued] = counts
    total = gram[:-1, -1]
    means = np.outer(total, total) / n
    gram[:-1, :-1] = definite(gram[:-1, :-1] - means, SMALLEST_VARIANCE) + means
    gram[two_valued, two_valued] = counts
    return gram


def _gram_sizes(rows: Rows, coding: Coding) -> Matrix:
    """Sizes of the errors of a Gram's entries, canonical coding, shape (d, d).

    From the rows that show both columns: what is filled depends on the other columns, and so on the job. Who is far out in a column
    multiplies by it what others do not know of that person, however many the others are: so a sum with another column has an error of
    a share of the farthest one, too.
    """
    d = rows.n_columns + 1
    squares, absolutes = np.zeros((d, d)), np.zeros((d, d))
    farthest = np.zeros(d)
    for cells in coding.canonical_cells(rows):
        some = np.ones((d, cells.shape[1]))
        # The larger of 0 and what is no number is 0.
        np.fmax(np.abs(cells, out=cells), 0.0, out=some[:-1])
        np.maximum(farthest, some.max(axis=1, initial=0.0), out=farthest)
        absolutes += some @ some.T
        some *= some
        squares += some @ some.T
    farthest *= SHARE_OF_FARTHEST
    farthest[np.append(coding.is_two_valued, True)] = 0.0
    floor = np.maximum(np.maximum.outer(farthest, farthest), ONE_PERSON)
    # A square is far out by itself: a typical contributor is that one then.
    np.fill_diagonal(floor, ONE_PERSON)
    multiples = np.append(coding.multiples, 1.0)
    sizes: Matrix = typical(squares, absolutes, floor) * np.maximum.outer(multiples, multiples)
    return sizes


def _gram_noise(gram: Matrix, is_complete: Mask, names: Sequence[str], contents: Contents, errors: Errors) -> Matrix:
    """A standard normal number for each entry of a Gram (canonical coding, without errors), shape (d, d), symmetric."""

    def normal(kind: str, j: int, k: int, digest: Digest) -> float:
        # What is filled may depend on the other columns of a job: the difference of two such sums must not be without errors.
        filled = b"" if is_complete[j] and is_complete[k] else np.round(gram[j, k], FILLED_DIGITS).tobytes()
        return errors.normal(kind, sorted({names[j], names[k]}), (digest, filled))

    noise = np.zeros_like(gram)
    for j in range(len(names)):
        alone = contents.alone(j)
        noise[j, j] = normal("sum of squares", j, j, alone)
        noise[j, -1] = noise[-1, j] = normal("sum", j, j, alone)
    for (j, k), digest in contents.pairs().items():
        noise[j, k] = noise[k, j] = normal("sum of products", j, k, digest)
    return noise


def _parts(stated: StatedFit | StatedSelection | PointScore) -> dict[str, Part]:
    """The parts of a field of a card: copies."""
    return {name: np.array(getattr(stated, name)) for name in stated.__slots__}
