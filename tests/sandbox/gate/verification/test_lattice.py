"""Lattices are told, and honest columns are not taken for one (attacks: test_attacks)."""

from __future__ import annotations

import numpy as np
import pytest

from policies import built_in
from sandbox.gate.verification import check_lattice

DEFAULT = built_in("default")
ONES = np.ones(300)


def rules(column: np.ndarray) -> list[str]:
    return [breach.rule for breach in check_lattice(column[:, None], ONES, DEFAULT, np.random.default_rng(0))]


@pytest.mark.parametrize(("n_off", "told"), [(0, []), (1, ["lattice"]), (4, ["lattice"]), (5, []), (150, [])])
@pytest.mark.parametrize(("unit", "constant"), [(4.0, 0.0), (0.1, 37.2), (1e-4, -1.0)])
def test_a_few_rows_off_a_lattice_are_told(n_off: int, told: list[str], unit: float, constant: float) -> None:
    random = np.random.default_rng(n_off)
    column = unit * random.integers(-int(8 / unit), int(8 / unit) + 1, 300) + constant
    column[:n_off] += unit * random.uniform(0.1, 0.9, n_off)
    assert rules(column) == told


def test_constants_zeros_and_reals_are_no_lattice() -> None:
    assert rules(np.zeros(300)) == []
    assert rules(np.full(300, 0.3)) == []
    assert rules(np.random.default_rng(0).standard_cauchy(300)) == []
