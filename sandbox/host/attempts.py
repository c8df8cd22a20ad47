"""Limits on attempts. In memory: a restart forgives."""

from __future__ import annotations

from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from sandbox.errors import Code, LimitError

NAMES_PER_ADDRESS: Final = 6


class Attempts:
    """Counts what somebody tries, over a moving window."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = limit

    def count(self, *key: str) -> None:
        """Count an attempt. Raises :class:`LimitError` when there were too many under this key."""
        if not self._limiter.hit(self._limit, *key):
            raise LimitError(Code.ACCESS_TOO_MANY)


class SignInAttempts:
    """Counts passwords that were tried: by name and address together, so that nobody can lock another out, and by address alone."""

    def __init__(self, per_minute: int) -> None:
        self._per_address = Attempts(RateLimitItemPerMinute(per_minute * NAMES_PER_ADDRESS))
        self._per_name = Attempts(RateLimitItemPerMinute(per_minute))

    def count(self, username: str, address: str) -> None:
        """Count a password, right or wrong. Raises :class:`LimitError` when there were too many."""
        self._per_address.count(address)
        self._per_name.count(address, username)
