"""How much of one person's cell a joint Gram with errors tells who knows all other columns: the evidence for the rule of leverage.

In a column nobody else knows, the Gram has one sum with every other column. Who knows the others weighs these sums so that one person is
left: windows of a lab that begin and end at somebody differ by that one. With x the other cells of a person and R the variances of the
errors, that tells the share x'(X'X + R)⁻¹x of the cell's variance, the person's leverage in a ridge regression (Hoerl and Kennard 1970).

Missing cells count as the mean, and sizes of errors are those of sums: of products they are larger.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import linalg

from sandbox.gate.dataset import Dataset
from sandbox.gate.sticky import SHARE_OF_FARTHEST

Values = npt.NDArray[np.float64]
ROWS_AT_ONCE: Final = 1 << 13


def largest_leverage(dataset: Dataset, error: float) -> float:
    """The largest leverage of any row of a file, of all columns in the model.

    `error`: size of errors, in what one typical person adds; positive.
    """
    shapes = np.array([_shape(dataset.column(index)) for index in dataset.contract.model])
    centre, scale, sizes = shapes.T[:, :, None]
    gram = np.diag(np.append((error * sizes[:, 0]) ** 2, 0.0))
    for cells in _cells(dataset, centre, scale):
        gram += cells @ cells.T
    lower, largest = linalg.cholesky(gram, lower=True), 0.0
    for cells in _cells(dataset, centre, scale):
        turned = linalg.solve_triangular(lower, cells, lower=True, overwrite_b=True)
        turned *= turned
        largest = max(largest, float(turned.sum(axis=0).max()))
    return largest


def _shape(values: Values) -> tuple[float, float, float]:
    """Mean and sd of a column's observed cells, and the size of an error of its sum, in sds."""
    seen = values[~np.isnan(values)]
    if not len(seen):
        return 0.0, 1.0, 1.0
    centre, scale = float(seen.mean()), float(seen.std())
    if not scale > 1e-12 * max(1.0, abs(centre)):
        return centre, 1.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    if bool(((seen == low) | (seen == high)).all()):
        # One person in 0/1 coding.
        return centre, scale, (high - low) / scale
    deviations = np.abs(seen - centre) / scale
    return centre, scale, max(1.0, 1.0 / float(deviations.mean()), SHARE_OF_FARTHEST * float(deviations.max()))


def _cells(dataset: Dataset, centre: Values, scale: Values) -> Iterator[Values]:
    """Standardised cells, 0 where missing, the intercept last: some rows at a time, shape (columns + 1, rows)."""
    slots = [dataset.slots[index] for index in dataset.contract.model]
    for tile, low, high in dataset.values.pieces(0, dataset.n_rows):
        for start in range(low, high, ROWS_AT_ONCE):
            cells = dataset.values[tile][slots, start : min(start + ROWS_AT_ONCE, high)]
            cells = (cells - centre) / scale
            np.nan_to_num(cells, copy=False, nan=0.0)
            yield np.vstack([cells, np.ones((1, cells.shape[1]))])
