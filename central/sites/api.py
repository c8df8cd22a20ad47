"""HTTP API that a site calls once: enrolment of its key."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from central.accounts.access import Address
from central.accounts.model import MAX_NAME
from central.accounts.passwords import MAX_LENGTH
from central.sites.service import SiteService

router = APIRouter(prefix="/api", tags=["sites"])


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


@router.post("/enrolments", status_code=201)
def enrol(enrolment: Enrolment, sites: Sites, address: Address) -> Enrolled:
    """Enrol the key of a site; the password is used once, from then on the site signs its own tokens."""
    sites.enrol(enrolment.username, enrolment.password, enrolment.site_id, enrolment.public_key, address)
    return Enrolled(central_id=sites.central_id, site_id=enrolment.site_id)
