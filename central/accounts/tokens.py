"""Session tokens of people: a JWT (HS256) that names a session in the database. Not for sites, which sign their own."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import jwt

from sandbox.errors import Code, InputError
from sandbox.host.database import now

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "tidegate-people"


class Tokens:
    """Makes and reads session tokens with central's session key."""

    def __init__(self, key: bytes, central_id: str) -> None:
        self._key = key
        self._issuer = central_id

    def issue(self, account_id: str, session_id: str, expires_at: datetime) -> str:
        """A token for a session."""
        claims = {"iss": self._issuer, "aud": AUDIENCE, "sub": account_id, "sid": session_id, "iat": now(), "exp": expires_at}
        return jwt.encode(claims, self._key, ALGORITHM)

    def session_id(self, token: str) -> str:
        """The session a token names. Raises :class:`InputError` for any other text."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "sub", "sid"]},
            )
        except jwt.InvalidTokenError as error:
            raise InputError(Code.ACCESS_SIGN_IN) from error
        return str(claims["sid"])
