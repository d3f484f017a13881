"""Name the device of a refused message, so that each device has a share of the quarantine of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LEVELS = 6  # signwatch/v1/shard/tenant/device/kind, as topics were when this was written


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.add_column(sa.Column("device", sa.String(length=127), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_quarantine_device_reason"), ["device", "reason"], unique=False)
    quarantine = sa.table("quarantine", sa.column("id"), sa.column("topic"), sa.column("device"))
    connection = op.get_bind()
    for number, topic in connection.execute(sa.select(quarantine.c.id, quarantine.c.topic)).all():
        parts = topic.split("/")
        if len(parts) == _LEVELS:
            named = sa.update(quarantine).where(quarantine.c.id == number).values(device=f"{parts[3]}/{parts[4]}"[:127])
            connection.execute(named)
