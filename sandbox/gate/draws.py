"""Random numbers for rows. A number depends on the site's secret, the job, the chain, the target, the draw and the row; on nothing else.

So any partition of the rows over gates with one secret gives the same numbers, a draw that is asked for twice is the same draw, and
central, which does not know the secret, knows none of them.

At a site the question is part of the key, too: a draw at other coefficients has other numbers. With the same ones, a job that is run again
with its seed and slightly different coefficients would flip the binary cells of single rows, and the difference of two Grams is then a row.

A row is a counter: AES-128 under the job's key turns (row, target, draw, attempt) into 128 bits. A block cipher under a secret key is a
pseudo-random function (NIST SP 800-90A builds a generator on the same assumption), so numbers of different counters are as good as
independent to anybody without the key, and only the rows that are filled cost anything: processors have an instruction for it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.gate import ziggurat

KEY_BYTES: Final = 16
MIN_SECRET_BYTES: Final = 16
ROWS_AT_ONCE: Final = 16_384
"""Blocks, words and numbers of more rows leave the nearer caches; fewer are all overhead."""
BLOCK_BYTES: Final = 16
_LABEL: Final = b"tidegate row draws v2"
QUESTION_LABEL: Final = b"tidegate question of a draw v1"
CHAIN_LABEL: Final = b"tidegate chain of draws v1"
_MAX_TARGET: Final = 1 << 24
_MAX_DRAW: Final = 1 << 32
_ONE: Final = np.uint64(0x3FF0_0000_0000_0000)
"""The bits of 1.0; with 52 bits below it, of a number in [1, 2)."""

Numbers = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
FileRows = npt.NDArray[np.int64]


def derive_key(row_secret: bytes, seed: int, pair_digest: str, contract_digest: str) -> bytes:
    """The key of one job's draws at one site: HKDF-SHA256 (RFC 5869) of the secret."""
    information = _LABEL + seed.to_bytes(8, "big") + bytes.fromhex(pair_digest) + bytes.fromhex(contract_digest)
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), row_secret, "sha256")
    return hmac.digest(extracted, information + b"\x01", "sha256")[:KEY_BYTES]


class RowDraws:
    """Random numbers for the rows of one file, whose first row has number `row_offset`."""

    def __init__(self, key: bytes, row_offset: int = 0, *, is_bound: bool = False) -> None:
        """`is_bound`: whether :meth:`asked` makes other numbers of another question."""
        self._key = key
        self._is_bound = is_bound
        # One block per counter, each counter used for one purpose: the mode in which a cipher is a function of its block.
        self._cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        self._row_offset = row_offset

    def of_chain(self, chain: int) -> RowDraws:
        """The numbers of a chain, from 0; these ones for the first. Two chains share none, whatever they are asked."""
        if not chain:
            return self
        key = hmac.digest(self._key, CHAIN_LABEL + chain.to_bytes(4, "big"), "sha256")[:KEY_BYTES]
        return RowDraws(key, self._row_offset, is_bound=self._is_bound)

    def asked(self, question: bytes) -> RowDraws:
        """The numbers for a question, after those that these are for; these ones where questions are not bound."""
        if not self._is_bound:
            return self
        return RowDraws(hmac.digest(self._key, QUESTION_LABEL + question, "sha256")[:KEY_BYTES], self._row_offset, is_bound=True)

    def uniform(self, target: int, draw: int, file_rows: FileRows, out: Numbers | None = None, word: int = 0) -> Numbers:
        """Numbers in (0, 1) for some rows (0-based places in the file), shape as `file_rows`.

        Draw 0 gives start values. A draw that needs two numbers for each row takes the second from `word` 1.
        """
        numbers = np.empty(len(file_rows)) if out is None else out[: len(file_rows)]
        for first, words in self._words(target, draw, 0, file_rows):
            numbers[first : first + len(words)] = uniform_from(words[:, word])
        return numbers

    def normal(self, target: int, draw: int, file_rows: FileRows, out: Numbers | None = None) -> Numbers:
        """Standard normal numbers for some rows, shape as `file_rows`; see :mod:`sandbox.gate.ziggurat`."""
        numbers = np.empty(len(file_rows)) if out is None else out[: len(file_rows)]
        outside, words_outside = [np.empty(0, np.intp)], [np.empty((0, 2), np.uint64)]
        for first, words in self._words(target, draw, 0, file_rows):
            some = ziggurat.inside(words[:, 0], numbers[first : first + len(words)])
            outside.append(some + first)
            words_outside.append(words.take(some, axis=0))
        # One in eighty falls outside its rectangle and is decided with the block's other word; half of those are drawn again.
        places, words, attempt = np.concatenate(outside), np.concatenate(words_outside), 0
        while len(places):
            numbers[places], is_decided = ziggurat.decide(words[:, 0], uniform_from(words[:, 1]))
            places, attempt = places[~is_decided], attempt + 1
            words = np.concatenate([words[:0], *(some.copy() for _, some in self._words(target, draw, attempt, file_rows[places]))])
        return numbers

    def _words(self, target: int, draw: int, attempt: int, file_rows: FileRows) -> Iterator[tuple[int, Words]]:
        """Two random words for every row: pieces of the rows, each with its first place and the words, shape (rows, 2).

        The words of a piece are overwritten by the next.
        """
        if not (0 <= target < _MAX_TARGET and 0 <= draw < _MAX_DRAW and 0 <= attempt < 256):
            raise ValueError("a counter out of range")
        n_rows = min(len(file_rows), ROWS_AT_ONCE)
        counters = np.empty((n_rows, 2), dtype="<u8")
        counters[:, 1] = draw << 32 | target << 8 | attempt
        blocks = bytearray(counters.nbytes + BLOCK_BYTES - 1)
        words = np.frombuffer(blocks, dtype="<u8", count=counters.size).reshape(-1, 2)
        for first in range(0, len(file_rows), ROWS_AT_ONCE):
            some = counters[: len(file_rows) - first]
            some[:, 0] = file_rows[first : first + ROWS_AT_ONCE]
            if self._row_offset:
                some[:, 0] += np.uint64(self._row_offset)
            self._cipher.update_into(some.data.cast("B"), blocks)
            yield first, words[: len(some)]


def uniform_from(words: Words) -> Numbers:
    """The 52 high bits of each word as a number in (0, 1): the middle of its interval, so that neither end is reached."""
    return ((words >> np.uint64(12)) | _ONE).view(np.float64) - (1.0 - 2.0**-53)
