"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

import contextlib
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from remote import tables
from remote.db import Model, open_database


def test_migrations_equal_the_models(tmp_path: Path) -> None:
    with contextlib.closing(open_database(tmp_path / "site.db")) as database, database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Model.metadata) == []
    assert len(tables.__all__) == len(Model.metadata.tables)


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    with contextlib.closing(open_database(tmp_path / "site.db")) as database:
        database.upgrade()
    open_database(tmp_path / "site.db").close()


def test_the_database_is_a_private_file(tmp_path: Path) -> None:
    open_database(tmp_path / "site.db").close()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("site.db*")} == {0o600}
