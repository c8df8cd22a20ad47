"""Sessions over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from remote.owner.access import Owner, Owners, clear_cookie, set_cookie
from sandbox.host.passwords import MAX_LENGTH

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


class Credentials(BaseModel):
    """The owner's password."""

    password: str = Field(max_length=MAX_LENGTH)


class Token(BaseModel):
    """Send it as `Authorization: Bearer TOKEN`; pages use the cookie that came with it."""

    token: str


@router.post("", status_code=201)
def sign_in(credentials: Credentials, request: Request, response: Response, owners: Owners) -> Token:
    """Sign in with the owner's password."""
    token = owners.sign_in(credentials.password)
    set_cookie(request, response, token, owners.session_seconds)
    return Token(token=token)


@router.delete("/current", status_code=204)
def sign_out(request: Request, response: Response, owner: Owner, owners: Owners) -> None:
    """Revoke the session that sends this."""
    owners.sign_out(owner)
    clear_cookie(request, response)
