"""Schema versions, forward only (Alembic). A ledger newer than this code is refused, never guessed at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SCRIPTS = Path(__file__).parent / "migrations"


class UnknownRevisionError(Exception):
    """The ledger was written by a newer signwatch."""


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file; `connection` is the one to migrate."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring the schema up to date inside the caller's transaction; UnknownRevisionError where it is a newer one."""
    check_known(connection)
    if not is_current(connection):
        command.upgrade(configuration(connection), "head")


def check_known(connection: Connection) -> None:
    """UnknownRevisionError where a newer signwatch wrote this ledger: nothing leads back from its schema."""
    current = revision(connection)
    if current is not None and current not in {script.revision for script in _scripts().walk_revisions()}:
        raise UnknownRevisionError(f"its schema {current!r} is newer than this signwatch: update signwatch")


def is_current(connection: Connection) -> bool:
    """Whether the schema is the one that this signwatch writes."""
    return revision(connection) == _scripts().get_current_head()


def revision(connection: Connection) -> str | None:
    """The schema's version; None where there is none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration())
