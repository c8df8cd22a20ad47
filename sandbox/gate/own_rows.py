"""A site's own rows: every row of the file, its missing cells filled L times by the site's own chained equations. Once for a file.

What a site states of its file is the mean over these L sets, so that no question moves a cell and no cell is a message. The chained
equations are those of van Buuren (2018, ch. 4.5): a sweep draws each incomplete column given all others, from

  continuous column   linear regression, σ² ~ SSE / χ²(df), β ~ N(β̂, σ²V), cell = xβ + σε
  two-valued column   logistic regression with ridge .01, β ~ N(β̂, V), cell ~ Bernoulli
  category            multinomial regression with ridge .01, β ~ N(β̂, V), one level for all its indicators

where "two-valued" is what the cells are here, 0 and 1 being the lower and the upper value, whatever the job calls the column. A column
that carries no fit is filled with draws from its observed cells. A column that no row shows is a constant 0 and in no fit: its site cannot
fill it. Columns that this job ignores are not read as numbers: no model has them.

All of it is done in the canonical form of the file (`canon`): what is drawn depends on the site's secret and on what the columns of the
model say, not on the order of rows and columns, on units and codes, nor on anything that a job says: targets, seed, pair or policy.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from sandbox.contract import Contract
from sandbox.errors import Code, InputError
from sandbox.estimation import aggregates
from sandbox.estimation.cholesky import Factor, FitError, factor
from sandbox.estimation.fits import penalty
from sandbox.estimation.linear import least_squares
from sandbox.estimation.logistic import DECREMENT, logistic
from sandbox.gate import kernels
from sandbox.gate.canon import Block, Canon, Kind, Side, find_canon
from sandbox.gate.dataset import Dataset
from sandbox.gate.draws import KEY_BYTES, RowDraws
from sandbox.gate.kernels import Units
from sandbox.gate.multinomial import Multinomial
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Matrix, Rows

BURN_IN: Final = 10
"""Sweeps before the first set is kept."""
SPACING: Final = 2
"""Sweeps from one kept set to the next."""
N_SETS: Final = 10
N_SETS_OF_MANY: Final = 5
MANY_ROWS: Final = 50_000
"""Above it fewer sets do: what they leave of the imputation's own error is small against that of the columns."""
RIDGE: Final = 0.01
"""On slopes, standardised units. A column that is constant or doubled here has a fit all the same, and a separated one an end."""
MIN_DF: Final = 5
"""Fewest residual degrees of freedom of a linear fit: with four or fewer a draw of σ² has no variance."""
DECREMENT_PER_ROOT: Final = 0.01
"""Newton decrement, per root of Σ p(1−p), below which a step ends a fit. The step leaves an error of ½ max|x'd| √λ standard errors, and
max|x'd| is about 6 √(λ / Σ p(1−p)): together less than .03. So a warm start needs one step where rows are many."""
MANY_WEIGHTS: Final = 10_000.0
"""Σ p(1−p) from which the information of an earlier sweep does for a step: imputed cells and β move it by a few hundredths only."""
STALE_DECREMENT: Final = 1.0
"""Newton decrement below which such a step ends a fit: it leaves those hundredths of it."""
MAX_STALE_STEPS: Final = 4
MAX_AGE: Final = 4
"""Times as many sweeps after which an information is computed anew: a chain settles. That of the first sweep, of cells that no fit has
filled, is used there only. So it is made in the sweeps 1, 2, 8 and 32."""
SMALLEST_RESIDUAL: Final = 0.05
"""Of 1 − R² in a start value: groups that hardly overlap are not started as if they did not at all."""
_PARAMETER_LABEL: Final = b"tidegate own parameters v1"
_CHI_SQUARE_ROW: Final = 1 << 32
"""Counter of a parameter draw that no coefficient has."""

Progress = Callable[[int, int], None]
Columns = dict[int, npt.NDArray[Any]]


class OwnRows:
    """All rows of a file, filled with one of the L sets at a time; at rest with the last one, of which the Grams in `rows` are."""

    def __init__(self, rows: Rows, units: Units, sides: Sequence[Side], sets: Sequence[_Kept], grams: Mapping[int, Matrix]) -> None:
        """Made by :func:`complete`. `grams`: the mean over the sets, of the rows that show each target, and of all (0)."""
        self.rows: Final = rows
        self.units = units
        """Centre and scale of the observed cells, raw units; `is_binary` marks binary targets."""
        self.n_sets: Final = max(len(sets), 1)
        """L; 1 when nothing is missing."""
        self.n_observed: Final = np.array([rows.n - rows.n_missing(index) if index in rows.fillable else rows.n for index in rows.model])
        """Rows that show each column in the model, shape (columns,)."""
        self.levels: Final = np.zeros((len(sides), 2))
        """Low and high of columns with exactly two distinct observed values, raw units; (0, 0) for all others. Shape (columns, 2)."""
        for position, side in enumerate(sides):
            if side.kind == "two_valued":
                self.levels[position] = side.low, side.high
        self._sets = sets
        self._grams = grams

    @property
    def gram(self) -> Matrix:
        """Σ zz' over all rows, mean over the sets, shape (d, d) with d = columns in the model + 1 (the intercept, last), in `units`."""
        return self._grams[0].copy()

    def gram_of(self, target: int) -> Matrix:
        """The same over the rows that show a target (1-based index)."""
        return self._grams[target].copy()

    def restate(self, units: Units) -> None:
        """Put the rows, the kept sets and the Grams into other units of the same columns."""
        factor, shift = self.units.scale / units.scale, (self.units.centre - units.centre) / units.scale
        for position in range(self.rows.n_columns):
            self.rows.rescale(position, float(factor[position]), float(shift[position]))
        change = np.diag(np.append(factor, 1.0))
        change[-1, :-1] = shift
        self._grams = {index: change.T @ gram @ change for index, gram in self._grams.items()}
        for kept in self._sets:
            kept.restate(units, factor, shift, self.rows)
        self.units = units

    def sets(self) -> Iterator[None]:
        """Put each completed set into the rows in turn. Only values: until the iteration has ended the Grams are those of the last set."""
        try:
            for kept in self._sets or (None,):
                if kept is not None:
                    kept.put_back(self.rows)
                yield
        finally:
            if self._sets:
                self._sets[-1].put_back(self.rows)


class _Kept:
    """The filled cells of one set: single precision, or for a two-valued column whether a cell is the upper value."""

    def __init__(self, rows: Rows, units: Units, indices: Sequence[int], region: Region) -> None:
        """Keep what the rows are filled with now. Raises `RegionFull`."""
        self._units = units
        self._cells: Columns = {}
        for index in indices:
            position, values = rows.position(index), rows.filled(index)
            is_code = bool(units.is_binary[position])
            cells = self._cells[index] = region.array(len(values), np.bool_ if is_code else np.float32)
            cells[:] = values > units.threshold(position) if is_code else values

    def restate(self, units: Units, factor: Matrix, shift: Matrix, rows: Rows) -> None:
        """The same cells in other units; of a two-valued column the codes stand for others."""
        for index, cells in self._cells.items():
            position = rows.position(index)
            if not self._units.is_binary[position]:
                cells *= factor[position]
                cells += shift[position]
        self._units = replace(units, is_binary=self._units.is_binary, levels=self._units.levels)

    def put_back(self, rows: Rows) -> None:
        """Fill the rows with it."""
        for index, cells in self._cells.items():
            position = rows.position(index)
            is_code = bool(self._units.is_binary[position])
            rows.put(index, np.where(cells, *self._units.standardised_levels(position)[::-1]) if is_code else cells.astype(np.float64))


def complete(dataset: Dataset, secret: bytes, region: Region, *, progress: Progress | None = None) -> OwnRows:
    """Complete a file. The data set is not in file order any more.

    Args:
        dataset: the upload, all rows of which take part.
        secret: of the site.
        region: where the rows and the kept sets live: one number per cell, and four bytes per missing cell and set.
        progress: told after each sweep how many are done, and how many there are.

    Raises:
        InputError: `RULE_NOT_FINITE`, a column's standard deviation or a filled cell is no number.
        RegionFull: no room.
    """
    contract, n_rows = dataset.contract, dataset.n_rows
    canon = find_canon(dataset.column, contract.model, n_rows, secret, list(contract.blocks.values()))
    sides = sorted((*canon.sides, *canon.indicators), key=lambda side: side.index)
    fillable = [side.index for side in sides if side.n_observed < n_rows or side.index in contract.targets]
    mask = np.column_stack([np.isnan(dataset.column(index)) for index in fillable])
    patterns = find_patterns(mask)
    del mask
    rows = Rows(dataset, np.arange(n_rows), patterns, region, np.array([1.0]), fillable)
    del patterns
    units = _units(sides, contract)
    chain = _Chain(rows, _chain_units(units, sides, canon), canon)
    del canon
    chain.start()
    sets, grams = _run(chain, region, progress)
    if not rows.is_finite:
        raise InputError(Code.RULE_NOT_FINITE)
    return OwnRows(rows, units, sides, sets, grams)


def _run(chain: _Chain, region: Region, progress: Progress | None) -> tuple[list[_Kept], dict[int, Matrix]]:
    """The kept sets, and the mean of their Grams."""
    rows = chain.rows
    n_sets = N_SETS if rows.n <= MANY_ROWS else N_SETS_OF_MANY
    n_sweeps = BURN_IN + SPACING * n_sets if chain.filled else 0
    sets: list[_Kept] = []
    grams = _grams(rows) if not n_sweeps else dict.fromkeys((0, *rows.targets), np.zeros((rows.p, rows.p)))
    for number in range(1, n_sweeps + 1):
        chain.sweep(number)
        if number > BURN_IN and (number - BURN_IN) % SPACING == 0:
            sets.append(_Kept(rows, chain.units, chain.filled, region))
            grams = {index: grams[index] + gram / n_sets for index, gram in _grams(rows).items()}
        if progress is not None:
            progress(number, n_sweeps)
    return sets, grams


def _grams(rows: Rows) -> dict[int, Matrix]:
    return {0: rows.total_gram(), **{target: rows.gram(target) for target in rows.targets}}


def _units(sides: Sequence[Side], contract: Contract) -> Units:
    """Centre and scale of the observed cells, as a card is asked in."""
    centre, scale = np.array([side.centre for side in sides]), np.array([side.scale for side in sides])
    return Units(centre, scale, centre, np.array([contract.column(index).is_binary for index in contract.model]))


def _chain_units(units: Units, sides: Sequence[Side], canon: Canon) -> Units:
    """The same for the site's own fits, to which every two-valued column is binary, and every indicator, whatever is observed of it."""
    coded = {side.index for side in canon.indicators}
    levels = np.array([(0.0, 1.0) if side.index in coded else (side.low, side.high) for side in sides])
    is_binary = np.array([side.kind == "two_valued" or side.index in coded for side in sides])
    return replace(units, is_binary=is_binary, levels=levels)


class _ParameterDraws:
    """The random numbers of one column's parameters in one sweep, as `estimation.fits` takes them."""

    def __init__(self, draws: RowDraws, place: int, sweep: int) -> None:
        self._draws, self._place, self._sweep = draws, place, sweep

    def normal(self, size: int) -> Matrix:
        """Standard normal numbers, shape (size,)."""
        return self._draws.normal(self._place, self._sweep, np.arange(size, dtype=np.int64))

    def chisquare(self, df: float) -> float:
        """One χ²(df), by its inverse distribution function."""
        uniform = self._draws.uniform(self._place, self._sweep, np.array([_CHI_SQUARE_ROW], np.int64))
        return 2.0 * float(gammaincinv(df / 2.0, uniform[0]))


class _Chain:
    """The site's own chained equations. Fits are made in canonical form and turned back into the form of the rows."""

    def __init__(self, rows: Rows, units: Units, canon: Canon) -> None:
        self.rows, self.units = rows, units
        measured = [side for side in canon.sides if side.is_measured]
        self.incomplete: Final = [side.index for side in measured if side.n_observed < rows.n]
        """The columns with missing cells that are filled, in the order of a sweep; without indicators."""
        self._blocks: Final = {block.indicators[0]: block for block in canon.blocks if 0 < block.n_observed < rows.n}
        """Those with missing cells, by their first indicators: they follow in a sweep."""
        self.filled: Final = [*self.incomplete, *(index for block in self._blocks.values() for index in block.indicators)]
        """All columns with missing cells that are filled."""
        self._unmeasured = [side.index for side in canon.sides if not side.is_measured]
        self._unmeasured += [index for block in canon.blocks if not block.n_observed for index in block.indicators]
        self._order = canon.order
        self._numbers = canon.numbers[rows.file_rows]
        """The canonical number of each row, in the order of `rows`."""
        self._draws = RowDraws(canon.key)
        self._parameters = RowDraws(hmac.digest(canon.key, _PARAMETER_LABEL, "sha256")[:KEY_BYTES])
        self._places = {side.index: place for place, side in enumerate(measured)}
        # One for all of a block: whatever is drawn for a row is drawn for its indicators together.
        self._places |= {index: len(measured) + place for place, block in enumerate(canon.blocks) for index in block.indicators}
        self._forms = {index: _Form.of((index,), rows, units, measured, canon.blocks) for index in self.incomplete}
        self._forms |= {index: _Form.of(block.indicators, rows, units, measured, canon.blocks) for index, block in self._blocks.items()}
        self._models = {side.index: MODELS[side.kind] for side in measured} | dict.fromkeys(self._blocks, MODELS["category"])
        self._modes: dict[int, _Mode] = {}

    def start(self) -> None:
        """Standardise the rows; missing cells start as draws from the observed ones."""
        starts = {index: self._donors(index, 0) for index in self.filled}
        starts |= {index: np.zeros(self.rows.n) for index in self._unmeasured}
        self.rows.standardise(self.units.centre, self.units.scale, starts)

    def sweep(self, number: int) -> None:
        """Draw every incomplete column given all others. Sweeps count from 1."""
        for index in (*self.incomplete, *self._blocks):
            try:
                self._models[index](self, index, number)
            except FitError:
                for column in self._blocks[index].indicators if index in self._blocks else (index,):
                    self._fill_as_observed(column, number)

    def _fill_linear(self, index: int, sweep: int) -> None:
        form = self._forms[index]
        parts = kernels.gram(self.rows, self.units, index).parts
        XX, Xy, yy = (np.asarray(parts[part], np.float64) for part in ("XX", "Xy", "yy"))
        gram = aggregates.Gram(self.rows.n_observed(index), form.matrix(XX), form.vector(Xy), float(yy))
        if gram.n < len(gram.Xy) + MIN_DF:
            raise FitError(Code.FIT_TOO_FEW_ROWS)
        beta, sigma = least_squares(gram, RIDGE).draw(_ParameterDraws(self._parameters, self._places[index], sweep))
        noise = self._draws.normal(self._places[index], sweep, self._row_numbers(index), self.rows.noise)
        if form.sign < 0:
            np.negative(noise, out=noise)
        self._fill(index, form.back(beta), sigma, noise)

    def _fill_logistic(self, index: int, sweep: int) -> None:
        form, mode = self._forms[index], self._modes.get(index)
        if mode is not None and mode.weight >= MANY_WEIGHTS and mode.sweep > 1 and sweep < MAX_AGE * mode.sweep:
            mode = self._follow(index, sweep, mode)
        else:
            mode = self._fit(index, sweep, mode)
        self._modes[index] = mode
        random = _ParameterDraws(self._parameters, self._places[index], sweep)
        beta = mode.beta + mode.information.spread(random.normal(len(mode.beta)))
        noise = self._draws.uniform(self._places[index], sweep, self._row_numbers(index), self.rows.noise)
        if form.sign < 0:
            np.subtract(1.0, noise, out=noise)
        self._fill(index, form.back(beta), None, noise)

    def _fit(self, index: int, sweep: int, before: _Mode | None) -> _Mode:
        """Newton's method, from the mode of the sweep before where there is one."""
        form = self._forms[index]
        information = np.empty(0)

        def ask(beta: Matrix) -> aggregates.Score:
            nonlocal information
            answer = kernels.glm_score(self.rows, self.units, index, form.back(beta))
            H, g, loglik = (np.asarray(answer.parts[part], np.float64) for part in ("H", "g", "loglik"))
            information = form.matrix(H)
            return aggregates.Score(answer.n, information, form.vector(g), float(loglik), 0.0)

        if before is None:
            parts = kernels.gram(self.rows, self.units, index).parts
            XX, Xy = (np.asarray(parts[part], np.float64) for part in ("XX", "Xy"))
            # As it is before the outcome is turned: what is 1 stays 1.
            start, tolerance = form.sign * discriminant_of(form.matrix(XX), form.sign * form.vector(Xy)), DECREMENT
        else:
            start, tolerance = before.beta, max(DECREMENT, DECREMENT_PER_ROOT * math.sqrt(before.weight))
        fit = logistic(ask, start, RIDGE, tolerance)
        inverse = factor(information + np.diag(penalty(len(start), 1, RIDGE)))
        return _Mode(fit.beta, inverse, float(information[-1, -1]), sweep)

    def _follow(self, index: int, sweep: int, mode: _Mode) -> _Mode:
        """The mode moved by steps with the information that it had; by :meth:`_fit` when these do not end."""
        form, ridge = self._forms[index], penalty(len(mode.beta), 1, RIDGE)
        beta = mode.beta
        for _ in range(MAX_STALE_STEPS):
            gradient = form.vector(kernels.glm_gradient(self.rows, self.units, index, form.back(beta))) - ridge * beta
            step = mode.information.solve(gradient)
            beta = beta + step
            if gradient @ step < STALE_DECREMENT:
                return replace(mode, beta=beta)
        return self._fit(index, sweep, mode)

    def _fill_category(self, index: int, sweep: int) -> None:
        """Of a block, by its first indicator."""
        block, form, before = self._blocks[index], self._forms[index], self._modes.get(index)
        model = Multinomial(self.rows, self.units, block, form.places, form.turn)
        mode = None
        if before is not None and before.weight >= MANY_WEIGHTS and before.sweep > 1 and sweep < MAX_AGE * before.sweep:
            followed = model.followed(before.beta, before.information, RIDGE)
            mode = None if followed is None else replace(before, beta=followed)
        if mode is None:
            tolerance = DECREMENT if before is None else max(DECREMENT, DECREMENT_PER_ROOT * math.sqrt(before.weight))
            fit = model.fit(None if before is None else before.beta, RIDGE, tolerance)
            mode = _Mode(fit.beta, fit.information, fit.weight, sweep)
        self._modes[index] = mode
        random = _ParameterDraws(self._parameters, self._places[index], sweep)
        beta = mode.beta + mode.information.spread(random.normal(len(mode.beta)))
        uniforms = self._draws.uniform(self._places[index], sweep, self._row_numbers(index), self.rows.noise)
        drawn = model.draw(beta, uniforms)
        for column in block.indicators:
            low, high = self.units.standardised_levels(self.rows.position(column))
            self.rows.refill(column, np.where(drawn == column, high, low))

    def _fill(self, index: int, beta: Matrix, sigma: float | None, noise: Matrix) -> None:
        filled = kernels.draw(self.rows, self.units, index, beta, sigma, noise, is_single=True)
        if not filled.is_finite:
            self.rows.undo(index)
            raise FitError(Code.FIT_NOT_CONVERGED)

    def _fill_as_observed(self, index: int, sweep: int) -> None:
        """Draw from the observed cells, as at the start."""
        values = self._donors(index, sweep)
        # A two-valued cell is kept as a code, to the last bit.
        is_code = self.units.is_binary[self.rows.position(index)]
        self.rows.refill(index, values if is_code else values.astype(np.float32).astype(np.float64))

    def _donors(self, index: int, sweep: int) -> Matrix:
        """A keyed bootstrap: an observed value for each missing cell, in the order of `rows.missing_rows`, in the units of the rows."""
        rows, file_rows = self.rows, self.rows.missing_rows(index)
        values, is_missing = np.empty(rows.n), np.zeros(rows.n, dtype=bool)
        values[rows.file_rows] = rows.column(rows.position(index))
        is_missing[file_rows] = True
        # In canonical order, so that a donor is a row and not a place in the file.
        observed = values[self._order[~is_missing[self._order]]]
        numbers = self._draws.uniform(self._places[index], sweep, self._row_numbers(index))
        return observed[(numbers * len(observed)).astype(np.intp)]

    def _row_numbers(self, index: int) -> npt.NDArray[np.int64]:
        return self.rows.of_missing(index, self._numbers)


MODELS: Final[Mapping[Kind, Callable[[_Chain, int, int], None]]] = {
    "numeric": _Chain._fill_linear,
    "two_valued": _Chain._fill_logistic,
    "constant": _Chain._fill_as_observed,
    "category": _Chain._fill_category,
}
"""Which model fills a column, by what its observed cells are. The one place that decides."""


@dataclass(frozen=True, slots=True, eq=False)
class _Mode:
    """Where a logistic fit ended, in canonical form."""

    beta: Matrix
    information: Factor
    """At the last point but one."""
    weight: float
    """Σ p(1−p) there."""
    sweep: int
    """When the information was computed."""


def discriminant(rows: Rows, units: Units, index: int) -> Matrix:
    """Where a first logistic fit starts, shape (q,): the linear discriminant, which the Gram of the rows gives for nothing.

    With b the least squares of y, p its mean and R² the fit's: slopes b / (p(1 − p)(1 − R²)), and log-odds logit p halfway between the
    means of the two groups (Hastie, Tibshirani and Friedman 2009, section 4.3). Raises :class:`FitError`, also where all
    are of one group.
    """
    parts = kernels.gram(rows, units, index).parts
    XX, Xy = (np.asarray(parts[part], np.float64) for part in ("XX", "Xy"))
    return discriminant_of(XX, Xy)


def discriminant_of(XX: Matrix, Xy: Matrix) -> Matrix:
    """The same from a Gram, shapes (q, q) and (q,), the intercept last."""
    n, n_ones = XX[-1, -1], Xy[-1]
    if not 0.5 < n_ones < n - 0.5:
        raise FitError(Code.FIT_NOT_CONVERGED)
    beta = factor(XX + np.diag(penalty(len(Xy), 1, RIDGE))).solve(Xy)
    total = n_ones * (n - n_ones) / n
    residual = max(n_ones - float(beta @ Xy), total * SMALLEST_RESIDUAL)
    beta *= n / residual
    middle = (Xy / n_ones + (XX[-1] - Xy) / (n - n_ones)) / 2.0
    beta[-1] = math.log(n_ones / (n - n_ones)) - float(beta[:-1] @ middle[:-1])
    return beta


class _Form:
    """Between the design of a column as the rows have it and the canonical one: another order of columns, mirror images, and another
    level without an indicator.

    Columns that no row shows are in no fit: there they have a coefficient of 0. Neither have levels that no row has.
    """

    def __init__(self, places: npt.NDArray[np.intp], turn: Matrix, sign: int) -> None:
        self.places: Final = places
        """Positions of the design in a design row, shape (q,)."""
        self.turn: Final = turn
        """T with x_canonical = x T, up to the sign of the outcome, shape (q, canonical q)."""
        self.sign: Final = sign
        """Of the outcome."""
        self._turned = sign * turn

    @classmethod
    def of(cls, indices: Sequence[int], rows: Rows, units: Units, sides: Sequence[Side], blocks: Sequence[Block]) -> _Form:
        """That of the design of a column, or of all indicators of a block, given the measured columns in canonical order."""
        own = {rows.position(index) for index in indices}
        places = np.array([position for position in range(rows.p) if position not in own])
        row_of = {int(position): row for row, position in enumerate(places)}
        sign = next((side.sign for side in sides if side.index in indices), 1)
        columns = []

        def add(weights: Mapping[int, float]) -> None:
            column = np.zeros(len(places))
            for position, weight in weights.items():
                column[row_of[position]] = weight
            columns.append(column)

        for side in sides:
            if side.index not in indices:
                add({rows.position(side.index): float(side.sign)})
        for block in blocks:
            for level in () if block.indicators[0] in indices else block.levels[1:]:
                add({rows.position(level): 1.0} if level else _without_indicator(block, rows, units))
        add({rows.p - 1: 1.0})
        return cls(places, np.column_stack(columns), sign)

    def matrix(self, matrix: Matrix) -> Matrix:
        """X'X or H in canonical form. The outcome's sign is in both factors and goes away."""
        return self._turned.T @ matrix @ self._turned

    def vector(self, vector: Matrix) -> Matrix:
        """X'y or a gradient in canonical form."""
        return self._turned.T @ vector

    def back(self, beta: Matrix) -> Matrix:
        """Canonical coefficients for the design as the rows have it."""
        return self._turned @ beta


def _without_indicator(block: Block, rows: Rows, units: Units) -> dict[int, float]:
    """The standardised column of the level that has no indicator, of those that have one: all of them add up to 1."""
    positions = [rows.position(index) for index in block.indicators]
    share = 1.0 - float(units.centre[positions].sum())
    scale = math.sqrt(share * (1.0 - share))
    return {
        position: -float(units.scale[position]) / scale
        for position, index in zip(positions, block.indicators, strict=True)
        if index in block.levels
    }
