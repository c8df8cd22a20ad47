"""A host's database: engine, transactions, migrations. Synchronous; asynchronous callers go through :meth:`Database.run`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import alembic.command
import alembic.config
from sqlalchemy import DateTime, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator

PRAGMAS: Final = ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 10000", "synchronous = FULL")
"""FULL: what was committed survives a loss of power. A password that was changed must stay changed."""

P = ParamSpec("P")
T = TypeVar("T")


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite forgets time zones, so they are put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """With its time zone."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Database:
    """A database and its transactions. `migrations` is the folder of the host's schema."""

    def __init__(self, url: str, migrations: Path) -> None:
        self._migrations = migrations
        # Parameters may hold password hashes and job names: they stay out of every error text.
        self.engine = create_engine(url, hide_parameters=True)
        if self.engine.dialect.name == "sqlite":
            _make_private(self.engine.url.database or "")
            event.listen(self.engine, "connect", _set_up_sqlite)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that is committed at the end, or rolled back when something is raised."""
        with self._sessions.begin() as session:
            yield session

    async def run(self, function: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(session, …)` in a transaction in the thread pool."""

        def inside() -> T:
            with self.transaction() as session:
                return function(session, *args, **kwargs)

        return await asyncio.to_thread(inside)

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        config = alembic.config.Config()
        config.set_main_option("script_location", str(self._migrations))
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def _make_private(path: str) -> None:
    """Create the file that only the service user can read; its companions get the same mode. SQLite itself says when there is no folder."""
    if not path or path == ":memory:":
        return
    with contextlib.suppress(FileNotFoundError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
