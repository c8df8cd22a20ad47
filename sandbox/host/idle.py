"""How long a server keeps a connection that is not used."""

from __future__ import annotations

from typing import Final

IDLE_SECONDS: Final = 15
"""Longer than clients of an API do (httpx: 5): none must send its next request into a connection that is just closing."""
