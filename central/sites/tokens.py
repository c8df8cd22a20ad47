"""Tokens that sites sign themselves: EdDSA only, for this central only, at most a minute long, each good once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sandbox.errors import Code, InputError

ALGORITHM: Final = "EdDSA"
MAX_SECONDS: Final = 60
LEEWAY_SECONDS: Final = 10
"""Clocks of hospitals differ."""


def load_public_key(pem: str) -> Ed25519PublicKey:
    """An Ed25519 key. Raises :class:`InputError` for anything else."""
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise InputError(Code.REQUEST_INVALID, reason="public_key is not a PEM public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(Code.REQUEST_INVALID, reason="public_key is not an Ed25519 key")
    return key


def claimed_site(token: str) -> str:
    """The site a token claims to be of, unverified: only to look its key up."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise InputError(Code.ACCESS_SIGN_IN) from error
    return str(claims.get("sub", ""))


class SiteTokens:
    """Verifies tokens and remembers which were used. One instance per central, used from one thread."""

    def __init__(self, central_id: str, clock: Callable[[], float] = time.time) -> None:
        self._audience = central_id
        self._clock = clock
        self._used: dict[str, float] = {}

    def verify(self, token: str, site_id: str, key: Ed25519PublicKey) -> None:
        """Raise :class:`InputError` unless `token` is a fresh token of `site_id`, signed with `key`."""
        try:
            claims = jwt.decode(
                token,
                key,
                # The only algorithm: a token that names another one, or uses the public key as an HMAC secret, is refused here.
                algorithms=[ALGORITHM],
                audience=self._audience,
                subject=site_id,
                leeway=LEEWAY_SECONDS,
                options={"require": ["sub", "aud", "iat", "exp", "jti"]},
            )
        except jwt.InvalidTokenError as error:
            raise InputError(Code.ACCESS_SIGN_IN) from error
        self._check_once(claims)

    def _check_once(self, claims: dict[str, Any]) -> None:
        issued, expires, jti = int(claims["iat"]), int(claims["exp"]), str(claims["jti"])
        now = self._clock()
        self._used = {used: until for used, until in self._used.items() if until > now}
        if expires - issued > MAX_SECONDS or jti in self._used:
            raise InputError(Code.ACCESS_SIGN_IN)
        self._used[jti] = expires + LEEWAY_SECONDS
