"""The first round: margins of all participants to the constants of the whole job. Pure.

With an intercept in the model any constants give the same fit; centring by the pooled means keeps a Gram well conditioned when a column's
offset is large against its spread (`methods`: with an offset of 10⁶ sd an uncentred Gram moves β by 0.09 sd, a centred one by 2·10⁻¹³).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from sandbox.contract import Contract
from sandbox.errors import Code, InputError
from sandbox.wire.messages import Constants
from sandbox.wire.values import Record, floats

SMALLEST_VARIANCE: Final = 1e-13
"""Variance, as a share of the mean square, below which a column is taken as constant (what is left is rounding)."""


def constants_from(margins: Sequence[Record], contract: Contract) -> Constants:
    """Centre, scale and mean of every column in the model from each participant's `margins`.

    Args:
        margins: per participant, in site_id order: `n`, `total`, `total_squares`, each of shape (c,).
        contract: the frozen contract; its `model` gives the order of the c columns.

    Raises:
        InputError: a column is observed nowhere (it is named).
    """
    n = _sum(margins, "n")
    total = _sum(margins, "total")
    squares = _sum(margins, "total_squares")
    centre, scale = [], []
    for position, index in enumerate(contract.model):
        if n[position] < 1:
            raise InputError(Code.FIT_TOO_FEW_ROWS, column=contract.column(index).name)
        mean = total[position] / n[position]
        mean_square = squares[position] / n[position]
        variance = mean_square - mean * mean
        is_constant = variance <= SMALLEST_VARIANCE * max(mean_square, 0.0)
        centre.append(mean)
        scale.append(1.0 if is_constant else math.sqrt(variance))
    return Constants(floats(centre), floats(scale), floats(centre))


def _sum(margins: Sequence[Record], part: str) -> list[float]:
    return [math.fsum(column) for column in zip(*(record[part].numbers() for record in margins), strict=True)]
