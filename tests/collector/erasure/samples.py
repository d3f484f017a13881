"""Two customers in one ledger, with one of everything each."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from collector.decisions.orders import Announce, DecisionRequest, Order, Rule
from collector.ledger import alert_store, schema
from collector.ledger.decisions_store import decide
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received, Refused
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest
from collector.views import AlertView
from wire.messages import Hello, Output, Run, Runs
from wire.topics import Address

NOW: Final = 1_772_323_200_000  # 2026-03-01
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
UNTIL: Final = "2026-03-01T00:00:00Z"


def registry(tenant: str, until: str = UNTIL) -> str:
    ends = f'active_until = "{until}"\n' if until else ""
    return (
        f'[[tenants]]\nid = "{tenant}"\nname = "The {tenant.title()} Secret"\n'
        f'[[sites]]\ntenant = "{tenant}"\nid = "bcn"\nname = "{tenant.title()} Barcelona"\n'
        f'[[calendars]]\ntenant = "{tenant}"\nid = "shop"\ntimezone = "Europe/Madrid"\n'
        'rules = [{ days = "all", hours = ["09:00-21:00"] }]\n'
        f'[[devices]]\ntenant = "{tenant}"\nid = "{tenant}-p1"\nsite = "bcn"\nname = "{tenant.title()} Window"\n'
        f'[[devices.outputs]]\nid = "main"\ncontract = "admira"\n{ends}'
    )


def fill(connection: Connection, tenant: str, until: str = UNTIL, runs: int = 300) -> None:
    apply_request(connection, ApplyRequest([SourceFile("r.toml", registry(tenant, until))], f"ana@{tenant}"), NOW)
    subject = f"{tenant}/{tenant}-p1/main"
    orders: tuple[Order, ...] = (
        Announce(tenant, "planned", ("*",), NOW + HOUR, NOW + 2 * HOUR, f"{tenant} refurbishment"),
        Rule(tenant, subject, NOW - 2 * HOUR, NOW - HOUR, None, "customer", f"{tenant} unplugged it"),
    )
    for order in orders:
        decide(connection, DecisionRequest(order, f"ana@{tenant}"), NOW)
    add_evidence(connection, tenant, runs)
    view = AlertView(0, f"{tenant}/admira", "down", "critical", NOW, None, f"{tenant} down", "1 of 1")
    alert_store.open_alert(connection, view, {"down": 1}, ["noc"])


def add_evidence(connection: Connection, tenant: str, runs: int = 300) -> None:
    store, address = EvidenceStore(), Address(tenant, f"{tenant}-p1")
    store.load(connection)
    common = {"spool": f"{tenant}-spool", "boot": f"{tenant}-boot", "sent_ms": NOW, "mono_ms": DAY, "synced": True}
    hello = Hello(**common, agent="0.1.0", interval_s=15, outputs=[Output(id="main", probe="mpv")], role="player")
    message = Runs(**common, runs=[run(tenant, seq) for seq in range(1, runs + 1)])
    refused = Refused(
        NOW, f"signwatch/v1/00/{tenant}/{tenant}-p1/runs", "malformed", "no JSON", f"{tenant}{{".encode(), str(address)
    )
    store.apply(connection, [Received(address, hello, NOW), Received(address, message, NOW)], [refused])


def run(tenant: str, seq: int) -> Run:
    at = seq * 1000
    wall = NOW - DAY + at
    return Run(
        seq=seq,
        output="main",
        state="playing",
        detail=f"{tenant} film {seq}",
        boot=f"{tenant}-boot",
        start_ms=wall,
        start_mono_ms=at,
        end_ms=wall + 1000,
        end_mono_ms=at + 1000,
    )


def add_rows(connection: Connection, tenant: str) -> None:
    """A conflict and a closed month, which only whole fleets and whole months would bring about otherwise."""
    devices = schema.devices.c
    device = connection.execute(select(devices.id).where(devices.tenant == tenant)).scalar_one()
    seen = {"first_ms": NOW, "last_ms": NOW, "times": 1}
    connection.execute(schema.conflicts.insert(), {"device_id": device, "kind": "two_machines", "detail": "x", **seen})
    month = {"contract": "admira", "month": "2026-02", "number": 1, "at_ms": NOW, "seal": "s", "substance": "s"}
    blobs = {"manifest": b"{}", "papers": b"p", "result": b"r"}
    connection.execute(schema.revisions.insert(), {"tenant": tenant, **month, **blobs})


def fill_both(ledger: Ledger, runs: int = 300) -> None:
    for tenant in ("acme", "zeta"):
        ledger.write_now(lambda connection, who=tenant: fill(connection, who, runs=runs))  # type: ignore[misc]
