"""How central is served: one TLS port for pages, API and links."""

from __future__ import annotations

import ssl
from typing import Final

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from central.app import create_app
from central.authority import TlsFiles
from central.settings import Settings
from policies import load_policy
from sandbox.host.idle import IDLE_SECONDS
from sandbox.host.passwords import Passwords
from sandbox.wire.link import FRAME_OVERHEAD

SHUTDOWN_SECONDS: Final = 5
"""For answers under way; rows are wiped after that."""


class LinkProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSockets. A peer that closes in the very moment in which the server stops must not keep it from stopping in order."""

    def shutdown(self) -> None:
        """Say goodbye and close."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()


def server_config(settings: Settings, tls: TlsFiles, passwords: Passwords | None = None) -> uvicorn.Config:
    """The configuration of the web server. Raises `ValueError` when the ledger's chain is broken."""
    config = uvicorn.Config(
        create_app(settings, tls, passwords),
        loop="uvloop",
        http="httptools",
        ws=LinkProtocol,
        ws_max_size=load_policy(settings.policy).max_frame_bytes + FRAME_OVERHEAD,
        # Compressing secret aggregates beside guessable text would leak through lengths; the hub pings by itself.
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
        log_config=None,
        access_log=False,
        server_header=False,
        # Addresses in headers are anybody's claim; a proxy in front is not supported.
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config
