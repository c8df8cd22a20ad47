"""Limits on passwords that are tried at central."""

from __future__ import annotations

from typing import Final

from limits import RateLimitItemPerMinute

from sandbox.host.attempts import Attempts

NAMES_PER_ADDRESS: Final = 6


class SignInAttempts:
    """Counts passwords that were tried: by name and address together, so that nobody can lock another out, and by address alone."""

    def __init__(self, per_minute: int) -> None:
        self._per_address = Attempts(RateLimitItemPerMinute(per_minute * NAMES_PER_ADDRESS))
        self._per_name = Attempts(RateLimitItemPerMinute(per_minute))

    def count(self, username: str, address: str) -> None:
        """Count a password, right or wrong. Raises :class:`LimitError` when there were too many."""
        self._per_address.count(address)
        self._per_name.count(address, username)
