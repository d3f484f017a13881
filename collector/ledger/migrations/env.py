"""Alembic's entry: migrations run on the connection that collector/ledger/migrate.py hands in."""

from __future__ import annotations

from alembic import context

from collector.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
