"""The kept imputations of central's missing cells: one number per cell and imputation, in raw units, in the region.

Only what was imputed is kept; the rest of a completed data set is the upload. A cell of a row that takes no part in the model (a missing
predictor) has no imputation and stays NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sandbox.gate.kernels import Units
from sandbox.gate.patterns import Mask
from sandbox.gate.region import Region
from sandbox.gate.rows import Matrix, Rows


class Imputations:
    """Snapshots of the completed cells. Cells are numbered by row, then by target, as they stand in the file.

    Imputations are taken from the chains in turn: that number k (from 0) of chain c is number k · C + c of the job, whoever comes first.
    """

    def __init__(self, mask: Mask, chains: Sequence[Rows], n_imputations: int, region: Region) -> None:
        """Make room for all of them at once, so that what does not fit is known at the upload. Raises `RegionFull`.

        `chains`: the rows of each chain; which rows they are is the same in all.
        """
        rows = chains[0]
        self._mask = mask
        self._chains = tuple(chains)
        self._n_of_chain = [0] * len(self._chains)
        self._rows = rows
        self._place_of_row: npt.NDArray[np.int64] = region.array(len(mask), np.int64)
        self._place_of_row[:] = -1
        self._place_of_row[rows.file_rows] = np.arange(rows.n)
        self._kept: Matrix = region.array((n_imputations, int(np.count_nonzero(mask))))

    @property
    def n_kept(self) -> int:
        """How many are kept."""
        return sum(self._n_of_chain)

    @property
    def is_complete(self) -> bool:
        """Whether all are kept."""
        return self.n_kept == len(self._kept)

    @property
    def n_missing_left(self) -> int:
        """Missing cells of targets that no imputation fills."""
        return int(self._mask[self._place_of_row < 0].sum())

    def cells(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The row of every missing cell and its position among the targets, shape (cells,) each."""
        rows, targets = np.nonzero(self._mask)
        return rows, targets

    def keep(self, units: Units, chain: int) -> bool:
        """Keep the current values of a chain's cells as its next imputation; False when there is no such chain or it has kept its share."""
        if not 0 <= chain < len(self._chains):
            return False
        number = self._n_of_chain[chain] * len(self._chains) + chain
        if number >= len(self._kept):
            return False
        rows, targets = self.cells()
        places = self._place_of_row[rows]
        imputation = self._kept[number]
        imputation[:] = np.nan
        for number, index in enumerate(self._rows.targets):
            is_filled = (targets == number) & (places >= 0)
            imputation[is_filled] = _raw_column(self._chains[chain], units, index)[places[is_filled]]
        self._n_of_chain[chain] += 1
        return True

    def imputed(self, target: int, imputation: int) -> Matrix:
        """What an imputation (0-based) put into the cells of a target, raw units, shape (cells filled,)."""
        places, values = self._filled(target, imputation)
        return values[places >= 0]

    def observed(self, target: int, units: Units) -> Matrix:
        """The observed cells of a target, those of rows that take no part, too, in raw units and in no order, shape (cells,)."""
        values = np.delete(_raw_column(self._rows, units, target), self._rows.missing_places(target))
        others = self._rows.idle(self._rows.position(target))
        return np.concatenate((values, others[~np.isnan(others)]))

    def completed(self, target: int, imputation: int, units: Units) -> Matrix:
        """A target's completed column over the rows that take part, in the order of the rows, raw units, shape (n,)."""
        places, values = self._filled(target, imputation)
        column = _raw_column(self._rows, units, target)
        column[places[places >= 0]] = values[places >= 0]
        return column

    def _filled(self, target: int, imputation: int) -> tuple[npt.NDArray[np.int64], Matrix]:
        """Places of a target's cells among the rows that take part (-1: takes none), and their values."""
        rows, targets = self.cells()
        is_target = targets == self._rows.targets.index(target)
        return self._place_of_row[rows[is_target]], self._kept[imputation][is_target]

    def values(self, imputation: int) -> Matrix:
        """The cells' values of an imputation (0-based), NaN where there is none, shape (cells,)."""
        values: Matrix = self._kept[imputation]
        return values


def _raw_column(rows: Rows, units: Units, target: int) -> Matrix:
    """The column of a target as it is completed now, in raw units, shape (n,)."""
    position = rows.position(target)
    values = rows.column(position)
    values *= units.scale[position]
    values += units.centre[position]
    # Standardising and back leaves a level a few bits off 0 or 1.
    return np.round(values) if units.is_binary[position] else values
