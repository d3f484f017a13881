"""Keep the history of each boot's clock in place of one offset."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Each of the old columns becomes the mark that it would have left. When a least receipt, or what an agent remembered,
# was said nobody kept: from the beginning of the boot on.
_SYNCED = """
    SELECT device_id, boot, 'synced', synced_offset_ms / 2000, synced_mono_ms / 3600000,
           synced_mono_ms / 3600000, synced_mono_ms, synced_offset_ms
    FROM boots WHERE synced_offset_ms IS NOT NULL AND synced_mono_ms IS NOT NULL
"""
_TOLD = """
    SELECT device_id, boot, 'told', told_offset_ms / 2000, 0, 0, 0, told_offset_ms
    FROM boots WHERE told_offset_ms IS NOT NULL
"""
_RECEIVED = """
    SELECT device_id, boot, 'received', 0, 0, 3, 0, received_offset_ms
    FROM boots WHERE received_offset_ms IS NOT NULL AND synced_offset_ms IS NULL
"""


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.create_table(
        "clock_marks",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("cell", sa.BigInteger(), nullable=False),
        sa.Column("first_hour", sa.BigInteger(), nullable=False),
        sa.Column("last_hour", sa.BigInteger(), nullable=False),
        sa.Column("mono_ms", sa.BigInteger(), nullable=False),
        sa.Column("offset_ms", sa.BigInteger(), nullable=False),
        sa.Column("delay_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", "boot", "source", "cell", "first_hour", name=op.f("pk_clock_marks")),
        sqlite_with_rowid=False,
    )
    columns = "device_id, boot, source, cell, first_hour, last_hour, mono_ms, offset_ms"
    for marks in (_SYNCED, _TOLD, _RECEIVED):
        op.execute(f"INSERT INTO clock_marks ({columns}) {marks}")
    op.drop_table("boots")
