"""Settings of central: environment variables `TIDEGATE_CENTRAL_…`, and the secrets that the first start creates.

No secret has a default and none is read from the environment: they are files that only the service user can read.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Self

from platformdirs import user_data_path
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRET_BYTES = 32


class Settings(BaseSettings):
    """What an operator may set. Units are in the names."""

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_CENTRAL_", extra="ignore")

    data_dir: Path = Field(default_factory=lambda: user_data_path("tidegate-central"))
    host: str = "127.0.0.1"
    port: int = 8443
    database_url: str = ""
    """Empty: SQLite in the data directory. PostgreSQL: `postgresql+psycopg://…`."""
    policy: str = "default"
    """Name of a built-in policy or a file: limits and rules for central's own processes."""
    blas_threads: int = 1
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    """An operator's own certificate: all three, or none (then central makes an authority and a certificate)."""
    smtp_host: str = ""
    """Empty: mails are shown to administrators on the page Mail."""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_starttls: bool = True
    mail_from: str = "tidegate@localhost"
    security_contact: str = Field(default="", pattern=r"^(?:(?:mailto:|https://|tel:)[!-~]+)?$", max_length=500)
    """Who takes reports of holes in this installation, as `mailto:…`, `https://…` or `tel:…`; told at /.well-known/security.txt."""
    session_hours: int = Field(default=12, ge=1, le=24 * 7)
    sign_ins_per_minute: int = Field(default=10, ge=1)
    """Attempts per user name and address; an address may make six times as many over all names."""
    registrations_per_hour: int = Field(default=30, ge=1)
    result_seconds: int = Field(default=3600, ge=1, le=86_400)
    """How long a finished result stays in central's gate."""
    away_seconds: float = Field(default=60.0, gt=0)
    """How long a site may be away that owes a running job an answer."""
    ping_seconds: float = Field(default=15.0, gt=0)
    ping_timeout_seconds: float = Field(default=5.0, gt=0)

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if len({self.tls_certificate is None, self.tls_key is None, self.tls_ca is None}) != 1:
            raise ValueError("tls_certificate, tls_key and tls_ca are set together or not at all")
        return self

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'central.sqlite3'}"

    @property
    def ledger_path(self) -> Path:
        """The ledger of this host."""
        return self.data_dir / "ledger.jsonl"


def read_secret(path: Path) -> bytes:
    """The secret in `path`, made on the first call, readable by the service user only.

    Raises `PermissionError` when others may read it: somebody should look into that before it is used again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} can be read by others; run chmod 600 and consider it known") from None
        return path.read_bytes()
    secret = secrets.token_bytes(SECRET_BYTES)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    return secret


def make_data_dir(path: Path) -> None:
    """Create the data directory, closed to others."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
