"""Which Host and which Origin may speak to a server: against DNS rebinding and cross-site requests.

Cookies are SameSite=Strict already; this is the second lock. A client without a browser (a script with a bearer token, a site's link)
sends no Origin and no cookie and passes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.errors import Code, InputError
from sandbox.host.problems import Answer

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def host_name(host: str) -> str:
    """The name in a Host header, without its port and brackets, in lower case; empty for nonsense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_allowed_host(headers: Headers, names: Collection[str]) -> bool:
    """Whether the request names this server."""
    return host_name(headers.get("host", "")) in names


def is_allowed_origin(method: str, headers: Headers) -> bool:
    """Whether the request may change something, or open a WebSocket (method `WEBSOCKET`).

    An Origin must be the server itself. A request that a browser authenticates by cookie must carry one.
    """
    if method in SAFE_METHODS:
        return True
    origin = headers.get("origin")
    if origin is None:
        return "cookie" not in headers or "authorization" in headers
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == headers.get("host", "").lower()


class OriginCheck:
    """ASGI middleware: refuses requests for another host (421) or from another origin (403)."""

    def __init__(self, app: ASGIApp, names: Collection[str], answer: Answer) -> None:
        self._app = app
        self._answer = answer
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        method = scope.get("method", "WEBSOCKET")
        if not is_allowed_host(headers, self._names):
            await self._refuse(421, scope, receive, send)
        elif not is_allowed_origin(method, headers):
            await self._refuse(403, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _refuse(self, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Closing before accepting makes the server answer the handshake with 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._answer(Request(scope), InputError(Code.ACCESS_ORIGIN), status)(scope, receive, send)
