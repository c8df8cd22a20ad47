"""How long to wait before the link is opened again. Pure, but for its dice."""

from __future__ import annotations

import random


class Backoff:
    """Pauses that double up to a limit, each shortened by up to a half: a thousand sites must not come back in the same second."""

    def __init__(self, first_seconds: float, most_seconds: float) -> None:
        self._first = first_seconds
        self._most = most_seconds
        self._n_failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        # The exponent is bounded so that a site that waits for a week does not overflow.
        full = min(self._most, self._first * 2.0 ** min(self._n_failures, 32))
        self._n_failures += 1
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """The link was open: start with the shortest pause again."""
        self._n_failures = 0
