"""What changed between two messages of the same step about the same targets: nothing, or something about enough rows.

C5 of the study: the difference of two sums that left is a sum over the rows that changed.
"""

from __future__ import annotations

import numpy as np

from policies.disclosure import Breach
from sandbox.gate.verification.contributions import TAU, Values, count_deviating, magnitude


def check_difference(blocks: Values, previous: Values, limit: int) -> list[Breach]:
    """Each number changed in none or at least `limit` blocks. Both have shape (M, q) and the same split."""
    counts = count_deviating(blocks - previous, TAU * np.maximum(magnitude(blocks), magnitude(previous)))
    few = counts[(counts > 0) & (counts < limit)]
    return [Breach("difference", int(few.min()), limit)] if len(few) else []
