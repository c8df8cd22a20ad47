"""Columns that a site never measured, completed at central from what the others state. Nothing is asked of the site, nothing is sent to it.

A site cannot fill a column that none of its rows shows. What a card says of its rows is a Gram, and of that a regression of the column on
all others gives the expectation: with the Gram K_oo of the columns that are shown, coefficients B and residual covariance R,

    K_oj = K_oo B,    K_jj = B' K_oo B + n R

(the E step of the EM algorithm for a multivariate normal, from sufficient statistics: Little and Rubin 2019, section 11.2). B and R belong
to the mean and covariance that everybody's Grams have together, central's rows among them, each completed in the same way. That is a fixed
point, and it is found by repetition. Where whoever lacks a column lacks the same, it is the regression among those who measured everything;
where they lack different ones, each tells what it can. Several columns of one site are completed jointly.

So the rows of such a site count for the continuous targets in which the column is a predictor, and tell nothing new of the column.

A completed Gram counts its rows as if they showed everything: standard errors would be too small (by .66 where most rows lack the column,
coverage .80). So the Gram that answers for a continuous target y is another one, of what the site's rows say of y in truth: given the
columns x that are shown, y has the mean xβ_x + (xΓ)β_j and the variance σ² + β_j' T β_j, where Γ and T are the regression of the missing
columns on x alone. It is the Gram of (x, xΓ, y) with the weight σ²/(σ² + β_j' T β_j): generalised least squares, with its expectation in
the place of a predictor (regression calibration: Carroll, Ruppert, Stefanski and Crainiceanu 2006, ch. 4). It tells of β_j only by xΓ, and
of the sum β_x + Γβ_j no more than Γ is known: what M rows that show the columns leave open, v M⁻¹ with v = β_j' T β_j, is added to its
variance. A fit of the site alone could not tell β_x and β_j apart: `glm_fit` is answered from the completed Gram.

A column that no site of the pool and too few rows of central's show cannot be completed: the job ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.errors import Code
from sandbox.gate.guard import Refusal
from sandbox.gate.rows import MANY_PATTERNS, Matrix, Rows
from sandbox.gate.taken_card import Fields
from sandbox.manifest import CARD

ROWS_PER_COEFFICIENT: Final = 2.0
"""Fewest rows that show a column, per coefficient of its regression."""
MAX_STEPS: Final = 1000
TOLERANCE: Final = 1e-9
"""Change of any second moment, units of about an sd, at which they stand."""
SLIGHTLY: Final = 1e-9
"""What is added to second moments, as a share: columns may add up to others."""

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows that show the same columns: those of a site, or of one missingness pattern at central."""

    shown: Mask
    """Of the design row, the intercept last, which everybody shows; shape (d,)."""
    gram: Matrix
    """Σ zz', central's units, shape (d, d). Entries of columns that are not shown are not read."""

    @property
    def n(self) -> float:
        """Rows."""
        return float(self.gram[-1, -1])

    def completed(self, moments: Matrix) -> Matrix:
        """Its expected Gram where rows have these second moments, shape (d, d)."""
        shown, hidden = np.flatnonzero(self.shown), np.flatnonzero(~self.shown)
        if not len(hidden):
            return self.gram
        crossed = moments[np.ix_(shown, hidden)]
        slopes = _regression(moments, shown, hidden)
        left = _not_negative(moments[np.ix_(hidden, hidden)] - crossed.T @ slopes)
        seen = self.gram[np.ix_(shown, shown)]
        filled = seen @ slopes
        gram = self.gram.copy()
        gram[np.ix_(shown, hidden)], gram[np.ix_(hidden, shown)] = filled, filled.T
        gram[np.ix_(hidden, hidden)] = slopes.T @ filled + self.n * left
        return gram

    def weighted(self, moments: Matrix, target: int, n_known: float) -> Matrix:
        """The Gram that tells of a target which is shown, at this position, what its rows do; shape (d, d).

        Args:
            moments: of everybody's rows.
            target: its position.
            n_known: rows that show the missing columns, per row that does not.
        """
        hidden, others = np.flatnonzero(~self.shown), np.delete(np.arange(len(self.gram)), target)
        known = np.setdiff1d(np.flatnonzero(self.shown), [target])
        slopes = _regression(moments, known, hidden)
        left = _not_negative(moments[np.ix_(hidden, hidden)] - moments[np.ix_(hidden, known)] @ slopes)
        beta = np.zeros(len(self.gram))
        beta[others] = _regression(moments, others, np.array([target]))[:, 0]
        variance = max(float(moments[target, target] - beta @ moments[target]), SLIGHTLY * float(moments[target, target]))
        extra = float(beta[hidden] @ left @ beta[hidden])
        weight = variance / (variance + extra)
        within = np.ix_(known, known)
        own, rows = _regression(self.gram, known, np.array([target]))[:, 0], self.gram[within]
        # ((σ² + v) K⁻¹ + v M⁻¹)⁻¹ σ², M the Gram of as many rows as tell of the regression.
        told = (
            weight
            * rows
            @ np.linalg.solve(_ridged(moments[within]) + weight * extra / (variance * n_known * self.n) * rows, moments[within])
        )
        told = (told + told.T) / 2.0
        expected = np.zeros((len(known), len(self.gram)))
        expected[np.arange(len(known)), known] = 1.0
        expected[:, hidden] = slopes
        expected[:, target] = own
        gram: Matrix = expected.T @ told @ expected
        gram[target, target] += weight * max(float(self.gram[target, target] - own @ rows @ own), 0.0)
        return gram


def complete_cards(cards: Mapping[str, Fields], rows: Rows) -> dict[str, Fields]:
    """The cards of all sites; those that never measured a column and need it with the Gram completed, and one for each target shown.

    Args:
        cards: by site, the fields of a card in central's units, which could be of rows (`taken_card.check_card`).
        rows: central's, in its units.

    Raises:
        Refusal: too few rows show a column (`FIT_TOO_FEW_ROWS`), or they do not tell of it (`FIT_SINGULAR`).
    """
    sites = {site: _group_of(fields) for site, fields in cards.items()}
    targets = [rows.position(target) for target in rows.targets]
    # Without a target of its own a site is asked for nothing of which the column is a part.
    lacking = [site for site, group in sites.items() if not group.shown.all() and group.shown[targets].any()]
    if not lacking:
        return dict(cards)
    groups = _merged([*sites.values(), *groups_of(rows)])
    if float(_rows_that_show(groups).min()) < ROWS_PER_COEFFICIENT * rows.n_columns:
        raise Refusal(Code.FIT_TOO_FEW_ROWS)
    try:
        moments = second_moments(groups)
        found = {site: _completed(cards[site], sites[site], moments, rows, n_known(sites[site], groups)) for site in lacking}
    except np.linalg.LinAlgError as error:
        raise Refusal(Code.FIT_SINGULAR) from error
    return {**cards, **found}


def n_known(group: Group, groups: Sequence[Group]) -> float:
    """Rows that show what a group does not, per row that does not: of the column that fewest show."""
    n, shown = sum(one.n for one in groups), float(_rows_that_show(groups)[~group.shown].min())
    return shown / (n - shown)


def _completed(fields: Fields, group: Group, moments: Matrix, rows: Rows, known: float) -> Fields:
    """A card that lacks columns, with its Grams."""
    n_observed = np.asarray(fields[CARD]["n_observed"], np.float64)
    completed = {**fields, CARD: {**fields[CARD], "gram": group.completed(moments)}}
    for target in rows.targets:
        position = rows.position(target)
        if group.shown[position]:
            gram = group.weighted(moments, position, known) * (n_observed[position] / group.n)
            completed[f"gram.{target}"] = {"n": np.asarray(round(n_observed[position]), np.int64), "gram": gram}
    return completed


def groups_of(rows: Rows) -> Iterator[Group]:
    """Central's rows by the targets that they show: the most frequent patterns, where there are many."""
    position = [rows.position(target) for target in rows.fillable]
    kept = [*range(rows.n_columns), rows.p - 1]
    counts = np.diff(rows.bounds)
    for pattern in np.argsort(-counts, kind="stable")[:MANY_PATTERNS].tolist():
        shown = np.ones(rows.n_columns + 1, dtype=bool)
        shown[position] = ~rows.masks[pattern]
        yield Group(shown, rows.gram_of_pattern(pattern)[np.ix_(kept, kept)])


def second_moments(groups: Sequence[Group]) -> Matrix:
    """E zz' of the rows of all groups together, shape (d, d): the fixed point of completing every Gram and taking the mean.

    It begins with those who show everything where they are enough, and else with columns that have nothing to do with each other.
    """
    moments = _first(groups)
    for _ in range(MAX_STEPS):
        before = moments
        moments = _mean([group.completed(before) for group in groups])
        if float(np.abs(moments - before).max()) < TOLERANCE:
            break
    return moments


def _first(groups: Sequence[Group]) -> Matrix:
    whole = [group for group in groups if group.shown.all()]
    if sum(group.n for group in whole) >= ROWS_PER_COEFFICIENT * len(groups[0].gram):
        return _mean([group.gram for group in whole])
    n = _rows_that_show(groups)
    mean = np.sum([np.where(group.shown, group.gram[:, -1], 0.0) for group in groups], axis=0) / n
    squares = np.sum([np.where(group.shown, np.diagonal(group.gram), 0.0) for group in groups], axis=0) / n
    first: Matrix = np.outer(mean, mean) + np.diag(np.maximum(squares - mean * mean, 0.0))
    return first


def _mean(grams: Sequence[Matrix]) -> Matrix:
    """Per row."""
    total: Matrix = np.sum(grams, axis=0)
    mean: Matrix = total / total[-1, -1]
    return mean


def _rows_that_show(groups: Sequence[Group]) -> Matrix:
    """How many show each column, shape (d,)."""
    n: Matrix = np.sum([group.n * group.shown for group in groups], axis=0)
    return n


def _group_of(fields: Fields) -> Group:
    card = fields[CARD]
    shown = np.append(np.asarray(card["n_observed"], np.float64) > 0, True)
    return Group(shown, np.asarray(card["gram"], np.float64))


def _merged(groups: list[Group]) -> list[Group]:
    """One group for each set of columns that are shown: completing is linear in the Gram."""
    found: dict[bytes, Group] = {}
    for group in groups:
        key = group.shown.tobytes()
        found[key] = Group(group.shown, found[key].gram + group.gram) if key in found else group
    return list(found.values())


def _regression(moments: Matrix, on: Places, of: Places) -> Matrix:
    """Coefficients of some columns on others, shape (len(on), len(of))."""
    return np.asarray(np.linalg.solve(_ridged(moments[np.ix_(on, on)]), moments[np.ix_(on, of)]), np.float64)


def _ridged(moments: Matrix) -> Matrix:
    ridged: Matrix = moments + SLIGHTLY * np.diag(np.diagonal(moments))
    return ridged


def _not_negative(covariance: Matrix) -> Matrix:
    """The nearest covariance: what errors of a Gram leave below 0 is 0."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2.0)
    nearest: Matrix = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return nearest
