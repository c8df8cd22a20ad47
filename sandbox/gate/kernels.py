"""The kernels: the only computations on rows whose results may leave. Numerically as the methods say, in standardised units.

The design of a target is every other column in the model in file order, then central's intercept, then the intercept; the outcome of a
continuous target is standardised, that of a binary target 0 or 1. Each answer comes with a bound on Σ|φ|, the sum of absolute
contributions of the rows, from which `release` takes the rounding grid.
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

MAX_HALF_EXPONENT: Final = 350.0
"""exp of twice it is finite; a probability beyond it is 0 or 1 in double precision."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a kernel found: the parts its kind declares, exact, and for each a bound on Σ|φ| (none: an exact count)."""

    kind: FieldKind
    n: int
    parts: Mapping[str, npt.NDArray[np.generic]]
    bounds: Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Units:
    """Centre and scale of every column in the model, raw units, shape (columns,); which of them are binary targets."""

    centre: Matrix
    scale: Matrix
    mean: Matrix
    is_binary: npt.NDArray[np.bool_]
    levels: Matrix | None = None
    """Raw values that stand for 0 and 1 of binary columns, shape (columns, 2); None where these are 0 and 1 themselves."""

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

    def raw_levels(self, position: int) -> tuple[float, float]:
        """The raw values that stand for 0 and 1 of a binary column."""
        return (0.0, 1.0) if self.levels is None else (float(self.levels[position, 0]), float(self.levels[position, 1]))

    def standardised_levels(self, position: int) -> tuple[float, float]:
        """As :meth:`raw_levels`, to the last bit what standardising makes of them."""
        low, high = ((level - self.centre[position]) / self.scale[position] for level in self.raw_levels(position))
        return float(low), float(high)

    def threshold(self, position: int) -> float:
        """What is above it is a 1, of the standardised values of a binary column."""
        return float((sum(self.raw_levels(position)) / 2 - self.centre[position]) / self.scale[position])


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
    return gram_of(rows.gram(target), rows.n_observed(target), rows.position(target), units)


def gram_of(full: Matrix, n: int, position: int, units: Units) -> Answer:
    """As :func:`gram`, from Σ zz' of the full design rows with the target observed, shape (p, p); the target stands at `position`."""
    others = np.delete(np.arange(len(full)), position)
    XX, Xy, yy = full[others[:, None], others], full[position, others], full[position, position]
    if units.is_binary[position]:
        # y = scale · z + centre, and the last column of the design is 1.
        low, high = units.raw_levels(position)
        scale, centre = units.scale[position] / (high - low), (units.centre[position] - low) / (high - low)
        yy = scale**2 * yy + 2 * scale * centre * Xy[-1] + centre**2 * XX[-1, -1]
        Xy = scale * Xy + centre * XX[:, -1]
    norms = np.sqrt(np.maximum(np.diagonal(XX), 0.0))
    bounds = {"XX": norms[:, None] * norms, "Xy": norms * np.sqrt(max(yy, 0.0)), "yy": np.asarray(yy)}
    return Answer("gram", n, {"n": np.asarray(n, np.int64), "XX": XX, "Xy": Xy, "yy": np.asarray(yy)}, bounds)


def _full(rows: Rows, target: int, beta: Matrix) -> Matrix:
    """Coefficients of a design row, shape (p,), of those of a target's design, shape (q,)."""
    full = np.zeros(rows.p)
    full[rows.others(target)] = beta
    return full


def glm_score(rows: Rows, units: Units, target: int, beta: Matrix) -> Answer:
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
    loglik = residual_squares = 0.0
    for part in rows.parts(target, is_missing=False):
        columns = part.design.T
        eta = full @ columns
        sign = np.copysign(1.0, columns[position] - threshold)
        u = eta * sign
        u *= -0.5
        if max_abs(u) > MAX_HALF_EXPONENT:
            np.clip(u, -MAX_HALF_EXPONENT, MAX_HALF_EXPONENT, out=u)
        np.exp(u, out=u)
        r = u * u
        r += 1.0
        root = u / r
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
    return Answer("glm_score", n, parts, bounds)


def glm_gradient(rows: Rows, units: Units, target: int, beta: Matrix) -> Matrix:
    """The gradient Σ (y − p) x of :func:`glm_score` alone, shape (q,): a fifth of its cost."""
    position = rows.position(target)
    full, threshold = _full(rows, target, beta), units.threshold(position)
    products = np.zeros(rows.p)
    with np.errstate(over="ignore"):
        for part in rows.parts(target, is_missing=False):
            columns = part.design.T
            residual = full @ columns
            np.exp(np.negative(residual, out=residual), out=residual)
            residual += 1.0
            # An infinite exp is a probability of 0.
            np.divide(-1.0, residual, out=residual)
            residual += columns[position] > threshold
            products += columns @ residual
    return products[rows.others(target)]


@dataclass(frozen=True, slots=True)
class Moments:
    """How many cells a draw filled, and their mean and variance in raw units; central's trace, never sent by a site."""

    n: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Filled:
    """What a draw did."""

    moments: Moments
    is_finite: bool
    """Whether every linear predictor is a number: else `rows.undo` takes the draw back."""


def draw(rows: Rows, units: Units, target: int, beta: Matrix, sigma: float | None, noise: Matrix, *, is_single: bool = False) -> Filled:
    """Fill the missing cells of `target`: Xβ + σε, or for a binary target Bernoulli(1 / (1 + exp(−Xβ))).

    Args:
        rows: the rows; their Grams are renewed.
        units: of the columns.
        target: 1-based index.
        beta: shape (q,), standardised units.
        sigma: residual sd in standardised units; None for a binary target.
        noise: for every missing cell, in the order of `rows.missing_rows`: a standard normal number, or a uniform one for a binary
            target. Overwritten with the cells' values.
        is_single: whether a continuous cell is rounded to single precision, which is all that is kept of it.
    """
    position = rows.position(target)
    centre, scale = units.centre[position], units.scale[position]
    full = _full(rows, target, beta)
    low, high = units.standardised_levels(position)
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
            if is_single:
                values[:] = values.astype(np.float32)

    rows.refill(target, noise, complete)
    return Filled(moments(noise, centre, scale), math.isfinite(max_abs(eta)))


def moments(values: Matrix, centre: float, scale: float) -> Moments:
    """Of standardised values, in raw units."""
    n = len(values)
    if not n:
        return Moments(0, 0.0, 0.0)
    mean = float(values.sum()) / n
    variance = max(float(values @ values) / n - mean**2, 0.0) * n / max(n - 1, 1)
    return Moments(n, centre + scale * mean, scale**2 * variance)
