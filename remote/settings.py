"""What an operator may set, from the environment (`TIDEGATE_SITE_…`) or the command line. No secret has a default here.

Everything that belongs to one central (its address, its certificate authority, the site_id) is in the database and set in the
configuration window, not here.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Final

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PORT: Final = 8471


class Settings(BaseSettings):
    """The settings of one site."""

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_SITE_", extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_path("tidegate-site")))
    """Database, keys, ledger. Created with mode 0700."""
    host: str = "127.0.0.1"
    """A loopback address; anything else is refused: the pages of a site are for the person in front of it."""
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65535)
    """0 takes a free port; the log says which."""
    policy: str = "default"
    """A built-in policy by name, or the path of a site's own file."""
    proxy: str = ""
    """Empty: connect directly, whatever the environment says. `system`: use the proxy of the environment. Else the URL of a proxy."""
    session_hours: float = Field(default=12, gt=0, le=24 * 7)
    sign_in_attempts_per_minute: int = Field(default=10, ge=1)
    ping_seconds: float = Field(default=10, gt=0)
    """Between two pings on the link; three without an answer end the connection."""
    retry_seconds: float = Field(default=1, gt=0)
    """First pause before the link is opened again; it doubles up to `retry_seconds_most`."""
    retry_seconds_most: float = Field(default=60, gt=0)

    @field_validator("host")
    @classmethod
    def _is_loopback(cls, host: str) -> str:
        if host != "localhost" and not _is_loopback_address(host):
            raise ValueError("a site's pages are served on a loopback address only (127.0.0.1, ::1 or localhost)")
        return host

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "site.db"

    @property
    def ledger(self) -> Path:
        """The ledger file."""
        return self.data_dir / "ledger.jsonl"


def _is_loopback_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
