"""The kernels: the only computations on rows whose results may leave. Numerically as the methods say, in standardised units.

The design of a target is every other column in the model in file order, then central's intercept, then the intercept; the outcome of a
continuous target is standardised, that of a binary target 0 or 1. Each answer comes with a bound on Σ|φ|, the sum of absolute
contributions of the rows, from which `release` takes the rounding grid. Whether a question may be asked at all decides `guard`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from policies.disclosure import Fit
from sandbox.contract import Contract
from sandbox.gate.rows import Matrix, Rows, max_abs
from sandbox.manifest import FieldKind
from sandbox.wire.messages import Constants

BEYOND: Final = float(np.finfo(np.float64).max)
"""A linear predictor that no cap allows."""
MAX_TERMS: Final = 1e7
"""Of Σ|β_j| max|z_j|. Terms that are large and cancel leave a linear predictor of rounding errors, which is a step of the row and no longer
a line: with terms of 1e16, two people a year apart are as far apart as the cap allows. Below this bound a rounding error is below 1e-8."""
MAX_HALF_EXPONENT: Final = 350.0
"""exp of twice it is finite; a probability beyond it is 0 or 1 in double precision."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a kernel found: the parts its kind declares, exact, and for each a bound on Σ|φ| (none: an exact count)."""

    kind: FieldKind
    n: int
    parts: Mapping[str, npt.NDArray[np.generic]]
    bounds: Mapping[str, npt.NDArray[np.float64]]
    is_score: bool = False
    """Whether it answers a question at coefficients that central chose, or is as informative: rounded on the grid of scores."""


@dataclass(frozen=True, slots=True)
class Units:
    """Centre and scale of every column in the model, raw units, shape (columns,); which of them are binary targets."""

    centre: Matrix
    scale: Matrix
    mean: Matrix
    is_binary: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, constants: Constants, contract: Contract) -> Units:
        """The units that central fixed. Raises :class:`ValueError` when they are not usable."""
        centre, scale, mean = (np.frombuffer(array.data) for array in (constants.centre, constants.scale, constants.mean))
        is_binary = np.array([contract.column(index).is_binary for index in contract.model])
        if any(array.dtype != "<f8" or array.shape != is_binary.shape for array in (constants.centre, constants.scale, constants.mean)):
            raise ValueError
        if not (np.isfinite(centre).all() and np.isfinite(scale).all() and np.isfinite(mean).all() and (scale > 0).all()):
            raise ValueError
        if (mean[is_binary] < 0).any() or (mean[is_binary] > 1).any():
            raise ValueError
        return cls(centre, scale, mean, is_binary)

    def threshold(self, position: int) -> float:
        """What is above it is a 1, of the standardised values of a binary target."""
        return float((0.5 - self.centre[position]) / self.scale[position])


def fits(rows: Rows, units: Units) -> Iterator[Fit]:
    """Where the observed values of each column in the model lie in these units. Before standardisation only."""
    for position in range(rows.n_columns):
        observed = _observed(rows, position)
        if len(observed):
            is_constant = observed.min() == observed.max()
            spread = 0.0 if is_constant else float(observed.std() / units.scale[position])
            observed -= units.centre[position]
            observed /= units.scale[position]
            index = rows.model[position]
            is_drawn = index in rows.targets and not units.is_binary[position] and rows.n_missing(index) > 0
            yield Fit(float(np.sqrt(np.square(observed, out=observed).mean())), spread, is_drawn)


def is_linear(rows: Rows, *coefficients: Matrix) -> bool:
    """Whether Xβ is what it says on every row, and no residue of terms that cancel; each of `coefficients` has shape (p,)."""
    reach = rows.reach
    return all(bool(np.abs(full) @ reach <= MAX_TERMS) for full in coefficients)


def margins(rows: Rows) -> Answer:
    """n, Σx and Σx² of the observed cells of every column in the model, raw units, shape (columns,). Before standardisation only."""
    n, total, squares, absolute = (np.zeros(rows.n_columns) for _ in range(4))
    for position in range(rows.n_columns):
        observed = _observed(rows, position)
        n[position], total[position] = len(observed), observed.sum()
        squares[position], absolute[position] = observed @ observed, np.abs(observed).sum()
    parts = {"n": n.astype(np.int64), "total": total, "total_squares": squares}
    return Answer("margins", rows.n, parts, {"total": absolute, "total_squares": squares})


def _observed(rows: Rows, position: int) -> Matrix:
    """The observed values of a column. Before standardisation only."""
    values = rows.column(position)
    return values[~np.isnan(values)]


def start_values(rows: Rows, units: Units, numbers: Mapping[int, Matrix]) -> dict[int, Matrix]:
    """Raw start values of the missing cells of every target: a draw from the margin, or the mean.

    `numbers`: one for every cell: uniform for a binary target; standard normal for a continuous one, without which it starts at its mean.
    """
    starts = {}
    for index in rows.targets:
        position = rows.position(index)
        mean, scale = units.mean[position], units.scale[position]
        if units.is_binary[position]:
            starts[index] = (numbers[index] < mean).astype(np.float64)
        elif index in numbers:
            starts[index] = mean + scale * numbers[index]
        else:
            starts[index] = np.full(rows.n_missing(index), mean)
    return starts


def gram(rows: Rows, units: Units, target: int) -> Answer:
    """X'X (q×q), X'y (q), y'y and n over the rows with the target observed.

    Σ|φ| is bounded by Cauchy and Schwarz: Σ|x_a x_b| ≤ √(Σx_a² Σx_b²), with equality on the diagonal.
    """
    full, position = rows.gram(target), rows.position(target)
    others = rows.others(target)
    XX, Xy, yy = full[others[:, None], others], full[position, others], full[position, position]
    if units.is_binary[position]:
        # y = scale · z + centre, and the last column of the design is 1.
        scale, centre = units.scale[position], units.centre[position]
        yy = scale**2 * yy + 2 * scale * centre * Xy[-1] + centre**2 * XX[-1, -1]
        Xy = scale * Xy + centre * XX[:, -1]
    norms = np.sqrt(np.maximum(np.diagonal(XX), 0.0))
    bounds = {"XX": norms[:, None] * norms, "Xy": norms * np.sqrt(max(yy, 0.0)), "yy": np.asarray(yy)}
    n = rows.n_observed(target)
    return Answer("gram", n, {"n": np.asarray(n, np.int64), "XX": XX, "Xy": Xy, "yy": np.asarray(yy)}, bounds)


@dataclass(frozen=True, slots=True)
class Score:
    """A score answer and the evidence that its question is judged by."""

    answer: Answer
    max_abs_eta: float
    weight_sum: float


def _full(rows: Rows, target: int, beta: Matrix) -> Matrix:
    """Coefficients of a design row, shape (p,), of those of a target's design, shape (q,)."""
    full = np.zeros(rows.p)
    full[rows.others(target)] = beta
    return full


def glm_score(rows: Rows, units: Units, target: int, beta: Matrix) -> Score:
    """Observed information H (q×q), gradient g (q) and log-likelihood of a logistic fit at `beta` (q), in one pass.

    Branch-free: with σ = 1 for y = 1 and −1 for y = 0, u = exp(−ση/2) and r = 1 + u², the log-likelihood of a row is −log r, its weight
    p(1 − p) is (u/r)², and y − p is σu²/r = (u/r) · σu. So H and g are one symmetric product, of the columns √w·z and the column σu.
    """
    position = rows.position(target)
    full = _full(rows, target, beta)
    threshold = units.threshold(position)
    # BLAS multiplies columns in fours: one that is missing costs more than one of zeros.
    n_columns = -(-rows.p // 4) * 4
    products, buffer = np.zeros((n_columns, n_columns)), np.empty((n_columns, rows.tile_rows))
    buffer[rows.p :] = 0.0
    loglik = residual_squares = max_abs_eta = weight_sum = 0.0
    for part in rows.parts(target, is_missing=False):
        columns = part.design.T
        eta = full @ columns
        max_abs_eta = max(max_abs_eta, np.maximum.reduce(eta), -np.minimum.reduce(eta))
        sign = np.copysign(1.0, columns[position] - threshold)
        u = eta * sign
        u *= -0.5
        if max_abs_eta > 2.0 * MAX_HALF_EXPONENT:
            np.clip(u, -MAX_HALF_EXPONENT, MAX_HALF_EXPONENT, out=u)
        np.exp(u, out=u)
        r = u * u
        r += 1.0
        root = u / r
        weight_sum += float(root @ root)
        scaled = buffer[:, : len(u)]
        np.multiply(columns, root, out=scaled[: rows.p])
        u *= sign
        scaled[position] = u
        root *= u
        residual_squares += float(root @ root)
        loglik -= float(np.log(r, out=r).sum())
        products += scaled @ scaled.T
    others = rows.others(target)
    H, g = products[others[:, None], others], products[position, others]
    norms = np.sqrt(np.maximum(np.diagonal(H), 0.0))
    # Every row's contribution to the log-likelihood is at most 0, so its Σ|φ| is exact.
    bounds = {
        "H": np.outer(norms, norms),
        "g": np.sqrt(residual_squares * np.diagonal(rows.gram(target))[others]),
        "loglik": np.asarray(-loglik),
    }
    n = rows.n_observed(target)
    parts = {"n": np.asarray(n, np.int64), "H": H, "g": g, "loglik": np.asarray(loglik)}
    # A NaN must not hide behind max(): it is the largest of all.
    worst = max_abs_eta if np.isfinite(full).all() and np.isfinite(loglik) else np.inf
    worst = worst if is_linear(rows, full) else max(worst, BEYOND)
    return Score(Answer("glm_score", n, parts, bounds, is_score=True), worst, weight_sum)


@dataclass(frozen=True, slots=True)
class Moments:
    """How many cells a draw filled, and their mean and variance in raw units; central's trace, never sent by a site."""

    n: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Filled:
    """What a draw did, and the evidence that it is judged by."""

    moments: Moments
    max_abs_eta: float
    """The largest |Xβ|, infinite when one is not a number."""
    log_odds: Matrix | None
    """Of each missing cell of a binary target, in the order of `rows.missing_rows`; good until the next draw."""


def draw(rows: Rows, units: Units, target: int, beta: Matrix, sigma: float | None, noise: Matrix) -> Filled:
    """Fill the missing cells of `target`: Xβ + σε, or for a binary target Bernoulli(1 / (1 + exp(−Xβ))).

    It is judged when it is done, in the same pass over the rows: `rows.undo(target)` takes a draw back.

    Args:
        rows: the rows; their Grams are renewed.
        units: of the columns.
        target: 1-based index.
        beta: shape (q,), standardised units.
        sigma: residual sd in standardised units; None for a binary target.
        noise: for every missing cell, in the order of `rows.missing_rows`: a standard normal number, or a uniform one for a binary
            target. Overwritten with the cells' values.
    """
    position = rows.position(target)
    centre, scale = units.centre[position], units.scale[position]
    full = _full(rows, target, beta)
    low, high = -centre / scale, (1.0 - centre) / scale
    eta = rows.eta[: len(noise)]
    if sigma is not None:
        noise *= sigma

    def complete(design: Matrix, places: slice) -> None:
        predicted, values = np.matmul(design, full, out=eta[places]), noise[places]
        if sigma is None:
            # u < 1 / (1 + exp(−η)) without the division; an infinite exp is a probability of 0.
            is_one = values * (1.0 + np.exp(-predicted)) < 1.0
            values[:] = np.where(is_one, high, low)
        else:
            values += predicted

    is_sound = is_linear(rows, full)
    rows.refill(target, noise, complete)
    worst = max_abs(eta)
    worst = worst if math.isfinite(worst) else math.inf
    log_odds = eta if sigma is None else None
    return Filled(moments(noise, centre, scale), worst if is_sound else max(worst, BEYOND), log_odds)


def moments(values: Matrix, centre: float, scale: float) -> Moments:
    """Of standardised values, in raw units."""
    n = len(values)
    if not n:
        return Moments(0, 0.0, 0.0)
    mean = float(values.sum()) / n
    variance = max(float(values @ values) / n - mean**2, 0.0) * n / max(n - 1, 1)
    return Moments(n, centre + scale * mean, scale**2 * variance)


def imputed_summary(rows: Rows, units: Units, target: int) -> Answer:
    """Mean and sd of the imputed cells of `target`, in the units of its own fit."""
    position = rows.position(target)
    values = rows.filled(target)
    if units.is_binary[position]:
        values = (values > units.threshold(position)).astype(np.float64)
    n = len(values)
    mean = values.mean() if n else 0.0
    sd = values.std(ddof=1) if n > 1 else 0.0
    bounds = {"mean": np.asarray(np.abs(values).sum() / max(n, 1)), "sd": np.asarray(sd)}
    return Answer("imputed_summary", n, {"n": np.asarray(n, np.int64), "mean": np.asarray(mean), "sd": np.asarray(sd)}, bounds)
