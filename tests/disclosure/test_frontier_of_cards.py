"""The errors of `default` and `strict` leave of one person's age what they are meant to; small ones do not (control)."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy.special import expit

from policies import built_in
from policies.life_budget import error_size
from sandbox.gate.card import Wants, make_card
from sandbox.gate.sticky import Errors
from tests.disclosure.frontier import AGES, SHARES, Atoms, Decoder, Numbers, atoms, gram, own_beta, score, with_points
from tests.sandbox.gate.filled import FilledRows, contract_of

GOALS = {"default": (0.7, 0.8, 0.85), "strict": (0.85, 0.85, 0.85)}
N_ROWS = 300
N_CANDIDATES = 6
"""Points tried for each target."""


def card(m: int, n_targets: int) -> tuple[Atoms, Numbers]:
    """All numbers of a card of 300 rows, somebody alone in a table of yes/no columns."""
    file = atoms("yes/no", m, N_ROWS, n_targets, False, np.random.default_rng([3, m]))
    numbers = gram(file, knows_cells=False)
    for target in range(n_targets):
        numbers += score(file, target, own_beta(file, target))
    return file, numbers


@pytest.mark.parametrize("m", [2, 3, 4])
@pytest.mark.parametrize("name", ["default", "strict"])
def test_who_is_alone_in_a_table_stays_unknown_with_as_many_fits_as_a_life_may_state(name: str, m: int) -> None:
    policy = built_in(name)
    file, numbers = card(m, policy.max_fits)
    if policy.points == "common":
        numbers = with_points(file, numbers, policy.reach, N_CANDIDATES, 0)
    decoder = Decoder(file, numbers)
    assert decoder.left(error_size(policy, N_ROWS), policy.max_versions) >= GOALS[name][m - 2]
    assert decoder.left(1e-4) < 0.2


def test_the_multiplier_is_needed() -> None:
    """Ten own fits at the error of one tell more than one does, by more than a multiplied error lets them."""
    few, many = (Decoder(*card(2, n_targets)) for n_targets in (1, 10))
    error = built_in("default").error / 2
    assert many.left(error) < few.left(error) - 0.05
    assert many.left(error_size(built_in("default"), N_ROWS)) > many.left(error) + 0.05


def test_a_regression_on_cards_of_the_gate_finds_what_the_decoder_says() -> None:
    """Files of 60 with one person alone, a secret each: what the numbers of their cards leave of the ages, degrees of freedom taken off."""
    policy = msgspec.structs.replace(built_in("default"), error=0.2, max_fits=1)
    file = atoms("yes/no", 2, 60, 1, False, np.random.default_rng(5))
    numbers = gram(file, knows_cells=False) + score(file, 0, own_beta(file, 0))
    expected = Decoder(file, numbers).left(error_size(policy, 60))
    random, contract = np.random.default_rng(1), contract_of(["a", "b", "age", "y"], binary=["y"])
    cells, shares = np.unique(file.cells[file.counts > 0], axis=0, return_counts=True)
    stated, ages = [], []
    for _ in range(1200):
        table = np.vstack([cells[random.choice(len(cells), 59, p=shares / shares.sum())], np.ones(2)])
        age = random.choice(AGES, 60, p=SHARES)
        y = (random.random(60) < expit(np.column_stack([table, age, np.ones(60)]) @ file.beta[0])).astype(float)
        own = FilledRows(np.column_stack([table, age, y]), contract)
        made = make_card(own, contract, Errors(random.bytes(32), b"life", error_size(policy, 60)), policy, Wants((4,)))
        fields = made.stated(np.zeros(4), np.ones(4))
        fit, whole = fields["fit.4"], fields["card"]["gram"]
        stated.append(np.concatenate([whole[np.triu_indices(5)], fit["beta"], fit["information"], fit["information"][-1] * fit["beta"]]))
        ages.append(age[-1])
    X = np.array(stated)
    X = X[:, X.std(axis=0) > 1e-9]
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(X))])
    beta, _, rank, _ = np.linalg.lstsq(Z, np.array(ages), rcond=1e-10)
    left = np.sqrt(((ages - Z @ beta) ** 2).sum() / (len(X) - rank) / np.var(ages))
    assert left == pytest.approx(expected, abs=0.06)
