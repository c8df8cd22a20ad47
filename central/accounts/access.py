"""Who asks: dependencies of the API and the pages. A bearer token, or the cookie of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Depends, Request

from central.accounts.model import Role
from central.accounts.service import AccountService, Identity
from sandbox.errors import Code, InputError, TidegateError
from sandbox.host.access import token_of
from sandbox.host.parts import part

COOKIE: Final = "__Host-tidegate"
"""The prefix makes browsers insist on Secure, the whole host and no other path."""


def client_address(request: Request) -> str:
    """The address the request came from."""
    return request.client.host if request.client else "unknown"


Accounts = Annotated[AccountService, Depends(part(AccountService))]
Address = Annotated[str, Depends(client_address)]


def signed_in(request: Request, accounts: Accounts) -> Identity:
    """Who is signed in. Raises :class:`InputError` when nobody is."""
    identity = accounts.identify(token_of(request, COOKIE))
    # Pages show it.
    request.state.identity = identity
    return identity


def visitor(request: Request, accounts: Accounts) -> Identity | None:
    """Who is signed in, if anybody."""
    try:
        return signed_in(request, accounts)
    except TidegateError:
        return None


def with_role(*roles: Role) -> Callable[[Identity], Identity]:
    """A dependency that asks for one of `roles`."""

    def check(identity: SignedIn) -> Identity:
        if not any(identity.has(role) for role in roles):
            raise InputError(Code.ACCESS_FORBIDDEN, role=" or ".join(roles))
        return identity

    return check


SignedIn = Annotated[Identity, Depends(signed_in)]
Visitor = Annotated[Identity | None, Depends(visitor)]
Admin = Annotated[Identity, Depends(with_role(Role.ADMIN))]
Runner = Annotated[Identity, Depends(with_role(Role.RUNNER, Role.ADMIN))]
Author = Annotated[Identity, Depends(with_role(Role.AUTHOR, Role.ADMIN))]
