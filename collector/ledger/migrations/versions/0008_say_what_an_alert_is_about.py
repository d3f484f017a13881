"""Say what an alert is about: of one kind and agreement several may be open at a time, a certificate each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.add_column("alerts", sa.Column("subject", sa.String(127), nullable=False, server_default=""))
    op.drop_index("ix_alerts_open", table_name="alerts")
    op.create_index(
        "ix_alerts_open",
        "alerts",
        ["agreement", "kind", "subject"],
        unique=True,
        sqlite_where=sa.text("closed_ms IS NULL"),
        postgresql_where=sa.text("closed_ms IS NULL"),
    )
