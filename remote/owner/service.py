"""Signing in and out at a site. Synchronous (Argon2id takes its time): call it from a thread."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from limits import RateLimitItemPerMinute

from remote.owner import store
from sandbox.errors import Code, InputError
from sandbox.host.attempts import Attempts
from sandbox.host.database import Database, now
from sandbox.host.passwords import MAX_LENGTH, MIN_LENGTH, Passwords

MAX_NAME_LENGTH: Final = 64
OWNER: Final = "owner"
"""The one name of a site, as attempts are counted."""


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
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._lifetime = timedelta(hours=session_hours)
        self._clock = clock
        self._passwords = Passwords()
        self._attempts = Attempts(RateLimitItemPerMinute(attempts_per_minute))

    @property
    def session_seconds(self) -> int:
        """How long a session lasts."""
        return int(self._lifetime.total_seconds())

    @property
    def is_set(self) -> bool:
        """Whether there is an owner."""
        with self._database.transaction() as session:
            return store.get_owner(session) is not None

    def set_password(self, name: str, password: str) -> None:
        """Set the owner's name and password and revoke every session. Raises :class:`InputError` for a poor password."""
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise InputError(Code.REQUEST_INVALID, reason=f"a name has 1 to {MAX_NAME_LENGTH} characters")
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise InputError(Code.REQUEST_INVALID, reason=f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
        password_hash = self._passwords.hash(password)
        with self._database.transaction() as session:
            store.put_owner(session, name, password_hash)
            store.delete_sessions(session)

    def sign_in(self, password: str) -> str:
        """A session's token.

        Raises:
            LimitError: too many attempts, wrong or right, from wherever: a whole network of addresses loops back.
            InputError: the password is wrong.
        """
        self._attempts.count(OWNER)
        with self._database.transaction() as session:
            owner = store.get_owner(session)
        if not self._passwords.matches(owner.password_hash if owner else None, password):
            raise InputError(Code.ACCESS_CREDENTIALS)
        token = secrets.token_urlsafe(32)
        moment = self._clock()
        with self._database.transaction() as session:
            store.add_session(session, _hash(token), moment, moment + self._lifetime)
        return token

    def find(self, token: str) -> SignedIn:
        """Who holds `token`. Raises :class:`InputError` when nobody does."""
        with self._database.transaction() as session:
            found = store.find_session(session, _hash(token), self._clock())
            owner = store.get_owner(session)
        if found is None or owner is None:
            raise InputError(Code.ACCESS_SIGN_IN)
        return SignedIn(owner.name, found.id)

    def sign_out(self, signed_in: SignedIn) -> None:
        """Revoke a session."""
        with self._database.transaction() as session:
            store.delete_session(session, signed_in.session_id)


def _hash(token: str) -> str:
    # Tokens are 256 random bits: a plain hash is enough, there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()
