"""How Alembic reaches the database: over the connection that `sandbox.host.database.Database.upgrade` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
