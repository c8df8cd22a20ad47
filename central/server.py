"""How central is served: one TLS port for pages, API and links."""

from __future__ import annotations

import ssl

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from central.app import create_app
from central.authority import TlsFiles
from central.settings import Settings
from policies import load_policy
from sandbox.host.passwords import Passwords
from sandbox.host.serving import server_config
from sandbox.wire.link import FRAME_OVERHEAD


class LinkProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSockets. A peer that closes in the very moment in which the server stops must not keep it from stopping in order."""

    def shutdown(self) -> None:
        """Say goodbye and close."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()


def central_config(settings: Settings, tls: TlsFiles, passwords: Passwords | None = None) -> uvicorn.Config:
    """The configuration of the web server. Raises `ValueError` when the ledger's chain is broken."""
    config = server_config(
        create_app(settings, tls, passwords),
        ws=LinkProtocol,
        ws_max_size=load_policy(settings.policy).max_frame_bytes + FRAME_OVERHEAD,
        # Compressing secret aggregates beside guessable text would leak through lengths; the hub pings by itself.
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
    )
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config
