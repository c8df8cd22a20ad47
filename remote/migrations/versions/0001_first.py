"""Owner and sessions, configuration of central, approvals, log of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    op.create_table(
        "owner",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
    )
    op.create_table(
        "owner_session",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "central_config",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("url", sa.String(300), nullable=False),
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.Column("ca_fingerprint", sa.String(64), nullable=False),
        sa.Column("ca_pem", sa.Text, nullable=False),
        sa.Column("central_id", sa.String(64), nullable=False),
        sa.Column("enrolled_at", sa.DateTime, nullable=True),
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("spec_digest", sa.String(64), nullable=False),
        sa.Column("approved_by", sa.String(64), nullable=False),
        sa.Column("approved_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("job_id", "digest", "spec_digest"),
    )
    op.create_table(
        "run_event",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("job_id", sa.String(64), nullable=False, index=True),
        sa.Column("job_name", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Back to nothing."""
    for table in ("run_event", "approval", "central_config", "owner_session", "owner"):
        op.drop_table(table)
