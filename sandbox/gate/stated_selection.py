"""The own fit of a selection model as a card states it: θ̂ and the whole information, each with sticky errors.

θ = (γ, β, log σ, atanh ρ) as `sandbox.estimation.selection` has it, in units of the fit (`stated_fits`); a continuous outcome is
standardised by its released margins. The ridge is that of fits, on slopes. Where the fit of any completed set does not converge nothing is
stated: θ and information are 0, and so is the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from sandbox.errors import Code, Refused
from sandbox.estimation.aggregates import SelectionScore
from sandbox.estimation.arrays import Floats
from sandbox.estimation.cholesky import FitError
from sandbox.estimation.selection import selection
from sandbox.gate.coding import Mask
from sandbox.gate.fit_units import RIDGE
from sandbox.gate.kernels import Units
from sandbox.gate.likelihoods import LOG_SIGMA, TAU, A, B, Terms, binary, continuous, not_selected
from sandbox.gate.own_rows import OwnRows
from sandbox.gate.rows import Matrix, Rows
from sandbox.gate.selection import selection_score
from sandbox.gate.stated_fits import INTERCEPT, SMALLEST_SCORE, SMALLEST_WEIGHT, Question, Released
from sandbox.gate.sticky import Digest, Errors, typical

MAX_REACH: Final = 30.0
"""Largest linear predictor of a step: beyond it the likelihood of a row is rounding."""
SMALLEST_CORRELATION: Final = 0.002
"""Smallest eigenvalue of an information scaled to a unit diagonal."""


@dataclass(frozen=True, slots=True)
class SelectionWanted:
    """A selection model that a job fits."""

    target: int
    exclusion: int
    """1-based indices."""
    family: Literal["gaussian", "binomial"]


@dataclass(frozen=True, slots=True, eq=False)
class StatedSelection:
    """An own fit as it is released."""

    n: float
    """Rows of the file; 0 where the fit did not converge."""
    theta: Matrix
    """Shape (2q + 1,)."""
    information: Matrix
    """Without the ridge, shape (2q + 1, 2q + 1)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """A selection model in units of the fit and in those of the rows."""

    question: Question
    exclusion: int
    """Its place in the design."""
    wanted: SelectionWanted
    is_free: Mask
    """Which parts of θ are fitted, boolean, shape (2q + 1,)."""
    own: Matrix
    """Derivative of θ in the rows' units by θ in units of the fit."""
    shift: Matrix
    """θ in the rows' units where that in units of the fit is 0."""
    turn: Matrix
    """Derivative of θ by that in the canonical direction; its own inverse."""
    spread: Matrix
    """What each part of θ is multiplied by to be per sd of its column, shape (2q + 1,)."""

    @classmethod
    def of(cls, own: OwnRows, released: Released, question: Question, wanted: SelectionWanted) -> _Model:
        rows, position, q = own.rows, question.position, len(question.others) + 1
        exclusion = question.others.index(rows.position(wanted.exclusion))
        kept = np.delete(np.arange(q), exclusion)
        design = question.design[rows.others(wanted.target)]
        outcome, change, log_change = np.zeros(q - 1), 1.0, 0.0
        if wanted.family == "gaussian":
            frame, units = released.frame, released.coding.own
            change = float(frame.scale[position] / units.scale[position])
            outcome[-1] = (frame.centre[position] - units.centre[position]) / units.scale[position]
            log_change = float(np.log(change))
        jacobian = block_diag(design, change * design[np.ix_(kept, kept)], np.eye(2))
        shift = np.concatenate([np.zeros(q), outcome, [log_change, 0.0]])
        turn = block_diag(question.turn, question.sign * question.turn[np.ix_(kept, kept)], np.diag([1.0, question.sign]))
        is_free = np.ones(2 * q + 1, dtype=bool)
        is_free[-2] = wanted.family == "gaussian"
        slopes = np.append(np.where(released.coding.is_two_valued, released.spread, 1.0)[list(question.others)], 1.0)
        spread = np.concatenate([slopes, slopes[kept], [1.0, 1.0]])
        return cls(question, exclusion, wanted, is_free, jacobian, shift, turn, spread)

    @property
    def penalty(self) -> Matrix:
        """The ridge on θ in units of the fit, shape (2q + 1,)."""
        q = (len(self.spread) - 1) // 2
        penalty = RIDGE * self.spread**2
        penalty[[q - 1, 2 * q - 2, -2, -1]] = 0.0
        return penalty

    def fit(self, rows: Rows, units: Units) -> tuple[Matrix, Matrix]:
        """θ̂ and the information there, units of the fit. Raises `FitError` and `Refused`."""
        scaled = self.own / self.spread

        def ask(theta: Floats) -> SelectionScore:
            score = selection_score(rows, units, self.wanted.target, self.wanted.exclusion, self.shift + scaled @ theta)
            if not score.reach <= MAX_REACH:
                raise Refused("", Code.RULE_NOT_FINITE)
            parts = {name: np.asarray(part, np.float64) for name, part in score.answer.parts.items()}
            n, n_selected = int(parts["n"]), int(parts["n_selected"])
            H, g = scaled.T @ parts["H"] @ scaled, scaled.T @ parts["g"]
            return SelectionScore(n, n_selected, H, g, float(parts["loglik"]), 0.0)

        q = len(self.question.others) + 1
        fit = selection(ask, q, self.wanted.family, RIDGE, tolerance=1e-9)
        return fit.theta / self.spread, ask(fit.theta).H * np.outer(self.spread, self.spread)

    def sizes(self, rows: Rows, theta: Matrix) -> tuple[Matrix, Matrix]:
        """Sizes of the errors of score and information at `theta` (units of the fit), canonical direction."""
        t = len(theta)
        sums = [np.zeros(t), np.zeros(t), np.zeros((t, t)), np.zeros((t, t))]
        for columns, terms in self._terms(rows, self.shift + self.own @ theta):
            part = self._part_of(len(columns))
            within = part < len(terms.first)
            columns, part, here = columns[within], part[within], np.flatnonzero(within)
            first, second, squared = terms.first[part], terms.second[part[:, None], part], columns**2
            sums[0][here] += (first**2 * squared).sum(axis=1)
            sums[1][here] += np.abs(first * columns).sum(axis=1)
            for i, place in enumerate(here):
                sums[2][place, here] += (second[i] ** 2 * squared) @ squared[i]
                sums[3][place, here] += np.abs(second[i] * columns) @ np.abs(columns[i])
        return typical(sums[0], sums[1], SMALLEST_SCORE), typical(sums[2], sums[3], SMALLEST_WEIGHT)

    def _part_of(self, t: int) -> npt.NDArray[np.intp]:
        q = (t - 1) // 2
        return np.concatenate([np.full(q, A), np.full(q - 1, B), [LOG_SIGMA, TAU]])

    def _terms(self, rows: Rows, theta: Matrix) -> Iterator[tuple[Matrix, Terms]]:
        """Pieces of rows: what each part of θ multiplies, shape (2q + 1, rows), and the derivatives of their likelihood."""
        question, q = self.question, len(self.question.others) + 1
        gamma, beta = np.zeros(rows.p), np.zeros(rows.p)
        z = rows.others(self.wanted.target)
        gamma[z], beta[np.delete(z, self.exclusion)] = theta[:q], theta[q:-2]
        turned = question.design @ question.turn
        for is_missing in (True, False):
            for design in (part.design for part in rows.parts(self.wanted.target, is_missing=is_missing)):
                Z = (design @ turned).T
                columns = np.concatenate([Z, np.delete(Z, self.exclusion, axis=0), np.ones((2, Z.shape[1]))])
                a, b, y = design @ gamma, design @ beta, design[:, question.position]
                if is_missing:
                    yield columns, not_selected(a)
                elif self.wanted.family == "binomial":
                    yield columns, binary(a, b, (y > question.threshold).astype(np.float64), float(theta[-1]))
                else:
                    yield columns, continuous(a, b, y, float(theta[-2]), float(theta[-1]))


def stated_selection(own: OwnRows, released: Released, question: Question, wanted: SelectionWanted, errors: Errors) -> StatedSelection:
    """The own fit, mean over the completed sets."""
    model, t = _Model.of(own, released, question, wanted), 2 * len(question.others) + 3
    nothing = StatedSelection(0.0, np.zeros(t), np.zeros((t, t)))
    thetas: list[Matrix] = []
    informations: list[Matrix] = []
    sizes: list[tuple[Matrix, Matrix]] = []
    is_complete = not any(own.rows.n_missing(index) for index in own.rows.fillable if index != wanted.target)
    for _ in own.sets():
        # The model knows which outcomes are missing: where nothing else is, all sets are one.
        if is_complete and thetas:
            continue
        try:
            theta, information = model.fit(own.rows, own.units)
        except (FitError, Refused):
            return nothing
        thetas.append(theta)
        informations.append(information)
        sizes.append(model.sizes(own.rows, theta))
    theta, information = np.mean(thetas, axis=0), np.mean(informations, axis=0)
    if errors.size:
        score_size, information_size = (np.mean([pair[i] for pair in sizes], axis=0) for i in range(2))
        theta, information = _with_errors(model, theta, information, (score_size, information_size), errors)
    return StatedSelection(float(own.rows.n), theta, information)


def _with_errors(model: _Model, theta: Matrix, information: Matrix, sizes: tuple[Matrix, Matrix], errors: Errors) -> tuple[Matrix, Matrix]:
    """θ̂ + (H + Λ)⁻¹e and H + E, positive definite; parts of θ that are not fitted stay 0."""
    free, parts = np.flatnonzero(model.is_free), _parts(model)
    score = errors.size * sizes[0] * np.array([_normal(model, errors, "score", [part]) for part in parts])
    curvature = information + np.diag(model.penalty)
    theta = theta.copy()
    theta[free] += np.linalg.solve(curvature[np.ix_(free, free)], (model.turn.T @ score)[free])
    noise = np.zeros_like(information)
    for i, j in zip(*np.triu_indices(len(parts)), strict=True):
        noise[i, j] = noise[j, i] = _normal(model, errors, "information", [parts[i], parts[j]])
    stated = information + model.turn.T @ (errors.size * sizes[1] * noise) @ model.turn
    whole = np.zeros_like(stated)
    whole[np.ix_(free, free)] = definite(stated[np.ix_(free, free)], SMALLEST_WEIGHT)
    return theta, whole


def definite(matrix: Matrix, smallest: float) -> Matrix:
    """A symmetric matrix with a diagonal of at least `smallest`, which it keeps, and floored eigenvalues of its correlations."""
    root = np.sqrt(np.maximum(np.diagonal(matrix), smallest))
    correlation = matrix / np.outer(root, root)
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2.0)
    if values[0] < SMALLEST_CORRELATION:
        correlation = (vectors * np.maximum(values, SMALLEST_CORRELATION)) @ vectors.T
        kept = np.sqrt(np.diagonal(correlation))
        correlation = correlation / np.outer(kept, kept)
    result: Matrix = correlation * np.outer(root, root)
    return result


def _parts(model: _Model) -> list[tuple[str, Digest]]:
    """What each part of θ is called in the life of a file, and the rows that it is about."""
    names = [*model.question.names[1:], INTERCEPT]
    digests = [*model.question.known, b""]
    z = [(f"selection {name}", b"selection" + digest) for name, digest in zip(names, digests, strict=True)]
    x = [(f"outcome {name}", b"outcome" + digest) for name, digest in zip(names, digests, strict=True)]
    return [*z, *(part for place, part in enumerate(x) if place != model.exclusion), ("sigma", b"sigma"), ("rho", b"rho")]


def _normal(model: _Model, errors: Errors, kind: str, parts: Sequence[tuple[str, Digest]]) -> float:
    question = model.question
    names = sorted(name for name, _ in parts)
    contents = sorted(content for _, content in parts)
    about = (question.rows_digest, question.known[model.exclusion], *contents)
    return errors.normal(f"selection model {kind}", (question.names[0], *names), about)
