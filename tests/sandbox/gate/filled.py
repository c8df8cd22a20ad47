"""Own rows for tests of cards: a file completed several times by values that others show, which is no imputation but has its interface."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence

import numpy as np

from sandbox.contract import Column, Contract
from sandbox.gate.dataset import Dataset
from sandbox.gate.kernels import Units
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Matrix, Rows
from sandbox.gate.tiles import Tiles


def contract_of(names: Sequence[str], *, continuous: Sequence[str] = (), binary: Sequence[str] = ()) -> Contract:
    """Columns by name: targets of two kinds, and predictors."""

    def column(name: str) -> Column:
        if name in binary:
            return Column(name, "target", "binary", ("0", "1"))
        return Column(name, "target", "continuous") if name in continuous else Column(name, "predictor")

    return Contract(tuple(column(name) for name in names))


class FilledRows:
    """Rows of a file, shape (rows, columns), NaN where missing (targets only)."""

    def __init__(self, values: Matrix, contract: Contract, *, n_sets: int = 3, seed: int = 0) -> None:
        n, k = values.shape
        self.region = Region(mmap.mmap(-1, max(4 << 20, 80 * n * (k + 4) + 800 * k * k)))
        tiles = Tiles(self.region, k + 1)
        tiles.append(values)
        dataset = Dataset(contract, {index: index - 1 for index in contract.model}, tiles)
        is_missing = np.isnan(values[:, [index - 1 for index in contract.targets]])
        self.rows = Rows(dataset, np.arange(n), find_patterns(is_missing), self.region, np.array([1.0]))
        is_binary = np.array([contract.column(index).is_binary for index in contract.model])
        centre, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        scale = np.where(spread > 1e-9, spread, 1.0)
        self.units = Units(centre, scale, centre, is_binary)
        self.contract = contract
        self.levels = np.zeros((k, 2))
        for place, column in enumerate(values.T):
            distinct = np.unique(column[~np.isnan(column)])
            if len(distinct) == 2:
                self.levels[place] = distinct
        self._random = np.random.default_rng(seed)
        self._fills: list[dict[int, Matrix]] = []
        self.n_sets = n_sets if is_missing.any() else 1
        self._start(values)

    def _start(self, values: Matrix) -> None:
        for _ in range(self.n_sets):
            fills = {}
            for index in self.contract.targets:
                column = values[:, index - 1]
                fills[index] = self._random.choice(column[~np.isnan(column)], self.rows.n_missing(index))
            self._fills.append(fills)
        self.rows.standardise(self.units.centre, self.units.scale, self._fills[0])
        grams: dict[int, list[Matrix]] = {index: [] for index in (0, *self.contract.targets)}
        for _ in self.sets():
            grams[0].append(self.rows.total_gram())
            for index in self.contract.targets:
                grams[index].append(self.rows.gram(index))
        self._grams = {index: np.mean(found, axis=0) for index, found in grams.items()}

    @property
    def gram(self) -> Matrix:
        return self._grams[0]

    def gram_of(self, target: int) -> Matrix:
        return self._grams[target]

    def sets(self) -> Iterator[None]:
        for fills in self._fills:
            for index, cells in fills.items():
                position = self.rows.position(index)
                self.rows.refill(index, (cells - self.units.centre[position]) / self.units.scale[position])
            yield

    def poison(self) -> None:
        """Make every value of a row not a number."""
        for position in range(self.rows.n_columns):
            self.rows._tiles.put(position, np.full(self.rows.n, np.nan))
        self._fills = [{index: np.full_like(cells, np.nan) for index, cells in fills.items()} for fills in self._fills]
