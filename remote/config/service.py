"""Setting up a site: where central is, and enrolling the site's key there.

The owner's password at central passes through once, from the request to central's TLS connection; it is neither stored nor logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from remote.config import store
from remote.config.authority import client, fetch_authority, parse_fingerprint, parse_url, trust
from remote.config.model import CentralConfig
from remote.keys import Keys, public_pem
from sandbox.errors import Code, InputError, PeerError, TidegateError
from sandbox.host.database import Database, now


class ConfigService:
    """The configuration, read from memory and kept in the database."""

    def __init__(self, database: Database, keys: Keys, proxy: str = "") -> None:
        self._database = database
        self._keys = keys
        self._proxy = proxy
        self._on_change: Callable[[], None] = lambda: None
        with database.transaction() as session:
            self._current = store.get(session)

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after every change: the link and the runs hang on it."""
        self._on_change = on_change

    @property
    def current(self) -> CentralConfig | None:
        """The configuration, None before it was made."""
        return self._current

    async def set_central(self, url: str, site_id: str, ca_fingerprint: str) -> CentralConfig:
        """Pin central's certificate authority and remember where central is. Enrolment starts again when anything but spelling changed."""
        address, fingerprint, site_id = parse_url(url), parse_fingerprint(ca_fingerprint), site_id.strip()
        if not 1 <= len(site_id) <= 64 or not site_id.isascii() or not site_id.isprintable():
            raise InputError(Code.REQUEST_INVALID, reason="a site_id has 1 to 64 printable characters")
        pem = await fetch_authority(address, fingerprint, self._proxy)
        fresh = CentralConfig(url=address, site_id=site_id, ca_fingerprint=fingerprint, ca_pem=pem, central_id="", enrolled_at=None)
        old = self._current
        # Central's address may change (another port, another name) without central becoming another one.
        if old is not None and (old.site_id, old.ca_fingerprint) == (site_id, fingerprint):
            fresh.central_id, fresh.enrolled_at = old.central_id, old.enrolled_at
        return await self._keep(fresh)

    async def enrol(self, username: str, password: str) -> CentralConfig:
        """Make a key and let central bind it to the site_id. Raises :class:`TidegateError` with central's code when it will not."""
        config = self._current
        if config is None:
            raise InputError(Code.SITE_NOT_CONFIGURED)
        key = self._keys.draft_site_key()
        body = {"username": username, "password": password, "site_id": config.site_id, "public_key": public_pem(key)}
        answer = await self._post(config, "/api/enrolments", body)
        central_id = answer.get("central_id")
        if not isinstance(central_id, str) or not 1 <= len(central_id) <= 64 or answer.get("site_id") != config.site_id:
            raise PeerError(Code.SITE_ENROLMENT)
        await asyncio.to_thread(self._keys.keep_site_key, key)
        enrolled = CentralConfig(
            url=config.url,
            site_id=config.site_id,
            ca_fingerprint=config.ca_fingerprint,
            ca_pem=config.ca_pem,
            central_id=central_id,
            enrolled_at=now(),
        )
        return await self._keep(enrolled)

    async def _post(self, config: CentralConfig, path: str, body: dict[str, str]) -> dict[str, Any]:
        try:
            async with client(trust(config.ca_pem), self._proxy) as http:
                answer = await http.post(config.url + path, json=body)
                content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise PeerError(Code.CENTRAL_UNREACHABLE, central=config.url) from error
        if not isinstance(content, dict):
            raise PeerError(Code.SITE_ENROLMENT)
        if not answer.is_success:
            raise _refusal(content)
        return content

    async def _keep(self, config: CentralConfig) -> CentralConfig:
        self._current = await self._database.run(store.put, config)
        self._on_change()
        return self._current


def _refusal(content: dict[str, Any]) -> TidegateError:
    """Central's refusal in our own words: its code if we know it, never its text."""
    try:
        code = Code(content.get("code", ""))
    except ValueError:
        code = Code.SITE_ENROLMENT
    # At this site's own API a 401 would mean that the owner of the site is signed out.
    return InputError(Code.SITE_ENROLMENT if code in (Code.ACCESS_SIGN_IN, Code.ACCESS_CREDENTIALS) else code)
