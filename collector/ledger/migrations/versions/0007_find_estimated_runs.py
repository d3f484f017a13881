"""Find the runs whose times are estimated without reading all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.create_index(
        "ix_runs_estimated",
        "runs",
        ["device_id"],
        sqlite_where=sa.text("clock = 'estimated'"),
        postgresql_where=sa.text("clock = 'estimated'"),
    )
