"""Enrolment, verification and revocation of sites."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from central.accounts import store as account_store
from central.accounts.service import AccountService
from central.sites import store
from central.sites.tokens import SiteTokens, claimed_site, load_public_key
from sandbox.errors import Code, InputError
from sandbox.host.database import Database
from sandbox.host.problems import not_found

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Site:
    """A site that may take part in jobs."""

    site_id: str
    institution: str


class SiteService:
    """Sites of one central."""

    def __init__(self, database: Database, accounts: AccountService, central_id: str) -> None:
        self.central_id = central_id
        self._database = database
        self._accounts = accounts
        self._tokens = SiteTokens(central_id)

    def enrol(self, username: str, password: str, site_id: str, public_key: str, address: str) -> None:
        """Set a site's key for the user who owns the site_id; another key replaces it. Blocking.

        Raises:
            InputError: the credentials are wrong, or the site_id is not this user's (both look alike to a guesser of site_ids).
        """
        account = self._accounts.check_password(username, password, address)
        if not account.may_run_a_site or account.site_id != site_id:
            raise InputError(Code.SITE_ENROLMENT)
        load_public_key(public_key)
        with self._database.transaction() as session:
            store.enrol(session, site_id, account.id, public_key)
        log.info("site.enrolled", site=site_id)
        if account.email:
            text = f"A key was enrolled for your site {site_id}. If this was not you, tell central's administrator at once.\n"
            self._accounts.mailer.send(account.email, "A key was enrolled for your Tidegate site", text)

    async def authenticate(self, authorization: str) -> str:
        """The site_id behind an Authorization header. Raises :class:`InputError` for anything but a good, fresh, unused token."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InputError(Code.ACCESS_SIGN_IN)
        site_id = claimed_site(token)
        pem = await self._database.run(store.active_key, site_id)
        if pem is None:
            raise InputError(Code.ACCESS_SIGN_IN)
        self._tokens.verify(token, site_id, load_public_key(pem))
        return site_id

    def sites(self) -> list[Site]:
        """Every site of an active account. Blocking."""
        with self._database.transaction() as session:
            return [Site(str(account.site_id), account.institution) for account in account_store.sites(session)]

    def revoke(self, site_id: str) -> None:
        """Take a site's key away. Blocking. The caller closes its link."""
        with self._database.transaction() as session:
            if not store.revoke(session, site_id):
                raise not_found("enrolled site")
        log.info("site.revoked", site=site_id)
