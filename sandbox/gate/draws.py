"""Random numbers for rows. A number depends on the site's secret, the job, the target, the draw and the row, and on nothing else.

So any partition of the rows over gates with one secret gives the same numbers, a draw that is asked for twice is the same draw, and
central, which does not know the secret, knows none of them. The generator is Philox, addressed by counter instead of by state.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import numpy as np
import numpy.typing as npt

KEY_BYTES: Final = 16
MIN_SECRET_BYTES: Final = 16
_PER_COUNTER: Final = 4
_LABEL: Final = b"tidegate row draws v1"


def derive_key(row_secret: bytes, seed: int, pair_digest: str, contract_digest: str) -> npt.NDArray[np.uint64]:
    """The key of one job's draws at one site: HKDF-SHA256 (RFC 5869) of the secret, shape (2,)."""
    information = _LABEL + seed.to_bytes(8, "big") + bytes.fromhex(pair_digest) + bytes.fromhex(contract_digest)
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), row_secret, "sha256")
    expanded = hmac.digest(extracted, information + b"\x01", "sha256")
    return np.frombuffer(expanded[:KEY_BYTES], dtype="<u8").astype(np.uint64)


class RowDraws:
    """Uniform numbers for the rows of one file, whose first row has number `row_offset`."""

    def __init__(self, key: npt.NDArray[np.uint64], row_offset: int = 0) -> None:
        self._key = key
        self._row_offset = row_offset

    def uniform(self, target: int, draw: int, file_rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Numbers in (0, 1) for some rows (0-based places in the file), shape as `file_rows`. Draw 0 gives start values."""
        if not len(file_rows):
            return np.empty(0)
        first = self._row_offset + int(file_rows.min())
        last = self._row_offset + int(file_rows.max())
        counter = first // _PER_COUNTER
        # Philox steps its counter before each four numbers, so all rows of one counter share one block whatever the range is.
        generator = np.random.Philox(key=self._key, counter=np.array([counter, target, draw, 0], dtype=np.uint64))
        raw = generator.random_raw(last - counter * _PER_COUNTER + 1)
        chosen = raw[self._row_offset + file_rows - counter * _PER_COUNTER]
        # 52 bits, so that the largest number is still below 1 after rounding.
        uniform: npt.NDArray[np.float64] = ((chosen >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
        return uniform
