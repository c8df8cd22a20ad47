"""Limits on attempts. In memory: a restart forgives."""

from __future__ import annotations

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from sandbox.errors import Code, LimitError


class Attempts:
    """Counts what somebody tries, over a moving window."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = limit

    def count(self, *key: str) -> None:
        """Count an attempt. Raises :class:`LimitError` when there were too many under this key."""
        if not self._limiter.hit(self._limit, *key):
            raise LimitError(Code.ACCESS_TOO_MANY)
