"""Limits on attempts, per user name and per address. In memory: a restart forgives."""

from __future__ import annotations

from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from central.settings import Settings
from sandbox.errors import Code, LimitError

NAMES_PER_ADDRESS: Final = 6


class Attempts:
    """Counts attempts. Each method raises :class:`LimitError` when there were too many."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_name = RateLimitItemPerMinute(settings.sign_ins_per_minute)
        self._per_address = RateLimitItemPerMinute(settings.sign_ins_per_minute * NAMES_PER_ADDRESS)
        self._registrations = RateLimitItemPerHour(settings.registrations_per_hour)

    def sign_in(self, username: str, address: str) -> None:
        """Count a password that was tried. By name and address together, so that nobody can lock another out."""
        self._count(self._per_address, "address", address)
        self._count(self._per_name, "name", address, username)

    def registration(self, address: str) -> None:
        """Count a registration."""
        self._count(self._registrations, "registration", address)

    def _count(self, item: RateLimitItem, *key: str) -> None:
        if not self._limiter.hit(item, *key):
            raise LimitError(Code.ACCESS_TOO_MANY)
