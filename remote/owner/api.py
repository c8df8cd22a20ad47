"""Sessions over HTTP."""
# No `from __future__ import annotations` in api modules: FastAPI resolves annotations, and could not see those made inside a function.

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from remote.owner.guard import Guard, clear_cookie, set_cookie
from remote.owner.service import MAX_PASSWORD_LENGTH, OwnerService, SignedIn


class Credentials(BaseModel):
    """The owner's password."""

    password: str = Field(max_length=MAX_PASSWORD_LENGTH)


class Token(BaseModel):
    """Send it as `Authorization: Bearer …`; pages use the cookie that came with it."""

    token: str


def make_router(owner: OwnerService, guard: Guard, session_hours: float) -> APIRouter:
    """Routes of the sessions."""
    router = APIRouter(prefix="/api/sessions", tags=["sessions"])

    @router.post("", status_code=201)
    def sign_in(credentials: Credentials, request: Request, response: Response) -> Token:
        """Sign in with the owner's password."""
        token = owner.sign_in(credentials.password)
        set_cookie(request, response, token, int(session_hours * 3600))
        return Token(token=token)

    @router.delete("/current", status_code=204)
    def sign_out(request: Request, response: Response, signed_in: Annotated[SignedIn, Depends(guard)]) -> None:
        """Revoke the session that sends this."""
        owner.sign_out(signed_in)
        clear_cookie(request, response)

    return router
