"""What a site sends once, to enrol its key, and what it gets. The endpoint is in `central.hub.api`: it closes the link of an older key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field

from central.accounts.model import MAX_NAME
from central.sites.service import SiteService
from sandbox.host.parts import part
from sandbox.host.passwords import MAX_LENGTH

Sites = Annotated[SiteService, Depends(part(SiteService))]


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
