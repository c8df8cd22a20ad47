"""Who asks, as far as both hosts tell alike: the token of a request."""

from __future__ import annotations

from fastapi import Request

from sandbox.errors import Code, InputError


def token_of(request: Request, cookie: str) -> str:
    """The bearer token of a request, else that of the cookie of the pages. Raises :class:`InputError` when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token or scheme.lower() != "bearer":
        token = request.cookies.get(cookie, "")
    if not token:
        raise InputError(Code.ACCESS_SIGN_IN)
    return token
