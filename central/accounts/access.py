"""Who asks: dependencies of the API and the pages. A bearer token, or the cookie of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from central.accounts.model import Role
from central.accounts.service import AccountService, Identity
from sandbox.errors import Code, InputError

COOKIE: Final = "__Host-tidegate"
"""The prefix makes browsers insist on Secure, the whole host and no other path."""


def account_service(request: Request) -> AccountService:
    """The service that the application was built with."""
    return cast(AccountService, request.app.state.accounts)


def client_address(request: Request) -> str:
    """The address the request came from."""
    return request.client.host if request.client else "unknown"


def signed_in(request: Request) -> Identity:
    """Who is signed in. Raises :class:`InputError` when nobody is."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token or scheme.lower() != "bearer":
        token = request.cookies.get(COOKIE, "")
    if not token:
        raise InputError(Code.ACCESS_SIGN_IN)
    return account_service(request).identify(token)


def with_role(*roles: Role) -> Callable[[Identity], Identity]:
    """A dependency that asks for one of `roles`."""

    def check(identity: SignedIn) -> Identity:
        if not any(identity.has(role) for role in roles):
            raise InputError(Code.ACCESS_FORBIDDEN, role=" or ".join(roles))
        return identity

    return check


Accounts = Annotated[AccountService, Depends(account_service)]
Address = Annotated[str, Depends(client_address)]
SignedIn = Annotated[Identity, Depends(signed_in)]
Admin = Annotated[Identity, Depends(with_role(Role.ADMIN))]
Runner = Annotated[Identity, Depends(with_role(Role.RUNNER, Role.ADMIN))]
Author = Annotated[Identity, Depends(with_role(Role.AUTHOR, Role.ADMIN))]
