"""Random numbers of a row depend on the secret, the job, the target, the draw and the row's number, and on nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from sandbox.gate import draws as draws_module
from sandbox.gate import ziggurat
from sandbox.gate.draws import RowDraws, derive_key, uniform_from

DIGEST = "ab" * 32
OTHER = "cd" * 32
KEY = derive_key(b"0123456789abcdef", 7, DIGEST, OTHER)


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_any_partition_of_the_rows_gives_the_same_numbers(first: int, second: int, draw: int) -> None:
    low, high = sorted((first, second))
    whole = RowDraws(KEY).uniform(3, draw, np.arange(200))
    parts = [RowDraws(KEY, start).uniform(3, draw, np.arange(stop - start)) for start, stop in ((0, low), (low, high), (high, 200))]
    assert np.array_equal(np.concatenate(parts), whole)


def test_order_and_choice_of_rows_do_not_matter() -> None:
    whole = RowDraws(KEY).uniform(1, 1, np.arange(100))
    chosen = np.array([97, 3, 50, 4])
    assert np.array_equal(RowDraws(KEY).uniform(1, 1, chosen), whole[chosen])


def test_secret_seed_pair_contract_target_and_draw_each_change_every_number() -> None:
    rows = np.arange(50)
    reference = RowDraws(KEY).uniform(1, 1, rows)
    others = [
        RowDraws(derive_key(b"0123456789abcdeX", 7, DIGEST, OTHER)).uniform(1, 1, rows),
        RowDraws(derive_key(b"0123456789abcdef", 8, DIGEST, OTHER)).uniform(1, 1, rows),
        RowDraws(derive_key(b"0123456789abcdef", 7, OTHER, OTHER)).uniform(1, 1, rows),
        RowDraws(derive_key(b"0123456789abcdef", 7, DIGEST, DIGEST)).uniform(1, 1, rows),
        RowDraws(KEY).uniform(2, 1, rows),
        RowDraws(KEY).uniform(1, 2, rows),
    ]
    assert all((other != reference).all() for other in others)


def test_numbers_are_uniform_and_strictly_inside_the_interval() -> None:
    uniform = RowDraws(KEY).uniform(1, 1, np.arange(200_000))
    assert uniform.min() > 0
    assert uniform.max() < 1
    assert stats.kstest(uniform, "uniform").pvalue > 1e-4


def test_normal_numbers_do_not_depend_on_the_choice_of_rows() -> None:
    whole = RowDraws(KEY).normal(1, 1, np.arange(20_000))
    chosen = np.random.default_rng(1).permutation(20_000)[:7000]
    assert np.array_equal(RowDraws(KEY).normal(1, 1, chosen), whole[chosen])
    assert np.array_equal(RowDraws(KEY, 12_345).normal(1, 1, np.arange(100)), whole[12_345:12_445])


def test_normal_numbers_are_normal_in_the_middle_and_in_the_tail() -> None:
    normal = np.concatenate([RowDraws(KEY).normal(3, draw, np.arange(500_000)) for draw in range(4)])
    counts = np.histogram(stats.norm.cdf(normal), bins=1000, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > 1e-4
    tail = np.abs(normal[np.abs(normal) > ziggurat.R])
    expected = len(normal) * 2 * stats.norm.sf(ziggurat.R)
    assert abs(len(tail) - expected) < 4 * np.sqrt(expected)
    assert stats.kstest(stats.norm.sf(tail) / stats.norm.sf(ziggurat.R), "uniform").pvalue > 1e-4


def one_by_one(draws: RowDraws, target: int, draw: int, row: int) -> float:
    """The ziggurat as the paper has it: one word after another until one counts."""
    for attempt in range(256):
        ((_, words),) = draws._words(target, draw, attempt, np.array([row]))
        word, uniform = int(words[0, 0]), float(uniform_from(words[:, 1])[0])
        layer, place = word & 255, ((word >> 12) ^ (1 << 51)) - (1 << 51)
        number = place * (ziggurat._EDGES[layer] / 2**51)
        if abs(place) < np.floor(2.0**51 * ziggurat._EDGES[layer + 1] / ziggurat._EDGES[layer]):
            return float(number)
        if layer == 0:
            return math.copysign(special.ndtri(uniform * special.ndtr(-ziggurat.R)), number)
        low, high = math.exp(-0.5 * ziggurat._EDGES[layer] ** 2), math.exp(-0.5 * ziggurat._EDGES[layer + 1] ** 2)
        if low + uniform * (high - low) < math.exp(-0.5 * number**2):
            return float(number)
    raise AssertionError


def test_normal_numbers_of_many_rows_are_those_of_each_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = RowDraws(KEY, 10**6)
    rows = np.arange(20_000)
    one = [one_by_one(draws, 2, 9, row) for row in rows.tolist()]
    assert draws.normal(2, 9, rows).tolist() == one
    # However many rows are drawn at once.
    monkeypatch.setattr(draws_module, "ROWS_AT_ONCE", 7)
    assert draws.normal(2, 9, rows[:3000]).tolist() == one[:3000]


def test_numbers_of_neighbouring_rows_draws_and_targets_are_independent() -> None:
    rows = np.arange(200_000)
    draws = RowDraws(KEY)
    first = draws.normal(1, 1, rows)
    for other in (np.roll(first, 1), draws.normal(1, 2, rows), draws.normal(2, 1, rows)):
        for power in (1, 2):
            correlation = np.corrcoef(first**power, other**power)[0, 1]
            assert abs(correlation) < 5 / np.sqrt(len(rows))


def test_layers_of_the_ziggurat_have_one_area() -> None:
    edges = ziggurat._EDGES
    areas = edges[1:-1] * np.diff(np.exp(-0.5 * edges[1:] ** 2))
    np.testing.assert_allclose(areas, ziggurat.AREA, rtol=1e-9)
    base = ziggurat.R * np.exp(-0.5 * ziggurat.R**2) + np.sqrt(2 * np.pi) * stats.norm.sf(ziggurat.R)
    assert base == pytest.approx(ziggurat.AREA, rel=1e-9)


def test_key_derivation_is_hkdf_sha256() -> None:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    information = b"tidegate row draws v2" + (7).to_bytes(8, "big") + bytes.fromhex(DIGEST + OTHER)
    expected = HKDF(SHA256(), 16, None, information).derive(b"0123456789abcdef")
    assert expected == KEY
