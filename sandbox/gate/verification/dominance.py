"""Whose sum it is: no one or two blocks make up a sum, and no few do, neither as it is nor about what all rows contribute alike.

C4 of the study. About the median catches `1 + x [row = t]`, where the bulk is known to anybody.
"""

from __future__ import annotations

import numpy as np

from policies import Policy
from policies.disclosure import Breach, Spread
from policies.disclosure import check_dominance as check_spread
from sandbox.gate.verification.contributions import TAU, Values, count_deviating, fewest_blocks, magnitude


def check_dominance(blocks: Values, sizes: Values, policy: Policy) -> list[Breach]:
    """The worst breach of each of the two rules, if any. A sum of nothing, or of the same for every row, is nobody's."""
    floor = TAU * magnitude(blocks)
    fewest = fewest_blocks(policy.min_cell_cross, sizes)
    breaches: list[Breach] = []
    for deviations in (np.abs(blocks), _about_the_middle(blocks, sizes)):
        counts = count_deviating(deviations, floor)
        few = counts[(counts > 0) & (counts < fewest)]
        breaches += [Breach("contributors", int(few.min()), fewest)] if len(few) else []
        breaches += _dominated(deviations[:, counts > 0], policy)
    return [min((b for b in breaches if b.rule == rule), key=_mildness) for rule in dict.fromkeys(b.rule for b in breaches)]


def _about_the_middle(blocks: Values, sizes: Values) -> Values:
    rates = np.ascontiguousarray((blocks / sizes[:, None]).T)
    middle = np.partition(rates, len(sizes) // 2, axis=1)[:, len(sizes) // 2]
    deviations: Values = np.abs(blocks - np.outer(sizes, middle))
    return deviations


def _dominated(contributions: Values, policy: Policy) -> list[Breach]:
    """The worst number that one or two blocks dominate. Only those are looked at closely of which the largest contribution allows it."""
    total, first = contributions.sum(axis=0), contributions.max(axis=0, initial=0.0)
    is_safe = (2 * first <= policy.dominance_top2 * total) & (total - 2 * first >= policy.dominance_remainder * first)
    found: list[Breach] = []
    for column in np.flatnonzero(~is_safe):
        second = float(np.partition(contributions[:, column], -2)[-2]) if len(contributions) > 1 else 0.0
        found += check_spread(Spread(float(first[column]), second, float(total[column])), policy)
    return [max(found, key=lambda breach: breach.found)] if found else []


def _mildness(breach: Breach) -> float:
    return breach.found if breach.rule == "contributors" else -breach.found
