"""Random numbers of the central module: counter-based, keyed by job and chain. Same seed, same pair, same contract: same numbers.

Draws for rows are not made here: those are a gate's, keyed by a secret of its site.
"""

from __future__ import annotations

import hashlib

import numpy as np

from sandbox.estimation.arrays import Floats

_LABEL = b"tidegate central draws v1"


class Randomness:
    """`job.rng`: standard normal, χ² and uniform numbers. Chains, numbered from 0, have streams of their own."""

    __slots__ = ("_generator",)

    def __init__(self, seed: int, pair_digest: str, contract_digest: str, chain: int = 0) -> None:
        text = _LABEL + seed.to_bytes(8, "big") + bytes.fromhex(pair_digest) + bytes.fromhex(contract_digest)
        if chain:
            text += chain.to_bytes(4, "big")
        key = np.frombuffer(hashlib.sha256(text).digest()[:16], dtype="<u8")
        self._generator = np.random.Generator(np.random.Philox(key=key))

    def normal(self, size: int) -> Floats:
        """Standard normal numbers, shape (size,)."""
        return self._generator.standard_normal(size)

    def chisquare(self, df: float) -> float:
        """One χ² number with `df` degrees of freedom."""
        return float(self._generator.chisquare(df))

    def uniform(self, size: int) -> Floats:
        """Uniform numbers in [0, 1), shape (size,)."""
        return self._generator.random(size)
