"""Where to report a hole of this installation, at the address that RFC 9116 gives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse

from sandbox.host.database import now
from sandbox.host.parts import part
from sandbox.host.problems import not_found

PATH: Final = "/.well-known/security.txt"
VALID_DAYS: Final = 180
"""RFC 9116 wants less than a year; each answer is made anew."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SecurityContact:
    """Who takes reports, as a URL; empty when the operator named nobody."""

    url: str


@router.get(PATH, include_in_schema=False)
def security_txt(contact: Annotated[SecurityContact, Depends(part(SecurityContact))]) -> PlainTextResponse:
    """The operator's contact; not found when none is set."""
    if not contact.url:
        raise not_found("page")
    expires = (now() + timedelta(days=VALID_DAYS)).isoformat(timespec="seconds")
    return PlainTextResponse(f"Contact: {contact.url}\nExpires: {expires}\nPreferred-Languages: en\n")
