"""How a host serves: the socket it listens on, and what both servers ask of uvicorn."""

from __future__ import annotations

import os
import socket
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from sandbox.host.startup import NotReady

BACKLOG: Final = 512
IDLE_SECONDS: Final = 15
"""How long a connection that is not used is kept. Longer than clients of an API do (httpx: 5): none must send its next request into a
connection that is just closing."""
SHUTDOWN_SECONDS: Final = 5
"""For answers under way; rows are wiped after that."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already: who reads the address in the log may connect at once, and waits in the backlog.

    Raises :class:`NotReady` when the address cannot be had.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno and error.errno > 0 else str(error)
        raise NotReady(f"Port {port} of {host} cannot be used ({reason}); choose another with --port or --host.") from error


def server_config(app: ASGIApp, **own: Any) -> uvicorn.Config:
    """uvicorn's configuration, loaded; `own` is what only one of the servers needs. Raises :class:`OSError` for files it cannot read."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        # Addresses in headers are anybody's claim; a proxy in front is not supported.
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        **own,
    )
    config.load()
    return config
