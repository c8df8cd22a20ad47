"""Logistic fits as a card states them: coefficients and the diagonal of the information, each with sticky errors; the score at a common
point.

The fit has a ridge in units of the released margins, which keeps it finite where there are few events, and which who reads the card can
take off again. An error e of the score Σ x(y − p) becomes (H + Λ)⁻¹e of the coefficients, so that it weighs in a direction what one person
does.

All is in *units of the fit*: numeric columns (x − m)/s with m and s from the released Gram, columns of two values 0 and 1 (lower, higher),
the intercept 1. Errors are made in the canonical direction of columns (`coding`) and turned into that of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from sandbox.estimation.cholesky import FitError
from sandbox.gate import kernels
from sandbox.gate.coding import CELLS_AT_ONCE, Coding, Frame
from sandbox.gate.fit_units import INTERCEPT_RIDGE, RIDGE
from sandbox.gate.own_rows import MANY_ROWS, OwnRows, discriminant
from sandbox.gate.rows import Matrix, Rows
from sandbox.gate.sticky import SHARE_OF_FARTHEST, Contents, Digest, Errors, typical

MAX_STEPS: Final = 60
TOLERANCE: Final = 1e-11
"""Newton decrement that a fit may leave: a few millionths of a standard error."""
NEAR: Final = 1.0
"""Newton decrement below which steps with a curvature of before are tried: they need the gradient alone."""
CLOSING: Final = 4.0
"""How many times smaller such a step makes the decrement, or it is not worth going on."""
SMALLEST_SCORE: Final = 0.5
"""Smallest size of an error of a score: Σφ²/Σ|φ| of y − p is a half when events are rare, and none at all is not told apart from few."""
SMALLEST_WEIGHT: Final = 0.05
"""Smallest size of an error of a diagonal, and smallest diagonal: p(1 − p) of one person at the risk of one in twenty."""
INTERCEPT: Final = "intercept"


@dataclass(frozen=True, slots=True, eq=False)
class Released:
    """What a card has stated of all rows: fits are made and read in units that follow from it."""

    n: int
    gram: Matrix
    """With its errors, canonical coding, shape (d, d)."""
    coding: Coding
    """Of it only which columns are of two values, their levels and the canonical coding's units are used, in which the Gram is."""

    @property
    def mean(self) -> Matrix:
        """Of each column, canonical units, shape (columns,)."""
        mean: Matrix = self.gram[:-1, -1] / self.n
        return mean

    @property
    def spread(self) -> Matrix:
        """Standard deviation of each column, canonical units, shape (columns,)."""
        spread: Matrix = np.sqrt(np.diagonal(self.gram)[:-1] / self.n - self.mean**2)
        return spread

    @property
    def frame(self) -> Frame:
        """The units of fits."""
        coding = self.coding
        centre = np.where(coding.is_two_valued, coding.levels[:, 0], coding.canonical.centre + coding.canonical.scale * self.mean)
        scale = np.where(coding.is_two_valued, coding.levels[:, 1] - coding.levels[:, 0], np.abs(coding.canonical.scale) * self.spread)
        return Frame(centre, scale)

    def penalty(self, others: Sequence[int]) -> Matrix:
        """Λ of a fit on the columns at these positions and the intercept, its diagonal."""
        slopes = np.where(self.coding.is_two_valued, self.spread**2, 1.0)[list(others)]
        return np.append(RIDGE * slopes, INTERCEPT_RIDGE)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A binary target, and what the errors of its numbers are made from."""

    target: int
    position: int
    others: tuple[int, ...]
    """Positions of the columns of its design, file order."""
    design: Matrix
    """T with x = z T for design rows in the rows' units, shape (d, q)."""
    threshold: float
    """What is above it is an event, in the rows' units."""
    turn: Matrix
    """Of x into the canonical direction, x_canonical = x · turn; it is its own inverse. Shape (q, q)."""
    sign: float
    """−1 where the events are the more frequent outcome."""
    multiples: Matrix
    """Of the sizes of errors of each coefficient, shape (q,)."""
    names: tuple[str, ...]
    """Of the target, then of the design's columns, in the life of the file."""
    rows_digest: Digest
    known: tuple[Digest, ...]
    """Of the design's columns."""

    @classmethod
    def of(cls, own: OwnRows, released: Released, target: int, names: Sequence[str], contents: Contents) -> Question:
        """That of a binary target (1-based index)."""
        coding, position = released.coding, own.rows.position(target)
        others = tuple(place for place in range(own.rows.n_columns) if place != position)
        design = np.delete(coding.own.to(released.frame), position, axis=1)
        rows_digest, known = contents.together(position)
        turned = coding.is_turned[list(others)]
        turn = np.diag(np.append(np.where(turned, -1.0, 1.0), 1.0))
        # A column of two values turns about ½ (1 − u), a numeric one about its mean, which is 0.
        turn[-1, :-1] = turned & coding.is_two_valued[list(others)]
        sign = -1.0 if coding.is_turned[position] else 1.0
        its_names = (names[position], *(names[place] for place in others))
        threshold = own.units.threshold(position)
        multiples = np.append(coding.multiples[list(others)], 1.0)
        return cls(target, position, others, design, threshold, turn, sign, multiples, its_names, rows_digest, tuple(known))

    @property
    def change(self) -> Matrix:
        """That of coefficients in units of the fit into those of the rows' design, shape (q, q)."""
        return self.design[[*self.others, -1]]

    def noise(self, errors: Errors, kind: str, extra: bytes = b"") -> Matrix:
        """A standard normal number for each coefficient, canonical direction, shape (q,).

        The half of the life knows target and column alone: another set of predictors is another question about the same people.
        """
        target, *others = self.names
        numbers = [
            errors.normal(kind, (target, name), (self.rows_digest, known, extra)) for name, known in zip(others, self.known, strict=True)
        ]
        return np.array([*numbers, errors.normal(f"{kind} {INTERCEPT}", (target,), (self.rows_digest, extra))])


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What is summed over the rows that show the target at one β, units of the fit; q coefficients."""

    H: Matrix
    """Σ w x x'."""
    g: Matrix
    """Σ x(y − p)."""
    loglik: float


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """What one typical person adds, canonical direction, shape (q,)."""

    score: Matrix
    weight: Matrix


def sums_at(own: OwnRows, question: Question, beta: Matrix) -> Sums:
    """The sums at `beta`, shape (q,), over the rows as they are filled now."""
    change = question.change
    parts = kernels.glm_score(own.rows, own.units, question.target, change @ beta).parts
    H, g = (np.asarray(parts[part], np.float64) for part in ("H", "g"))
    return Sums(change.T @ H @ change, g @ change, float(parts["loglik"]))


def sizes_at(rows: Rows, question: Question, beta: Matrix) -> Sizes:
    """The sizes of errors at `beta`, shape (q,), from the rows as they are filled now."""
    position, kept = question.position, [*question.others, -1]
    turned = question.design @ question.turn
    scale, shift, full = np.ones((rows.p, 1)), np.zeros((rows.p, 1)), question.design @ beta
    scale[list(question.others), 0], shift[list(question.others), 0] = turned[question.others, range(len(question.others))], turned[-1, :-1]
    scores, weights, farthest = np.zeros((2, rows.p)), np.zeros((2, rows.p)), np.zeros(rows.p)
    parts, at_once = rows.parts(question.target, is_missing=False), -(-CELLS_AT_ONCE // rows.p)
    pieces = (part.design[start : start + at_once] for part in parts for start in range(0, len(part.design), at_once))
    for columns in (piece.T for piece in pieces):
        p = expit(full @ columns)
        w, residual = p * (1.0 - p), np.abs((columns[position] > question.threshold) - p)
        x = columns * scale
        x += shift
        np.abs(x, out=x)
        scores[1] += x @ residual
        # As of sums of products: who is far out in a column multiplies by it an outcome that others do not know.
        np.maximum(farthest, (x * residual).max(axis=1, initial=0.0), out=farthest)
        x *= x
        scores[0] += x @ residual**2
        weights[1] += x @ w
        x *= x
        weights[0] += x @ w**2
    floor = np.maximum(SHARE_OF_FARTHEST * farthest[kept], SMALLEST_SCORE)
    return Sizes(typical(scores[0, kept], scores[1, kept], floor), typical(weights[0, kept], weights[1, kept], SMALLEST_WEIGHT))


def maximum(own: OwnRows, question: Question, penalty: Matrix, start: Matrix, curvature: Matrix | None = None) -> tuple[Matrix, Matrix]:
    """The penalised maximum of the likelihood of the rows as they are filled now, shape (q,), and a curvature close to it.

    Newton's method, a step halved until the objective is no lower. It is strictly concave, so that there is one and it is reached.

    Args:
        own: the rows.
        question: the target.
        penalty: the ridge, shape (q,).
        start: where it starts.
        curvature: of the objective at the maximum for a like set of rows, shape (q, q), by which it is looked for first.
    """
    if curvature is not None and (near := _follow(own, question, penalty, start, curvature)) is not None:
        return near, curvature
    beta, sums = start, sums_at(own, question, start)
    for _ in range(MAX_STEPS):
        curvature = sums.H + np.diag(penalty)
        gradient = sums.g - penalty * beta
        step = np.linalg.solve(curvature, gradient)
        decrement = float(gradient @ step)
        if decrement < TOLERANCE:
            return beta + step, curvature
        if decrement < NEAR and (near := _follow(own, question, penalty, beta + step, curvature)) is not None:
            return near, curvature
        objective, length = sums.loglik - 0.5 * float(penalty @ beta**2), 1.0
        while True:
            tried = beta + length * step
            sums = sums_at(own, question, tried)
            if sums.loglik - 0.5 * float(penalty @ tried**2) >= objective - 1e-9 * abs(objective) or length < 1e-6:
                break
            length /= 2.0
        beta = tried
    return beta, sums.H + np.diag(penalty)


def _follow(own: OwnRows, question: Question, penalty: Matrix, beta: Matrix, curvature: Matrix) -> Matrix | None:
    """The maximum by steps of one curvature, which need the gradient alone; None where they do not close in on it quickly."""
    change, inverse, before = question.change, np.linalg.inv(curvature), 0.0
    for _ in range(MAX_STEPS):
        gradient = kernels.glm_gradient(own.rows, own.units, question.target, change @ beta) @ change - penalty * beta
        step = inverse @ gradient
        decrement = float(gradient @ step)
        beta = beta + step
        left = decrement / before if before else 1.0
        # Each step leaves about the same share.
        if decrement * left < TOLERANCE:
            return beta
        if before and not left < 1.0 / CLOSING:
            return None
        before = decrement
    return None


@dataclass(frozen=True, slots=True, eq=False)
class StatedFit:
    """A fit as it is released, units of the fit."""

    n: float
    """Rows that show the target, as released."""
    beta: Matrix
    """Shape (q,)."""
    information: Matrix
    """Diagonal of Σ w x x', shape (q,)."""


def stated_fits(own: OwnRows, questions: Sequence[Question], released: Released, errors: Errors, n: Matrix) -> dict[int, StatedFit]:
    """The fits of binary targets, each over the rows that show it, mean over the completed sets; by target.

    Args:
        own: the rows.
        questions: one of each target.
        released: what the card states of all rows.
        errors: of the card.
        n: rows that show each column, as released, shape (columns,).
    """
    found = [_Found(own, question, released.penalty(question.others)) for question in questions]
    for _ in own.sets():
        for fit in found:
            fit.add()
    return {question.target: fit.stated(errors, float(n[question.position])) for question, fit in zip(questions, found, strict=True)}


class _Found:
    """The fits of one target to the sets, one after another."""

    def __init__(self, own: OwnRows, question: Question, penalty: Matrix) -> None:
        self._own, self._question, self._penalty = own, question, penalty
        self._last = _start(own, question)
        self._curvature: Matrix | None = None
        self._betas: list[Matrix] = []
        self._informations: list[Matrix] = []

    def add(self) -> None:
        """Fit the set that the rows are filled with."""
        self._last, self._curvature = maximum(self._own, self._question, self._penalty, self._last, self._curvature)
        self._betas.append(self._last)
        # Of many rows that of one set is as good as the mean.
        if self._own.rows.n <= MANY_ROWS or len(self._betas) == self._own.n_sets:
            information = sums_at(self._own, self._question, self._last).H
            self._curvature = information + np.diag(self._penalty)
            self._informations.append(information)

    def stated(self, errors: Errors, n: float) -> StatedFit:
        """The mean over the sets, with errors. Their sizes are those of the last set: in what a typical person adds sets hardly differ."""
        question, information = self._question, np.mean(self._informations, axis=0)
        if not n:
            return StatedFit(0.0, np.zeros(len(self._last)), np.zeros(len(self._last)))
        sizes = sizes_at(self._own.rows, question, self._last)
        error = np.linalg.solve(information + np.diag(self._penalty), score_error(question, sizes, errors, "fit"))
        return StatedFit(n, np.mean(self._betas, axis=0) + error, stated_diagonal(question, information, sizes, errors, "fit"))


def _start(own: OwnRows, question: Question) -> Matrix:
    """Where the first fit starts, units of the fit, shape (q,)."""
    try:
        return np.asarray(np.linalg.solve(question.change, discriminant(own.rows, own.units, question.target)), np.float64)
    except FitError:
        return np.zeros(len(question.change))


def score_error(question: Question, sizes: Sizes, errors: Errors, kind: str, extra: bytes = b"") -> Matrix:
    """The error of the score, units of the fit, shape (q,)."""
    scaled = errors.size * question.multiples * sizes.score
    error: Matrix = question.sign * (question.turn.T @ (scaled * question.noise(errors, f"{kind} score", extra)))
    return error


def stated_diagonal(question: Question, information: Matrix, sizes: Sizes, errors: Errors, kind: str, extra: bytes = b"") -> Matrix:
    """The diagonal of an information with its errors, units of the fit, shape (q,)."""
    diagonal = np.diagonal(information).copy()
    if not errors.size:
        return diagonal
    error = errors.size * question.multiples * sizes.weight * question.noise(errors, f"{kind} information", extra)
    # Σ w(1 − u)² = Σ w − Σ w u² for a column of two values.
    error[:-1] = np.where(question.turn[-1, :-1] > 0, error[-1] - error[:-1], error[:-1])
    return np.maximum(diagonal + error, SMALLEST_WEIGHT)
