"""Entry point of Alembic: runs on the connection that `remote.db.migrate` hands over."""

from __future__ import annotations

from alembic import context

import remote.tables  # noqa: F401 - fills the metadata
from remote.db import Model

context.configure(connection=context.config.attributes["connection"], target_metadata=Model.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
