"""Who asks: dependencies of the API and the pages. The bearer token, else the cookie of the pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from remote.owner.service import OwnerService, SignedIn
from sandbox.errors import TidegateError
from sandbox.host.access import token_of
from sandbox.host.parts import part

Owners = Annotated[OwnerService, Depends(part(OwnerService))]


def cookie_name(request: Request) -> str:
    """Cookies ignore ports: two sites on one machine need two names."""
    return f"tidegate_site_{request.url.port or 80}"


def set_cookie(request: Request, response: Response, token: str, seconds: int) -> None:
    """Hand the token to the browser. Not `Secure`: the pages are plain HTTP on loopback, where no wire is to be tapped."""
    response.set_cookie(cookie_name(request), token, max_age=seconds, httponly=True, samesite="strict", path="/")


def clear_cookie(request: Request, response: Response) -> None:
    """Take it back."""
    response.delete_cookie(cookie_name(request), httponly=True, samesite="strict", path="/")


def signed_in(request: Request, owners: Owners) -> SignedIn:
    """Who is signed in. Raises :class:`InputError` when nobody is."""
    owner = owners.find(token_of(request, cookie_name(request)))
    # Pages show it.
    request.state.owner = owner
    return owner


def visitor(request: Request, owners: Owners) -> SignedIn | None:
    """Who is signed in, if anybody."""
    try:
        return signed_in(request, owners)
    except TidegateError:
        return None


Owner = Annotated[SignedIn, Depends(signed_in)]
Visitor = Annotated[SignedIn | None, Depends(visitor)]
