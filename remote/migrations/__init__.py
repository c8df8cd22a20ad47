"""Alembic migrations of a site's database; `remote.db.migrate` runs them."""
