"""Certificates that end soon: what is decided, and what the desk keeps of it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from collector.alerts.certificates import Certificate, Ends, OpenWarning, Part, Renewed, decide
from collector.alerts.config import AlertsConfig
from collector.alerts.desk import AlertDesk
from collector.ledger.ledger import Ledger
from collector.ledger.schema import alerts, deliveries
from collector.views import AlertView
from common.clock import ManualClock
from common.config import ConfigError, convert
from tests.collector.alerts.samples import NOW_MS, figure

DAY_MS = 86_400_000
PORTAL = "portal.example.com"


def part(*days: float, key: str = "acme/portal", host: str = PORTAL) -> Part:
    seen = {
        f"shop-{number}": Certificate(host, NOW_MS + round(left * DAY_MS), NOW_MS) for number, left in enumerate(days)
    }
    return Part(key, "The portal", "acme/admira", seen)


def told(parts: list[Part], warnings: dict[str, OpenWarning] | None = None, days: int = 14) -> list[Ends | Renewed]:
    return decide(parts, warnings or {}, lambda _: days, NOW_MS)


def open_warning(days: float, host: str = PORTAL) -> dict[str, OpenWarning]:
    return {"acme/portal": OpenWarning(NOW_MS - DAY_MS, host, NOW_MS + round(days * DAY_MS))}


@pytest.mark.parametrize(
    ("days", "limit", "rings"), [(14.5, 14, False), (14, 14, True), (0.1, 14, True), (-3, 14, True), (-3, 0, False)]
)
def test_the_warning_begins_so_many_days_before_the_end_and_0_wants_none(days: float, limit: int, rings: bool) -> None:
    assert [isinstance(change, Ends) for change in told([part(days)], days=limit)] == [True] * rings


def test_a_warning_names_the_host_the_day_and_who_saw_it() -> None:
    (change,) = told([part(12.25, 60, 12.25, 12.25, 12.25)])
    assert isinstance(change, Ends)
    assert change.summary == f"The portal (acme): the certificate of {PORTAL} ends on 2026-03-13"
    assert change.reason == (
        f"the certificate of {PORTAL} ends on 2026-03-13 at 16:02:11Z, in 12 days; limit 14 days; "
        "seen by shop-0, shop-2, shop-3 and 1 more"
    )
    assert change.facts["certificate_host"] == PORTAL
    assert change.facts["days_left"] == 12


def test_one_that_has_ended_says_so() -> None:
    (change,) = told([part(-2)])
    assert isinstance(change, Ends)
    assert "ended on" in change.summary
    assert ", 2 days ago;" in change.reason


@pytest.mark.parametrize(
    ("parts", "warning", "changes"),
    [
        ([part(12)], open_warning(12), []),
        ([part()], open_warning(12), []),  # nobody has spoken since the restart
        ([part(90)], open_warning(12), ["renewed: the certificate of portal.example.com now ends on"]),
        ([part(90, 12)], open_warning(12), []),  # one of two servers still has the old one
        ([part(5)], open_warning(12), ["the certificate that ends first is now that of portal", "Ends"]),
        ([part(13)], open_warning(12), ["renewed: the certificate of portal.example.com now ends on", "Ends"]),
        ([part(60, host="b")], open_warning(12), ["the certificate that ends first is now that of b"]),
        ([], open_warning(12), ["nobody checks it any more"]),
    ],
)
def test_a_warning_ends_when_it_is_renewed_and_not_when_nobody_speaks(
    parts: list[Part], warning: dict[str, OpenWarning], changes: list[str]
) -> None:
    found = told(parts, warning)
    assert len(found) == len(changes)
    for change, words in zip(found, changes, strict=True):
        assert words == "Ends" if isinstance(change, Ends) else change.reason.startswith(words)


def test_a_limit_that_was_lowered_ends_it() -> None:
    (change,) = told([part(12)], open_warning(12), days=7)
    assert isinstance(change, Renewed)
    assert change.reason == "the limit is 7 days now; the warning was open for 1 d 0 h"


def test_each_check_may_have_a_limit_of_its_own() -> None:
    rules = [{"check": "acme/p*", "days": 30}, {"check": "*", "days": 0}]
    config = convert({"certificates": rules}, AlertsConfig, "collector.toml")
    assert [config.certificate_days_for(key) for key in ("acme/portal", "bar/portal")] == [30, 0]
    assert AlertsConfig().certificate_days_for("acme/portal") == 14
    with pytest.raises(ConfigError, match="days"):
        convert({"certificates": [{"check": "*", "days": -1}]}, AlertsConfig, "collector.toml")


async def desk_of(ledger: Ledger, heard: list[AlertView] | None = None) -> AlertDesk:
    desk = AlertDesk(ledger, AlertsConfig(), ManualClock(NOW_MS), None if heard is None else heard.append)
    await desk.load()
    return desk


async def test_a_warning_that_was_erased_with_its_tenant_is_forgotten(ledger: Ledger) -> None:
    desk = await desk_of(ledger)
    await desk.consider_certificates([part(12)], NOW_MS)
    await ledger.write(lambda connection: [connection.execute(delete(table)) for table in (deliveries, alerts)])
    assert await desk.consider_certificates([], NOW_MS + 30_000) == []
    assert desk.open_alerts() == []


async def test_several_warnings_of_one_agreement_are_open_at_a_time_and_survive_a_restart(ledger: Ledger) -> None:
    heard: list[AlertView] = []
    desk = await desk_of(ledger, heard)
    parts = [part(12), part(3, key="acme/api", host="api.example.com")]
    await desk.consider_certificates(parts, NOW_MS)
    await desk.consider_certificates(parts, NOW_MS + 30_000)
    assert [(view.subject, view.kind, view.severity) for view in heard] == [
        ("acme/portal", "certificate", "warning"),
        ("acme/api", "certificate", "warning"),
    ]
    await desk.keep_only([], NOW_MS)  # they do not hang on an agreement
    await desk.consider(figure(down_now=0), NOW_MS)
    again = await desk_of(ledger)
    assert await again.consider_certificates([part(), part(key="acme/api")], NOW_MS) == []
    (closed,) = await again.consider_certificates([part(80), parts[1]], NOW_MS + 60_000)
    assert (closed.subject, closed.closed_ms) == ("acme/portal", NOW_MS + 60_000)
    assert [view.subject for view in again.open_alerts()] == ["acme/api"]
    queued = await ledger.read(lambda connection: connection.execute(select(deliveries.c.event)).scalars().all())
    assert sorted(queued) == ["closed", "opened", "opened"]
