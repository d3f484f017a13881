"""A public case put into a real ledger, by the ways that users have: messages, registry files, orders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomli_w

from collector.decisions.orders import Announce, DecisionRequest, Rule
from collector.ledger.decisions_store import decide
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.model import OWN_DEVICE
from collector.registry.plan import ApplyRequest
from collector.sla.instants import parse_instant
from wire.messages import Run, Runs
from wire.topics import Address

CASES = Path(__file__).parents[2] / "cases"
TENANT = "acme"
CONTRACT = "case"
_BOOT, _SPOOL = "b" * 32, "5" * 32


def read_case(name: str) -> dict[str, Any]:
    case: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return case


def fill(ledger: Ledger, case: dict[str, Any]) -> None:
    """Everything of the case but the contract."""
    register(ledger, case)
    kinds = {subject["id"]: subject["kind"] for subject in case["subjects"]}
    send(ledger, kinds, case["runs"])
    for window in case.get("windows", ()):
        announce(ledger, window)
    for ruling in case.get("rulings", ()):
        rule(ledger, ruling)


def register(ledger: Ledger, case: dict[str, Any]) -> None:
    platforms = [
        {"tenant": TENANT, "id": each["id"], "contract": CONTRACT, **_active(each)}
        for each in case["subjects"]
        if each["kind"] == "platform"
    ]
    devices = [
        {"tenant": TENANT, "id": each["id"], "site": each.get("site", ""), "outputs": [_output(each)]}
        for each in case["subjects"]
        if each["kind"] == "player"
    ]
    calendars = [{"tenant": TENANT, "id": name, **rules} for name, rules in case.get("calendars", {}).items()]
    sites = [{"tenant": TENANT, "id": site} for site in sorted({each["site"] for each in devices if each["site"]})]
    data = {"tenants": [{"id": TENANT, "name": case.get("tenant_name", "Acme Retail")}]}
    data |= {"sites": sites, "calendars": calendars, "platforms": platforms, "devices": devices}
    text = tomli_w.dumps({name: rows for name, rows in data.items() if rows})
    request = ApplyRequest([SourceFile("registry.toml", text)], "ana")
    ledger.write_now(lambda connection: apply_request(connection, request, 0))


def _active(subject: dict[str, Any]) -> dict[str, str]:
    return {name: subject[name] for name in ("active_from", "active_until") if subject.get(name)}


def _output(subject: dict[str, Any]) -> dict[str, str]:
    emission = subject.get("emission") or "always"
    return {"id": "main", "contract": CONTRACT, "emission": emission, **_active(subject)}


def send(ledger: Ledger, kinds: dict[str, str], runs: Iterable[dict[str, Any]], boot: str = _BOOT) -> None:
    """The runs as their devices would report them, each device by one message; seq is the place in the file.

    `boot`: of the runs; another one than the message's is an earlier boot whose clock nobody knows.
    """
    by_device: dict[Address, list[Run]] = {}
    offset_ms = min(parse_instant(run["start"]) for run in runs) - 1000
    for seq, run in enumerate(runs, 1):
        player = kinds[run["subject"]] == "player"
        address = Address(TENANT, run["subject"] if player else OWN_DEVICE)
        by_device.setdefault(address, []).append(_run(run, seq, "main" if player else run["subject"], offset_ms, boot))
    received = []
    for address, sent in by_device.items():
        ended_mono_ms = max(run.end_mono_ms or 0 for run in sent)
        mono_ms = ended_mono_ms if boot == _BOOT else 1000
        sent_ms = ended_mono_ms + offset_ms + (0 if boot == _BOOT else mono_ms)
        message = Runs(boot=_BOOT, sent_ms=sent_ms, mono_ms=mono_ms, synced=True, spool=_SPOOL, runs=sent)
        received.append(Received(address, message, sent_ms))
    store = EvidenceStore()
    ledger.write_now(lambda connection: (store.load(connection), store.apply(connection, received, [])))


def _run(run: dict[str, Any], seq: int, output: str, offset_ms: int, boot: str) -> Run:
    start_ms, end_ms = parse_instant(run["start"]), parse_instant(run["end"])
    return Run(
        seq=seq,
        output=output,
        state=run["state"],
        cause=run.get("cause"),
        detail=run.get("detail"),
        start_ms=start_ms,
        end_ms=end_ms,
        start_mono_ms=start_ms - offset_ms,
        end_mono_ms=end_ms - offset_ms,
        boot=boot,
    )


def announce(ledger: Ledger, window: dict[str, Any]) -> None:
    """Announce at the moment that the case names; without one at the window's start, as good as not at all."""
    times = parse_instant(window["start"]), parse_instant(window["end"])
    order = Announce(TENANT, window["kind"], tuple(window["subjects"]), *times, window.get("why", "maintenance"))
    at = window.get("announced_at")
    decide_at(ledger, order, times[0] if at is None else parse_instant(at))


def rule(ledger: Ledger, ruling: dict[str, Any]) -> None:
    times = parse_instant(ruling["start"]), parse_instant(ruling["end"])
    said = ruling.get("state"), ruling.get("cause")
    order = Rule(TENANT, ruling["subject"], *times, *said, ruling.get("why") or "as the site says")
    decide_at(ledger, order, parse_instant(ruling["at"]))


def decide_at(ledger: Ledger, order: Announce | Rule, now_ms: int) -> None:
    ledger.write_now(lambda connection: decide(connection, DecisionRequest(order, "ana"), now_ms))
