"""What changed between two messages of the same step about the same targets: nothing, or something about enough rows.

C5 of the study: the difference of two sums that left is a sum over the rows that changed.
"""

from __future__ import annotations

import numpy as np

from policies.disclosure import Breach
from sandbox.gate.verification.contributions import TAU, Places, Values, count_deviating, magnitude, pieces


def check_difference(blocks: Values, previous: Values, limit: int) -> list[Breach]:
    """Each number changed in none or at least `limit` blocks. Both have shape (M, q) and the same split."""
    few = [
        count
        for piece in pieces(blocks.shape[1])
        for count in _count_changed(blocks[:, piece], previous[:, piece]).tolist()
        if 0 < count < limit
    ]
    return [Breach("difference", min(few), limit)] if few else []


def _count_changed(blocks: Values, previous: Values) -> Places:
    return count_deviating(blocks - previous, TAU * np.maximum(magnitude(blocks), magnitude(previous)))
