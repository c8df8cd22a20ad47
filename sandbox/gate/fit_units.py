"""The units of a site's own fits, against central's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from sandbox.gate.kernels import Units
from sandbox.gate.rows import Matrix
from sandbox.gate.taken_card import Parts, as_floats

RIDGE: Final = 4.0
"""Of a site's own fits, on squared coefficients per sd of their columns."""
INTERCEPT_RIDGE: Final = 0.01
"""Of a site's own logistic fits, on the squared intercept. Selection models have none."""


@dataclass(frozen=True, slots=True, eq=False)
class FitUnits:
    """The units of a site's own fits, as they follow from its card, against central's; c columns.

    A numeric column is standardised by its released mean and sd, a two-valued one is 0 and 1.
    """

    rows: Matrix
    """x_fit = x · rows for full design rows with the intercept last, shape (c + 1, c + 1)."""
    canonical: Matrix
    """The same for the coding in which the card has its errors: of a two-valued column the rarer value is 1."""
    is_two_valued: npt.NDArray[np.bool_]
    """Shape (c,)."""
    ridge: Matrix
    """Of a logistic fit on each column and the intercept, shape (c + 1,)."""

    @classmethod
    def of(cls, card: Parts, units: Units) -> Self:
        """As they follow from a card whose Gram is in central's units."""
        gram, levels = as_floats(card["gram"]), as_floats(card["levels"])
        moments: Matrix = gram / gram[-1, -1]
        mean = moments[-1, :-1]
        spread: Matrix = np.sqrt(np.maximum(np.diagonal(moments)[:-1] - mean * mean, 0.0))
        is_two_valued = levels[:, 0] < levels[:, 1]
        # A constant has no spread to be divided by.
        numeric = np.where(spread > 0, spread, 1.0) * units.scale
        centre = np.where(is_two_valued, levels[:, 0], units.centre + units.scale * mean)
        scale = np.where(is_two_valued, levels[:, 1] - levels[:, 0], numeric)
        rows = np.diag(np.append(units.scale / scale, 1.0))
        rows[-1, :-1] = (units.centre - centre) / scale
        share = (units.centre + units.scale * mean - centre) / scale
        flip = np.diag(np.append(np.where(is_two_valued & (share > 0.5), -1.0, 1.0), 1.0))
        flip[-1, :-1] = is_two_valued & (share > 0.5)
        in_sd = np.where(is_two_valued, spread * units.scale / scale, 1.0)
        return cls(rows, rows @ flip, is_two_valued, np.append(RIDGE * in_sd**2, INTERCEPT_RIDGE))

    def slopes(self, position: int, n_intercepts: int) -> Matrix:
        """Of the target at `position`: β_fit = slopes · β with β of central's units, shape (c, c − 1 + n_intercepts).

        xβ = x_fit β_fit for every row, so β = rows · β_fit; central's intercept is in no row of a site.
        """
        design = np.delete(np.delete(self.rows, position, axis=0), position, axis=1)
        slopes: Matrix = np.asarray(np.linalg.inv(design), np.float64)
        return np.insert(slopes, -1, 0.0, axis=1) if n_intercepts > 1 else slopes
