"""Who makes up a sum of squares: the evidence for the rule of dominance, from observed raw values.

A cross-product's diagonal is Σx². When one or two rows hold nearly all of it, about zero or about the site's median, it says what they
are. Judged before Start (`policies.disclosure`, rule 3).

Of most columns bounds say that nobody dominates, whatever set of rows is asked about: no contribution is larger than the largest of the
whole column, and a sum of squares about a median is at least that about the mean. Only the others are looked at closely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import CONSTANT_SPREAD, Breach, Spread, check_dominance

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """What is known of a column on the rows of each pattern: number of observed values, Σx², Σ(x − origin), Σ(x − origin)²."""

    n: Values
    squares: Values
    shifted: Values
    shifted_squares: Values
    largest: float
    """Of x², over all rows."""
    reach: float
    """Of (x − any value of the column)², over all rows."""

    @classmethod
    def of(cls, values: Values, of_row: npt.NDArray[np.intp], n_patterns: int) -> Sums:
        """Sum up a column. `values`: raw, NaN where missing, shape (rows,); `of_row`: the pattern of each row."""
        is_observed = ~np.isnan(values)
        x, pattern = (values, of_row) if is_observed.all() else (values[is_observed], of_row[is_observed])
        if not len(x):
            nothing = np.zeros(n_patterns)
            return cls(nothing, nothing, nothing, nothing, 0.0, 0.0)

        def sums(weights: Values) -> Values:
            return np.bincount(pattern, weights, n_patterns).astype(np.float64, copy=False)

        low, high = float(x.min()), float(x.max())
        n, squares = np.bincount(pattern, minlength=n_patterns).astype(np.float64), sums(x * x)
        x = x - x[0]
        return cls(n, squares, sums(x), sums(x * x), max(low * low, high * high), (high - low) ** 2)

    def may_dominate(self, patterns: npt.NDArray[np.bool_], policy: Policy) -> bool:
        """Whether somebody may dominate the sum of squares over the rows of some patterns: False is certain, True is not."""
        n = float(self.n[patterns].sum())
        if not n:
            return False
        squares, shifted, shifted_squares = (float(a[patterns].sum()) for a in (self.squares, self.shifted, self.shifted_squares))
        about_mean = shifted_squares - shifted**2 / n
        bounds = (Spread(self.largest, self.largest, squares), Spread(self.reach, self.reach, about_mean))
        # A total that is not positive is rounding: look closely.
        return not about_mean > 0 or any(check_dominance(bound, policy) for bound in bounds)


def dominance(values: Values, policy: Policy) -> tuple[Breach, ...]:
    """What rule 3 says of the observed values of a column on some rows, shape (rows,), no NaN."""
    if len(values) == 0:
        return ()
    squares = float(values @ values)
    about_zero = _judge(values, squares, policy)
    if about_zero:
        return about_zero
    centred = values - np.median(values)
    total = float(centred @ centred)
    return () if total <= CONSTANT_SPREAD * squares else _judge(centred, total, policy)


def _judge(deviations: Values, total: float, policy: Policy) -> tuple[Breach, ...]:
    contributions = deviations**2
    first = float(contributions.max())
    second = float(np.partition(contributions, -2)[-2]) if len(contributions) > 1 else 0.0
    return check_dominance(Spread(first, second, total), policy)
