"""What a site sends once, to enrol its key, and what it gets. The endpoint is in `central.hub.api`: it closes the link of an older key."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from central.accounts.model import MAX_NAME
from central.accounts.passwords import MAX_LENGTH
from central.sites.service import SiteService


def site_service(request: Request) -> SiteService:
    """The service that the application was built with."""
    return cast(SiteService, request.app.state.sites)


Sites = Annotated[SiteService, Depends(site_service)]


class Enrolment(BaseModel):
    """The credentials of the site's user, and the site's key (Ed25519, PEM)."""

    username: str = Field(max_length=MAX_NAME)
    password: str = Field(max_length=MAX_LENGTH)
    site_id: str = Field(max_length=16)
    public_key: str = Field(max_length=1000)


class Enrolled(BaseModel):
    """What the site puts into its tokens."""

    central_id: str
    site_id: str
