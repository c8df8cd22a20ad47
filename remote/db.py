"""The tables' base and the database of a site: SQLite beside its keys.

Configuration, the owner's sessions, approvals, isolation reports and the log of runs; never a row of data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy.orm import DeclarativeBase

from sandbox.host.database import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Model(DeclarativeBase):
    """Base of every table."""


def open_database(path: Path) -> Database:
    """The database in a file, its schema brought up to date."""
    database = Database(f"sqlite:///{path}", MIGRATIONS)
    database.upgrade()
    return database
