"""Who sent a request: the bearer token, else the cookie of the pages. Used as a FastAPI dependency by every other feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from remote.owner.service import OwnerService, SignedIn
from sandbox.errors import Code, InputError

Guard: TypeAlias = Callable[[Request], SignedIn]


def cookie_name(request: Request) -> str:
    """Cookies ignore ports: two sites on one machine need two names."""
    return f"tidegate_site_{request.url.port or 80}"


def set_cookie(request: Request, response: Response, token: str, seconds: int) -> None:
    """Hand the token to the browser. Not `Secure`: the pages are plain HTTP on loopback, where no wire is to be tapped."""
    response.set_cookie(cookie_name(request), token, max_age=seconds, httponly=True, samesite="strict", path="/")


def clear_cookie(request: Request, response: Response) -> None:
    """Take it back."""
    response.delete_cookie(cookie_name(request), httponly=True, samesite="strict", path="/")


def make_guard(owner: OwnerService) -> Guard:
    """A dependency that answers who is signed in, or raises ACCESS_SIGN_IN. Synchronous: FastAPI runs it in a thread."""

    def signed_in(request: Request) -> SignedIn:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = bearer if scheme.lower() == "bearer" else request.cookies.get(cookie_name(request), "")
        if not token:
            raise InputError(Code.ACCESS_SIGN_IN)
        return owner.find(token)

    return signed_in
