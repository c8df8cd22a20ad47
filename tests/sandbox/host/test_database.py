"""A host's database: private, transactional, in UTC, and silent about what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import String
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from sandbox.host.database import Database, Moment, now

SECRET = "hash of a password"


class Base(DeclarativeBase):
    """Tables of this test."""


class Thing(Base):
    __tablename__ = "thing"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    at: Mapped[datetime | None] = mapped_column(Moment, default=None)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'x.sqlite3'}", tmp_path)
    Base.metadata.create_all(made.engine)
    yield made
    made.close()


def add(session: Session, name: str, at: datetime | None = None) -> Thing:
    thing = Thing(name=name, at=at)
    session.add(thing)
    return thing


def test_the_file_and_its_companions_are_private(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        add(session, "a")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("x.sqlite3*")} == {0o600}


def test_what_raises_leaves_nothing_behind(database: Database) -> None:
    def add_and_fail(session: Session) -> None:
        add(session, "a")
        raise KeyError

    with pytest.raises(KeyError), database.transaction() as session:
        add_and_fail(session)
    with database.transaction() as session:
        assert session.get(Thing, "a") is None


def test_an_error_does_not_repeat_what_was_to_be_written(database: Database) -> None:
    with database.transaction() as session:
        add(session, SECRET)
    with pytest.raises(IntegrityError) as caught, database.transaction() as session:
        add(session, SECRET)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5))])
def test_times_come_back_in_utc(database: Database, zone: timezone) -> None:
    moment = datetime(2026, 11, 29, 12, 0, tzinfo=zone)
    with database.transaction() as session:
        add(session, "a", moment)
    with database.transaction() as session:
        found = session.get(Thing, "a")
    assert found is not None
    assert found.at == moment
    assert found.at.utcoffset() == timedelta(0)


async def test_a_query_runs_beside_the_event_loop(database: Database) -> None:
    assert (await database.run(add, "a", at=now())).name == "a"
    with database.transaction() as session:
        assert session.get(Thing, "a") is not None


def test_foreign_keys_are_enforced(database: Database) -> None:
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_what_is_committed_survives_a_loss_of_power(database: Database) -> None:
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
