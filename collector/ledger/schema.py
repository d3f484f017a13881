"""Every table of the ledger (SQLAlchemy Core). Instants are integer milliseconds since 1970, true time.

SQLAlchemy Core with Alembic was chosen over named SQL behind our own interface because SQLite and PostgreSQL
differ exactly where the ledger is delicate (upserts, types, migrations), and Core writes both dialects from one
statement.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata: Final = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

# --- evidence -------------------------------------------------------------------------------------------------------

devices: Final = Table(
    "devices",  # every device that ever reported, registered or not
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("device", String(63), nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_received_ms", BigInteger, nullable=False),  # the collector's clock
    Column("interval_ms", BigInteger, nullable=False),
    Column("boot", String(64)),  # of the newest message …
    Column("mono_ms", BigInteger, nullable=False, server_default="0"),  # … and how long that boot had lasted
    Column("gone", Boolean, nullable=False),  # its last will was the newest word
    Column("hello", JSON),  # the last hello, as said
    Index(None, "tenant", "device", unique=True),
)

clock_marks: Final = Table(
    "clock_marks",  # what is kept of the statements about each boot's clock (collector/clocks/truetime.py)
    metadata,
    Column("device_id", Integer, primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("source", String(8), primary_key=True),  # synced | told | received | heard
    Column("cell", BigInteger, primary_key=True),  # offset_ms // 2000; of `received` the boot's hour // 4
    Column("first_hour", BigInteger, primary_key=True),  # of the boot …
    Column("last_hour", BigInteger, nullable=False),  # … in every one of which it was said
    Column("mono_ms", BigInteger, nullable=False),  # of the earliest statement …
    Column("offset_ms", BigInteger, nullable=False),  # … and what it gives
    Column("delay_ms", BigInteger),  # the least received − sent
    sqlite_with_rowid=False,
)

runs: Final = Table(
    "runs",  # a set with a join: (device, spool, seq) names a run for ever
    metadata,
    Column("device_id", Integer, primary_key=True),
    Column("spool", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("output", String(63), nullable=False),
    Column("state", String(16), nullable=False),
    Column("cause", String(32)),
    Column("detail", Text),
    Column("closed", Boolean, nullable=False),
    Column("boot", String(64), nullable=False),
    Column("end_boot", String(64), nullable=False),
    Column("start_mono_ms", BigInteger, nullable=False),
    Column("end_mono_ms", BigInteger, nullable=False),
    Column("said_start_ms", BigInteger, nullable=False),
    Column("said_end_ms", BigInteger, nullable=False),
    Column("start_ms", BigInteger, nullable=False),  # true time
    Column("end_ms", BigInteger, nullable=False),
    Column("clock", String(9), nullable=False),  # synced | received | estimated
    Index(None, "device_id", "output", "end_ms"),
    Index("ix_runs_boot", "device_id", "boot"),  # for when a boot's clock becomes better known
    Index(
        "ix_runs_end_boot",
        "device_id",
        "end_boot",
        sqlite_where=text("end_boot <> boot"),
        postgresql_where=text("end_boot <> boot"),
    ),
    Index(
        "ix_runs_estimated",  # for boots of whose clock nothing is known (collector/clocks/placing.py)
        "device_id",
        sqlite_where=text("clock = 'estimated'"),
        postgresql_where=text("clock = 'estimated'"),
    ),
    sqlite_with_rowid=False,
)

quarantine: Final = Table(
    "quarantine",  # refused messages, kept for a person to look at
    metadata,
    Column("id", Integer, primary_key=True),
    Column("received_ms", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("device", String(127), nullable=False, server_default=""),  # tenant/device of the topic; "": it names none
    Index(None, "received_ms"),
    Index(None, "device", "reason"),
)

conflicts: Final = Table(
    "conflicts",  # devices that contradict themselves (collector/intake/conflicts.py): one row a device and kind
    metadata,
    Column("device_id", Integer, primary_key=True),
    Column("kind", String(16), primary_key=True),  # two_machines | contradiction
    Column("first_ms", BigInteger, nullable=False),  # the collector's clock
    Column("last_ms", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),  # the newest proof
)

# --- the registry ---------------------------------------------------------------------------------------------------

tenants: Final = Table(
    "tenants",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("name", Text, nullable=False),
)

sites: Final = Table(
    "sites",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("name", Text, nullable=False),
)

calendars: Final = Table(
    "calendars",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("rules", JSON, nullable=False),  # SPEC part 3, as in the file
)

registered_devices: Final = Table(
    "registered_devices",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("site", String(63)),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),  # player | server
)

subjects: Final = Table(
    "subjects",  # what contracts judge: playback outputs and platform parts
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("device", String(63), primary_key=True),  # "" for a platform
    Column("id", String(63), primary_key=True),  # the output, or the platform's id
    Column("kind", String(8), nullable=False),  # player | platform
    Column("name", Text, nullable=False),
    Column("contract", String(63)),
    Column("emission", String(63), nullable=False),  # "always" or a calendar's id
    Column("active_from_ms", BigInteger),
    Column("active_until_ms", BigInteger),
    Column("check", JSON),  # how the collector checks a platform
)

journal: Final = Table(
    "journal",  # append-only decisions, chained by hash
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", String(32), nullable=False),  # e.g. registry.device
    Column("key", Text, nullable=False),  # e.g. acme/player-0001
    Column("before", Text),  # canonical JSON, kept as the very text that was hashed
    Column("after", Text),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("form", Integer, nullable=False, server_default="1"),  # which fields are hashed and how: chain.py
    Column("salt", String(32)),  # from form 2 on, so that an erased content cannot be guessed from its hash
    Column("content_hash", String(64)),
    Column("redacted_by", Integer),  # the entry that erased this one's content
)

journal_head: Final = Table(
    "journal_head",  # one row: how long the journal is and where its chain ends, so that a cut-off tail is found
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("entries", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

# --- decisions ------------------------------------------------------------------------------------------------------

windows: Final = Table(
    "windows",  # announced maintenance and the like; a cancelled one stays
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("kind", String(24), nullable=False),  # planned | emergency | other
    Column("subjects", JSON, nullable=False),  # selectors, as collector/decisions/selectors.py writes them
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("announced_at_ms", BigInteger, nullable=False),  # the collector's clock: never what somebody typed
    Column("announced_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("uid", Text),  # of the iCalendar event that it was imported from …
    Column("occurrence", Text),  # … and which of its recurrences it is
    Column("cancelled_at_ms", BigInteger),
    Column("cancelled_by", Text),
    Column("cancelled_why", Text),
    Index(None, "tenant", "end_ms"),
)

rulings: Final = Table(
    "rulings",  # what people decided afterwards; a later one stands above an earlier one, none is ever changed
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("subject", Text, nullable=False),  # as in the registry: tenant/device/output or tenant/platform
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("state", String(16)),
    Column("cause", String(32)),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "tenant", "end_ms"),
)

revisions: Final = Table(
    "revisions",  # closed months, as they were published; none is ever changed, a later number stands beside an earlier
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("contract", String(63), nullable=False),
    Column("month", String(7), nullable=False),
    Column("number", Integer, nullable=False),  # from 1, by agreement and month
    Column("at_ms", BigInteger, nullable=False),
    Column("seal", String(64), nullable=False),  # SHA-256 of the manifest, which names the hash of all the rest
    Column("substance", String(64), nullable=False),  # fingerprint of what can move the figure
    Column("manifest", LargeBinary, nullable=False),
    Column("papers", LargeBinary, nullable=False),  # the frozen inputs, compressed
    Column("result", LargeBinary, nullable=False),  # compressed too
    Index("ix_revisions_agreement", "tenant", "contract", "month", "number", unique=True),
)

# --- alerts ---------------------------------------------------------------------------------------------------------

alerts: Final = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agreement", String(127), nullable=False),  # tenant/contract
    Column("kind", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("summary", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("close_reason", Text),
    Column("facts", JSON, nullable=False),  # the numbers behind the reason, as of the opening
    Column("subject", String(127), nullable=False, server_default=""),  # tenant/part; "": the agreement as a whole
    Index(None, "opened_ms"),
    # One open alert of a kind about one thing, whatever the code above thinks.
    Index(
        "ix_alerts_open",
        "agreement",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("closed_ms IS NULL"),
        postgresql_where=text("closed_ms IS NULL"),
    ),
)

deliveries: Final = Table(
    "deliveries",  # the outbox: an alert's event on its way to one channel
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", Integer, nullable=False),
    Column("event", String(8), nullable=False),  # opened | closed
    Column("channel", String(63), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("delivered_ms", BigInteger),
    Column("failed_ms", BigInteger),  # given up, and kept visible
    Column("error", Text),
    Index(None, "delivered_ms", "next_ms"),
)
