"""Write tests/collector/ledger/ledger-0001.sql: a ledger as revision 0001 of the schema kept it, with data.

Ledgers of that revision are in the field. The script uses the migration and plain SQL only, nothing of today's stores,
and reckons the journal's hashes by the formula of that time. The dump is committed: run this only to add to it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alembic import command  # noqa: E402
from sqlalchemy import create_engine  # noqa: E402

from collector.ledger.migrate import configuration  # noqa: E402

TARGET: Final = ROOT / "tests/collector/ledger/ledger-0001.sql"
MARCH: Final = 1_772_323_200_000
HOUR: Final = 3_600_000
DEVICE: Final = {"tenant": "acme", "id": "p1", "site": "bcn", "name": "P1", "role": "player"}
OUTPUT: Final = {
    "tenant": "acme",
    "device": "p1",
    "id": "main",
    "kind": "player",
    "name": "main",
    "contract": "admira",
    "emission": "always",
    "active_from_ms": None,
    "active_until_ms": None,
    "check": None,
}
WINDOW: Final = {
    "id": 1,
    "tenant": "acme",
    "kind": "planned",
    "subjects": ["*"],
    "start_ms": MARCH,
    "end_ms": MARCH + HOUR,
    "announced_at_ms": MARCH - HOUR,
    "announced_by": "ana",
    "why": "new network",
    "uid": None,
    "occurrence": None,
    "cancelled_at_ms": None,
    "cancelled_by": None,
    "cancelled_why": None,
}
RULING: Final = {
    "id": 1,
    "tenant": "acme",
    "subject": "acme/p1/main",
    "start_ms": MARCH + HOUR,
    "end_ms": MARCH + 2 * HOUR,
    "state": None,
    "cause": "customer",
    "at_ms": MARCH + 3 * HOUR,
    "who": "ana",
    "why": "unplugged",
}
DECIDED: Final[list[tuple[str, str, str, dict[str, Any]]]] = [
    ("registry.tenant", "acme", "tenants", {"id": "acme", "name": "Ácme"}),
    ("registry.site", "acme/bcn", "sites", {"tenant": "acme", "id": "bcn", "name": "Barcelona"}),
    ("registry.device", "acme/p1", "registered_devices", DEVICE),
    ("registry.output", "acme/p1/main", "subjects", OUTPUT),
    ("window.planned", "acme/window-1", "windows", WINDOW),
    ("ruling", "acme/p1/main/ruling-1", "rulings", RULING),
]


def canonical(value: object) -> str:
    """JSON in its one form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def insert(connection: sqlite3.Connection, table: str, **values: object) -> None:
    """Put one row into a table."""
    names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
    row = [json.dumps(value) if isinstance(value, list | dict) else value for value in values.values()]
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)  # noqa: S608  # our own names


def fill_decisions(connection: sqlite3.Connection) -> None:
    """Registry, a window and a ruling, with their journal."""
    previous = "0" * 64
    for number, (kind, key, table, record) in enumerate(DECIDED, 1):
        insert(connection, table, **record)
        after = canonical(record)
        text = canonical([number, MARCH, "ana", kind, key, None, after, previous])
        known = hashlib.sha256(text.encode()).hexdigest()
        row = {"id": number, "at_ms": MARCH, "who": "ana", "kind": kind, "key": key, "before": None, "after": after}
        insert(connection, "journal", **row, previous_hash=previous, hash=known)
        previous = known
    insert(connection, "journal_head", id=1, entries=len(DECIDED), hash=previous)


def fill_evidence(connection: sqlite3.Connection) -> None:
    """One device with three runs, the last of them open; a refused message; an alert with its delivery."""
    times = {"first_seen_ms": MARCH, "last_received_ms": MARCH + 3 * HOUR, "interval_ms": 15_000, "mono_ms": 3 * HOUR}
    hello = {"agent": "0.1.0", "outputs": [{"id": "main", "probe": "mpv"}]}
    insert(connection, "devices", id=1, tenant="acme", device="p1", boot="b1", gone=0, hello=hello, **times)
    insert(connection, "boots", device_id=1, boot="b1", synced_mono_ms=0, synced_offset_ms=MARCH)
    for seq, state in enumerate(("playing", "frozen", "playing")):
        start, end = seq * HOUR, (seq + 1) * HOUR
        mono = {"start_mono_ms": start, "end_mono_ms": end}
        wall = {"start_ms": MARCH + start, "end_ms": MARCH + end}
        said = {f"said_{name}": value for name, value in wall.items()}
        of = {"device_id": 1, "spool": "s1", "seq": seq + 1, "output": "main", "boot": "b1", "end_boot": "b1"}
        insert(connection, "runs", **of, state=state, closed=seq < 2, clock="synced", **mono, **wall, **said)  # noqa: PLR2004
    topic = "signwatch/v1/00/acme/p1/runs"
    refused = {"received_ms": MARCH, "topic": topic, "reason": "malformed", "detail": "no JSON"}
    insert(connection, "quarantine", id=1, body=b"\xff{", **refused)
    alert = {"agreement": "acme/admira", "kind": "down", "severity": "critical", "opened_ms": MARCH}
    insert(connection, "alerts", id=1, summary="1 of 1 down", reason="100 % > 20 %", facts={"down": 1}, **alert)
    sent = {"alert_id": 1, "event": "opened", "channel": "noc", "attempts": 1}
    insert(connection, "deliveries", id=1, next_ms=MARCH, delivered_ms=MARCH + 1, **sent)


def main() -> None:
    """Make the ledger in a folder of its own and dump it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with create_engine(f"sqlite:///{path}").begin() as schema:
            command.upgrade(configuration(schema), "0001")
        connection = sqlite3.connect(path)
        fill_decisions(connection)
        fill_evidence(connection)
        TARGET.write_text("\n".join(connection.iterdump()) + "\n", encoding="utf-8")
        connection.close()
    print(f"{TARGET.relative_to(ROOT)}: written")


if __name__ == "__main__":
    main()
