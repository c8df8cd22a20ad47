"""Random numbers of a row depend on the secret, the job, the target, the draw and the row's number, and on nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sandbox.gate.draws import RowDraws, derive_key

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


def test_key_derivation_is_hkdf_sha256() -> None:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    information = b"tidegate row draws v1" + (7).to_bytes(8, "big") + bytes.fromhex(DIGEST + OTHER)
    expected = HKDF(SHA256(), 16, None, information).derive(b"0123456789abcdef")
    assert KEY.astype("<u8").tobytes() == expected
