"""Whether an approval also lets the code see rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version: what was approved before let no code see rows."""
    with op.batch_alter_table("approval") as table:
        table.add_column(sa.Column("sees_rows", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """To the version before."""
    with op.batch_alter_table("approval") as table:
        table.drop_column("sees_rows")
