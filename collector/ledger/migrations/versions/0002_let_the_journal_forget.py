"""Let the journal's entries lose their content without the chain being broken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup. What is there stays as it is: entries of form 1."""
    op.add_column("journal", sa.Column("form", sa.Integer(), server_default="1", nullable=False))
    op.add_column("journal", sa.Column("salt", sa.String(length=32), nullable=True))
    op.add_column("journal", sa.Column("content_hash", sa.String(length=64), nullable=True))
    op.add_column("journal", sa.Column("redacted_by", sa.Integer(), nullable=True))
