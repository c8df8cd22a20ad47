"""Central's certificate authority: fetched without verification, accepted only by its fingerprint, then trusted alone.

The fingerprint is the SHA-256 of the certificate, which the owner got from central's administrator over another channel. Until it matched,
nothing that came over the connection is believed; from then on every connection is verified against this one certificate.
"""

from __future__ import annotations

import re
import ssl
from typing import Final
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.errors import Code, InputError, PeerError

WELL_KNOWN: Final = "/.well-known/tidegate/ca.pem"
MAX_PEM_BYTES: Final = 64 << 10
TIMEOUT_SECONDS: Final = 10.0
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}\Z")
_PEM_BEGIN: Final = "-----BEGIN CERTIFICATE-----"


def parse_url(text: str) -> str:
    """`https://host[:port]` from what was typed. Raises :class:`InputError` for anything else."""
    url = text.strip()
    if "://" not in url:
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InputError(Code.REQUEST_INVALID, reason="the address of central is not a URL") from error
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise InputError(Code.REQUEST_INVALID, reason="the address of central looks like https://host:port")
    return f"https://{parts.netloc.lower()}"


def parse_fingerprint(text: str) -> str:
    """A SHA-256 in lower-case hexadecimal, typed with or without colons. Raises :class:`InputError`."""
    plain = re.sub(r"[\s:]", "", text).lower().removeprefix("sha256").removeprefix("=")
    if not _FINGERPRINT.match(plain):
        raise InputError(Code.REQUEST_INVALID, reason="a fingerprint has 64 hexadecimal digits")
    return plain


def fingerprint_of(pem: str) -> str:
    """The SHA-256 of the one certificate in `pem`. Raises :class:`PeerError` when it does not hold exactly one."""
    if pem.count(_PEM_BEGIN) != 1:
        raise PeerError(Code.CENTRAL_UNREACHABLE)
    try:
        return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
    except ValueError as error:
        raise PeerError(Code.CENTRAL_UNREACHABLE) from error


def trust(pem: str) -> ssl.SSLContext:
    """A context that trusts this certificate authority and no other, and checks host names."""
    return ssl.create_default_context(cadata=pem)


async def fetch_authority(url: str, fingerprint: str, proxy: str) -> str:
    """The certificate authority of central as PEM, once it has the expected fingerprint and central proved to hold a certificate of it.

    Raises :class:`InputError` (SITE_FINGERPRINT) when it has another one, :class:`PeerError` when central cannot be reached or its
    certificate does not belong to its name.
    """
    pem = await _fetch_unsafe(url, proxy)
    if fingerprint_of(pem) != fingerprint:
        raise InputError(Code.SITE_FINGERPRINT, central=url)
    async with client(trust(pem), proxy) as http:
        try:
            await http.head(url + WELL_KNOWN)
        except httpx.HTTPError as error:
            raise PeerError(Code.CENTRAL_UNREACHABLE, central=url) from error
    return pem


def client(verify: ssl.SSLContext | bool, proxy: str) -> httpx.AsyncClient:
    """An HTTP client that follows no redirect and honours a proxy only when the operator set one."""
    explicit = proxy if proxy not in ("", "system") else None
    return httpx.AsyncClient(verify=verify, trust_env=proxy == "system", proxy=explicit, follow_redirects=False, timeout=TIMEOUT_SECONDS)


async def _fetch_unsafe(url: str, proxy: str) -> str:
    """What lies at the well-known path, from whoever answers: the caller compares the fingerprint before anything else."""
    data = bytearray()
    try:
        async with client(False, proxy) as http, http.stream("GET", url + WELL_KNOWN) as answer:
            if answer.status_code != 200:
                raise PeerError(Code.CENTRAL_UNREACHABLE, central=url)
            async for chunk in answer.aiter_bytes():
                data += chunk
                if len(data) > MAX_PEM_BYTES:
                    raise PeerError(Code.CENTRAL_UNREACHABLE, central=url)
        return data.decode("ascii")
    except (httpx.HTTPError, UnicodeDecodeError) as error:
        raise PeerError(Code.CENTRAL_UNREACHABLE, central=url) from error
