"""Who makes up a sum of squares: the evidence for the rule of dominance, from observed raw values.

A cross-product's diagonal is Σx². When one or two rows hold nearly all of it, about zero or about the site's median, it says what they
are. Judged before Start (`policies.disclosure`, rule 3).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from policies import Policy
from policies.disclosure import CONSTANT_SPREAD, Breach, Spread, check_dominance

Values = npt.NDArray[np.float64]


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
    """Bounds first: for most columns twice the largest contribution already passes, and nothing needs sorting."""
    largest = max(float(deviations.max()), -float(deviations.min())) ** 2
    if not check_dominance(Spread(largest, largest, total), policy):
        return ()
    contributions = deviations**2
    second = float(np.partition(contributions, -2)[-2]) if len(contributions) > 1 else 0.0
    return check_dominance(Spread(largest, second, total), policy)
