"""The endpoint of links, `/link`, and the HTTP API that needs to know who is online or must close a link."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, WebSocket
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from central.accounts.access import Accounts, Address, Admin, SignedIn
from central.accounts.api import AccountView, Roles
from central.hub.connection import Connection
from central.hub.hub import Hub
from central.sites.api import Enrolled, Enrolment, Sites
from sandbox.errors import InputError
from sandbox.host.parts import part
from sandbox.host.problems import as_json

router = APIRouter(tags=["sites"])
log = structlog.get_logger()


Links = Annotated[Hub, Depends(part(Hub))]


class SiteView(BaseModel):
    """A site and whether it is there."""

    site_id: str
    institution: str
    online: bool


@router.websocket("/link")
async def open_link(websocket: WebSocket, sites: Sites, links: Links) -> None:
    """Verify the token that the site signed, then hand the connection to the hub."""
    n_revocations = links.n_revocations
    try:
        site_id = await sites.authenticate(websocket.headers.get("authorization", ""))
    except InputError as error:
        log.warning("link.refused", address=websocket.client.host if websocket.client else "unknown")
        await websocket.send_denial_response(as_json(error))
        return
    await websocket.accept()
    await links.serve(site_id, Connection(websocket), n_revocations)


@router.post("/api/enrolments", status_code=201)
async def enrol(enrolment: Enrolment, sites: Sites, links: Links, address: Address) -> Enrolled:
    """Enrol the key of a site; the password is used once, from then on the site signs its own tokens.

    Another key replaces the old one, whose link is closed: it may be in somebody else's hands.
    """
    body = (enrolment.username, enrolment.password, enrolment.site_id, enrolment.public_key)
    await run_in_threadpool(sites.enrol, *body, address)
    links.revoke(enrolment.site_id)
    return Enrolled(central_id=sites.central_id, site_id=enrolment.site_id)


@router.get("/api/sites")
async def list_sites(_: SignedIn, sites: Sites, links: Links) -> list[SiteView]:
    """Every site that may take part in jobs."""
    known = await run_in_threadpool(sites.sites)
    return [SiteView(site_id=site.site_id, institution=site.institution, online=links.is_online(site.site_id)) for site in known]


@router.post("/api/sites/{site_id}/revoke", status_code=204)
async def revoke_site(site_id: str, _: Admin, sites: Sites, links: Links) -> None:
    """Take a site's key away and close its link. Its user may enrol another key, unless the account is revoked too."""
    await run_in_threadpool(sites.revoke, site_id)
    links.revoke(site_id)


@router.post("/api/accounts/{account_id}/approve")
async def approve_account(account_id: str, roles: Roles, identity: Admin, accounts: Accounts, links: Links) -> AccountView:
    """Approve an account and set its roles. With the role site it gets a site_id, which is mailed to it; without, its link is closed."""
    account = await run_in_threadpool(accounts.approve, account_id, roles.roles, identity)
    if account.site_id is not None and not account.may_run_a_site:
        links.revoke(account.site_id)
    return AccountView.of(account)


@router.post("/api/accounts/{account_id}/revoke")
async def revoke_account(account_id: str, identity: Admin, accounts: Accounts, links: Links) -> AccountView:
    """Take an account's access away: its sessions end, and its site's link is closed."""
    account = await run_in_threadpool(accounts.revoke, account_id, identity)
    if account.site_id is not None:
        links.revoke(account.site_id)
    return AccountView.of(account)
