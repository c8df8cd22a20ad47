"""Isolation reports, and a detail for each event of a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        "proof",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("holds", sa.Boolean, nullable=False),
        sa.Column("tier", sa.String(64), nullable=False),
        sa.Column("blocked", sa.Integer, nullable=False),
        sa.Column("deeds", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("report", sa.Text, nullable=False),
    )
    with op.batch_alter_table("run_event") as table:
        table.add_column(sa.Column("detail", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    """To the version before."""
    with op.batch_alter_table("run_event") as table:
        table.drop_column("detail")
    op.drop_table("proof")
