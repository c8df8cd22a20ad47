"""The tables' base and the database of central."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from sandbox.host.database import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Base(DeclarativeBase):
    """Every table of central. Constraints have names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def open_database(url: str) -> Database:
    """Central's database; its schema may be an older one until it is upgraded."""
    return Database(url, MIGRATIONS)


def new_id() -> str:
    """An identifier that cannot be guessed (64 bits)."""
    return secrets.token_hex(8)
