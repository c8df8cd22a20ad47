"""A value in the last digits: all blocks but a few contribute multiples of one number. C7 of the study, a notice.

`Σ 4 round(v) + x [row = t]`, taken modulo 4, is x. Honest columns can look like it (rounded in most rows, not in all), so it refuses
nothing; and two lattices at once hide it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from policies import Policy
from policies.disclosure import Breach
from sandbox.gate.verification.contributions import Places, Values, fewest_blocks, select

SAMPLE: Final = 6
"""Deviations from which the unit of the lattice is found; when one of the few others is among them, nothing is found."""
SAMPLES: Final = 3
FINE: Final = 1e-10
"""A unit below this share of the deviations is rounding."""
OFF: Final = 1e-5
"""Of a unit: what lies further from a multiple is off the lattice."""
STEPS: Final = 40


def check_lattice(blocks: Values, sizes: Values, policy: Policy, random: np.random.Generator) -> list[Breach]:
    """No number of which all but a few blocks, yet not all, contribute multiples of one unit (up to a constant per row)."""
    fewest = fewest_blocks(policy.min_cell_cross, sizes)
    is_larger = sizes > sizes.min(initial=np.inf)
    common = np.flatnonzero(is_larger == (2 * np.count_nonzero(is_larger) > len(sizes)))
    for _ in range(SAMPLES):
        order = random.permutation(common)
        columns, unit = _units(blocks[order[1 : SAMPLE + 1]] - blocks[order[0]])
        # Between blocks of one size, what all rows contribute alike cancels.
        rest = random.permutation(np.flatnonzero(is_larger != is_larger[order[0]]))[:1]
        origin = np.where(is_larger == is_larger[order[0]], order[0], rest if len(rest) else order[0])
        chosen = select(blocks, columns)
        multiples = (chosen - chosen[origin]) / unit
        n_off = np.count_nonzero(np.abs(multiples - np.round(multiples)) > OFF, axis=0)
        few = n_off[(n_off > 0) & (n_off < fewest)]
        if len(few):
            return [Breach("lattice", int(few.min()), fewest)]
    return []


def _units(deviations: Values) -> tuple[Places, Values]:
    """Columns of which all deviations of the sample are multiples of one unit, and that unit (Euclid's algorithm)."""
    columns = np.flatnonzero(np.count_nonzero(deviations, axis=0) >= 2)
    size = np.abs(deviations[:, columns]).max(axis=0)
    largest = unit = np.abs(deviations[0, columns])
    for deviation in np.abs(deviations[1:, columns]):
        largest = np.maximum(largest, deviation)
        unit, rest = np.maximum(unit, deviation), np.minimum(unit, deviation)
        for _ in range(STEPS):
            is_left = rest > FINE * size
            if not is_left.any():
                break
            safe = np.where(is_left, rest, 1.0)
            unit, rest = np.where(is_left, rest, unit), np.where(is_left, np.abs(unit - np.round(unit / safe) * safe), 0.0)
        # The unit has the rounding of all quotients; as a part of the largest deviation it has next to none.
        unit = np.divide(largest, np.round(largest / np.where(unit > 0, unit, 1.0)), out=unit, where=unit > FINE * size)
        # What is not gone after so many steps has no unit; neither has what ends below the rounding of its terms.
    is_lattice = unit > 1e3 * FINE * size
    return columns[is_lattice], unit[is_lattice]
