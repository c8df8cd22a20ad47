"""The token a site shows at every connection: short, signed with its own key, used once. Pure."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIFETIME: Final = timedelta(seconds=60)
"""The longest central accepts."""


def make_token(key: Ed25519PrivateKey, site_id: str, central_id: str, now: datetime | None = None) -> str:
    """A JWT for one connection."""
    issued = now or datetime.now(UTC)
    claims = {"sub": site_id, "aud": central_id, "iat": issued, "exp": issued + LIFETIME, "jti": secrets.token_hex(16)}
    return jwt.encode(claims, key, algorithm="EdDSA")
