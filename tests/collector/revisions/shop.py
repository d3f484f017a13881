"""A small agreement in a real ledger: three players and a portal under ADmira's rules, closed and revised by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger
from collector.registry.model import OWN_DEVICE
from collector.revisions.look import ContractFile
from collector.revisions.make import keep, look, make
from collector.revisions.orders import CloseAnswer, CloseRequest
from collector.revisions.seal import Frozen
from collector.revisions.shelf import Wanted, take_closed
from collector.sla.contract import parse_contract_toml
from collector.sla.instants import parse_instant
from tests.collector.report import case_ledger
from wire.messages import Run, Runs
from wire.topics import Address

TENANT, CONTRACT, MONTH = case_ledger.TENANT, case_ledger.CONTRACT, "2026-03"
TEXT = """\
name = "Small"
timezone = "Europe/Madrid"
[availability]
weights = { platform = 0.2, players = 0.8 }
excluded_causes = ["customer"]
excluded_windows = ["planned"]
[guarantee]
committed = 99.00
[[discounts]]
from = 98.99
to = 90.00
percent = 5
[[discounts]]
from = 89.99
to = 0.00
percent = 20
"""
SPOOL = "5" * 32
OFFSET = parse_instant("2025-12-31T00:00:00Z")  # of the devices' one boot
KINDS = {"p1": "player", "p2": "player", "p3": "player", "portal": "platform"}
END = parse_instant("2026-03-31T22:00:00Z")  # the end of March in Madrid
SETTLED = END + 72 * 3_600_000


def at(text: str) -> int:
    """`04-02T10:00` → that moment of 2026, UTC."""
    return parse_instant(f"2026-{text}:00Z")


def run(subject: str, start: str, end: str, state: str, **more: Any) -> dict[str, Any]:
    return {"subject": subject, "start": f"2026-{start}:00Z", "end": f"2026-{end}:00Z", "state": state, **more}


def all_month(*subjects: str, until: str = "04-01T12:00") -> list[dict[str, Any]]:
    return [run(name, "02-28T12:00", until, "up" if name == "portal" else "playing") for name in subjects]


def _run(each: dict[str, Any], seq: int, output: str, synced: bool) -> Run:
    start_ms, end_ms = parse_instant(each["start"]), parse_instant(each["end"])
    return Run(
        seq=seq,
        output=output,
        state=each["state"],
        cause=each.get("cause"),
        detail=each.get("detail"),
        start_ms=start_ms,
        end_ms=end_ms,
        start_mono_ms=start_ms - OFFSET,
        end_mono_ms=end_ms - OFFSET,
        boot=("b" if synced else "c") * 32,
    )


@dataclass
class Shop:
    """The ledger, and what its operator does."""

    ledger: Ledger
    text: str = TEXT
    next_seq: int = 1

    def register(self, **more: Any) -> None:
        subjects = [{"id": name, "kind": kind, **more.get(name, {})} for name, kind in KINDS.items()]
        case_ledger.register(self.ledger, {"subjects": subjects, "calendars": more.get("calendars", {})})

    def send(self, *runs: dict[str, Any], first: int = 0, spool: str = SPOOL, synced: bool = True) -> None:
        """Closed runs, numbered as they come (or from `first`), each device by one message, of one boot."""
        by_device: dict[Address, list[Run]] = {}
        for place, each in enumerate(runs):
            player = KINDS[each["subject"]] == "player"
            seq = first + place if first else self.next_seq + place
            address = Address(TENANT, each["subject"] if player else OWN_DEVICE)
            by_device.setdefault(address, []).append(_run(each, seq, "main" if player else each["subject"], synced))
        self.next_seq += 0 if first else len(runs)
        received = []
        for address, sent in by_device.items():
            mono_ms = max(run.end_mono_ms or 0 for run in sent)
            sent_ms, boot = mono_ms + OFFSET, sent[0].boot or ""
            stamp = {"boot": boot, "sent_ms": sent_ms, "mono_ms": mono_ms, "synced": synced, "spool": spool}
            received.append(Received(address, Runs(**stamp, runs=sent), mono_ms + OFFSET))  # type: ignore[arg-type]
        store = EvidenceStore()
        self.ledger.write_now(lambda connection: (store.load(connection), store.apply(connection, received, [])))

    @property
    def file(self) -> ContractFile:
        return ContractFile(CONTRACT, self.text, parse_contract_toml(self.text, "case.toml"))

    def close(self, now_ms: int = SETTLED, **more: Any) -> CloseAnswer:
        request = CloseRequest(CONTRACT, more.pop("month", MONTH), "ana", **more)
        sight = self.ledger.read_now(lambda connection: look(connection, self.file, request, now_ms))
        made = make(sight, request)
        return self.ledger.write_now(lambda connection: keep(connection, sight, made))

    def revision(self, number: int = 0, month: str = MONTH) -> Frozen:
        wanted = Wanted(CONTRACT, month, TENANT, number)
        return self.ledger.read_now(lambda connection: take_closed(connection, wanted)).frozen
