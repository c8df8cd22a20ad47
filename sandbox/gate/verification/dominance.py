"""Whose sum it is: no one or two blocks make up a sum, and no few do, neither as it is nor about what all rows contribute alike.

C4 of the study. About the median catches `1 + x [row = t]`, where the bulk is known to anybody.
"""

from __future__ import annotations

import numpy as np

from policies import Policy
from policies.disclosure import Breach, Spread
from policies.disclosure import check_dominance as check_spread
from sandbox.gate.verification.contributions import TAU, Values, alike, count_deviating, fewest_blocks, magnitude, pieces


def check_dominance(blocks: Values, sizes: Values, policy: Policy) -> list[Breach]:
    """The worst breach of each of the two rules, if any. A sum of nothing, or of the same for every row, is nobody's."""
    fewest = fewest_blocks(policy.min_cell_cross, sizes)
    found = [breach for piece in pieces(blocks.shape[1]) for breach in _judge(blocks[:, piece], sizes, fewest, policy)]
    few = [breach for breach in found if breach.rule == "contributors"]
    dominated = [breach for breach in found if breach.rule == "dominance"]
    return sorted(few, key=_found)[:1] + sorted(dominated, key=_found)[-1:]


def _judge(blocks: Values, sizes: Values, fewest: int, policy: Policy) -> list[Breach]:
    floor = TAU * magnitude(blocks)
    breaches: list[Breach] = []
    for deviations in (np.abs(blocks), _about_the_middle(blocks, sizes, floor)):
        counts = count_deviating(deviations, floor)
        few = counts[(counts > 0) & (counts < fewest)]
        breaches += [Breach("contributors", int(few.min()), fewest)] if len(few) else []
        breaches += _dominated(deviations, policy)
    return breaches


def _about_the_middle(blocks: Values, sizes: Values, floor: Values) -> Values:
    rates = (blocks / sizes[:, None]).T
    half = len(sizes) // 2
    middle = np.partition(rates, half, axis=1)[:, half]
    deviations = blocks - alike(sizes, middle)
    np.abs(deviations, out=deviations)
    # What all rows contribute alike leaves rounding, which is nobody's.
    deviations[:, deviations.max(axis=0, initial=0.0) <= floor] = 0.0
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


def _found(breach: Breach) -> float:
    return breach.found
