"""Signing in and out at a site. Synchronous (Argon2id takes its time): call it from a thread."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from remote.db import Database
from remote.owner import store
from sandbox.errors import Code, InputError

MIN_PASSWORD_LENGTH: Final = 8
MAX_PASSWORD_LENGTH: Final = 256
MAX_NAME_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, by which session."""

    name: str
    session_id: int


class OwnerService:
    """The owner's password and sessions."""

    def __init__(
        self,
        database: Database,
        session_hours: float = 12,
        attempts_per_minute: int = 10,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._lifetime = timedelta(hours=session_hours)
        self._clock = clock
        self._hasher = PasswordHasher()
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._rate = RateLimitItemPerMinute(attempts_per_minute)

    @property
    def is_set(self) -> bool:
        """Whether there is an owner."""
        with self._database.session() as session:
            return store.get_owner(session) is not None

    def set_password(self, name: str, password: str) -> None:
        """Set the owner's name and password and revoke every session. Raises :class:`InputError` for a poor password."""
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise InputError(Code.REQUEST_INVALID, reason=f"a name has 1 to {MAX_NAME_LENGTH} characters")
        if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
            raise InputError(Code.REQUEST_INVALID, reason=f"a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")
        password_hash = self._hasher.hash(password)
        with self._database.session() as session:
            store.put_owner(session, name, password_hash)
            store.delete_sessions(session)

    def sign_in(self, password: str) -> str:
        """A session's token. Raises :class:`InputError` for a wrong password or too many attempts, wrong or right."""
        if not self._limiter.hit(self._rate, "sign-in"):
            raise InputError(Code.ACCESS_TOO_MANY)
        with self._database.session() as session:
            owner = store.get_owner(session)
        if owner is None or not self._matches(owner.password_hash, password):
            raise InputError(Code.ACCESS_CREDENTIALS)
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._database.session() as session:
            store.add_session(session, _hash(token), now, now + self._lifetime)
        return token

    def find(self, token: str) -> SignedIn:
        """Who holds `token`. Raises :class:`InputError` when nobody does."""
        with self._database.session() as session:
            found = store.find_session(session, _hash(token), self._clock())
            owner = store.get_owner(session)
        if found is None or owner is None:
            raise InputError(Code.ACCESS_SIGN_IN)
        return SignedIn(owner.name, found.id)

    def sign_out(self, signed_in: SignedIn) -> None:
        """Revoke a session."""
        with self._database.session() as session:
            store.delete_session(session, signed_in.session_id)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password[: MAX_PASSWORD_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False


def _hash(token: str) -> str:
    # Tokens are 256 random bits: a plain hash is enough, there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()
