"""Where to report a hole of this installation, at the address that RFC 9116 gives it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse

from central.problems import not_found

PATH: Final = "/.well-known/security.txt"
VALID_DAYS: Final = 180
"""RFC 9116 wants less than a year; each answer is made anew."""

router = APIRouter()


def _contact(request: Request) -> str:
    contact: str = request.app.state.security_contact
    return contact


@router.get(PATH, include_in_schema=False)
def security_txt(contact: Annotated[str, Depends(_contact)]) -> PlainTextResponse:
    """The operator's contact; not found when none is set."""
    if not contact:
        raise not_found("page")
    expires = (datetime.now(UTC) + timedelta(days=VALID_DAYS)).isoformat(timespec="seconds")
    return PlainTextResponse(f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en\n")
