"""Who makes up a sum of products of two columns: the evidence for the rule of dominance on a joint Gram and on scores.

A sum over rows of x·y about the middle of each column says what one person has when few others have both. The middle is the median, of a
two-valued column the commoner value: so the sum is that over those with the rarer one, for a rare outcome what a score adds up.
Contributions are taken as absolute values: what cancels among the others does not hide how much one adds. Judged on observed cells.

Some of the rows clear most pairs: a product is at most that of the farthest cells, a sum of absolute products at least that of some rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import Breach, Spread, check_dominance

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Middle:
    """Where a column's cells are counted from, and how far the farthest observed one is from there."""

    centre: float
    reach: float
    is_table: bool
    """Whether the column has so few values that each row adds a person or none."""


@dataclass(frozen=True, slots=True)
class Product:
    """Two columns, by 1-based index, and what is wrong with the sum of their products."""

    column: int
    other: int
    breach: Breach


def dominated_products(
    columns: Mapping[int, Values], middles: Mapping[int, Middle], sample: Mapping[int, Values], policy: Policy
) -> Iterator[Product]:
    """The pairs of columns of whose products one or two rows make up nearly all.

    Args:
        columns: of the whole file by 1-based index, raw, NaN where missing, shape (rows,); asked for only where bounds do not do.
        middles: of the columns to judge. A pair of columns of few values is a table of people and not judged.
        sample: the same columns on some rows, the same of each, shape (rows,).
        policy: its limits of dominance, and `min_rows`: of fewer rows that show both columns most of a card's sum is of filled cells.
    """
    for a, b in _unclear(middles, sample, policy):
        first, second = columns[a] - middles[a].centre, columns[b] - middles[b].centre
        products = np.abs(first * second)
        products = products[~np.isnan(products)]
        if len(products) < max(policy.min_rows, 2):
            continue
        total, largest = float(products.sum()), float(products.max())
        if check_dominance(Spread(largest, largest, total), policy):
            second_largest = float(np.partition(products, -2)[-2])
            for breach in check_dominance(Spread(largest, second_largest, total), policy, "dominance_cross"):
                yield Product(a, b, breach)


def _unclear(middles: Mapping[int, Middle], sample: Mapping[int, Values], policy: Policy) -> Iterator[tuple[int, int]]:
    """The pairs that bounds do not clear."""
    indices = [index for index in middles if middles[index].reach > 0]
    deviations = np.array([np.abs(sample[index] - middles[index].centre) for index in indices])
    np.nan_to_num(deviations, copy=False, nan=0.0)
    totals = deviations @ deviations.T
    for (place, a), (other, b) in combinations(enumerate(indices), 2):
        if middles[a].is_table and middles[b].is_table:
            continue
        largest = middles[a].reach * middles[b].reach
        bound = Spread(largest, largest, float(totals[place, other]))
        if not bound.total > 0 or check_dominance(bound, policy):
            yield a, b
