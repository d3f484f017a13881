"""Drafts without a ledger, of each of the agreements that ship."""

from __future__ import annotations

from typing import Any, Final

from collector.claims.draft import draft_claim
from collector.claims.model import Draft
from collector.report.judge import make_report
from collector.report.model import Report
from collector.sla.contract import parse_contract_toml
from collector.sla.terms import Contract
from tests.collector.report.samples import dossier, platform, player, run
from tests.fixtures.processes import ROOT

SHIPPED: Final = ("admira", "alestra", "alhambra-mia", "itsafer", "mapal")


def contract(name: str, *changes: tuple[str, str]) -> Contract:
    """A shipped agreement, with pieces of its text replaced."""
    file = ROOT / "contracts" / f"{name}.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_contract_toml(text, str(file))


def bad_month(name: str = "admira", *changes: tuple[str, str], **more: Any) -> Report:
    """March 2026: a third of the players stopped for two days, one for an hour, the portal down for a day."""
    outage = run("10T09:00", "12T09:00", "stopped", "player_software", detail="mpv left")
    members = [
        player("lobby", outage, run("20T10:00", "20T11:00", "frozen"), site="Girona"),
        player("gate", outage),
        *(player(f"shop-{number}") for number in range(4)),
        platform("portal", run("05T00:00", "06T00:00", "down")),
    ]
    return make_report(dossier(*members, contract=contract(name, *changes), **more))


def draft(name: str = "admira", *changes: tuple[str, str], **more: Any) -> Draft:
    about = {key: more.pop(key) for key in ("side", "fee", "project") if key in more}
    return draft_claim(bad_month(name, *changes, **more), **about)
