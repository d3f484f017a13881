"""Alarms about the error budget: two kinds, by the pair of windows that burns; each opens once and closes once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from collector.alerts.config import AlertsConfig
from collector.alerts.desk import AlertDesk
from collector.alerts.readings import KINDS, READINGS, SEVERITY
from collector.alerts.rules import Closed, Kind, Memory, OpenAlert, Opened, Rules, Watch, decide
from collector.ledger.ledger import Ledger
from collector.sla.burn import PAIRS, BurnRate
from collector.views import FigureView
from common.clock import ManualClock
from common.config import ConfigError, parse
from tests.collector.alerts.samples import NOW_MS, figure

LIMITS = (Fraction(1488, 100), Fraction(62, 10), Fraction(31, 30))
RULES = Rules(release_ms=60_000, reopen_ms=300_000)


def burning(*rates: tuple[float, float]) -> tuple[BurnRate, ...]:
    """The pairs of windows, each at (long, short) times the even rate; those not given do not burn."""
    given = [*rates, *[(0, 0)] * len(PAIRS)]
    return tuple(
        BurnRate(
            severity=pair.severity,
            long_ms=pair.long_ms,
            short_ms=pair.short_ms,
            long_rate=Fraction(str(long)),
            short_rate=Fraction(str(short)),
            limit=limit,
            capped=False,
            budget=Fraction(1, 100),
        )
        for pair, limit, (long, short) in zip(PAIRS, LIMITS, given, strict=False)
    )


class Desk:
    """Keeps between decisions what the real desk keeps."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.memory = Memory()
        self.open: dict[Kind, OpenAlert] = {}

    def see(self, view: FigureView, after_ms: int) -> list[Opened | Closed]:
        now_ms = NOW_MS + after_ms
        decision = decide(view, dict(self.open), self.memory, self.rules, now_ms)
        self.memory = decision.memory
        for change in decision.changes:
            if isinstance(change, Opened):
                assert change.kind not in self.open
                self.open[change.kind] = OpenAlert(now_ms, view.month)
            else:
                del self.open[change.kind]
        return decision.changes


def test_every_kind_has_a_severity_and_a_reading() -> None:
    assert SEVERITY.keys() == READINGS.keys() == set(KINDS)


@pytest.mark.parametrize(
    ("rates", "kind", "severity", "windows"),
    [
        ([(14.88, 14.88)], "burn_rate", "critical", "1 h / 5 min"),
        ([(0, 0), (6.2, 7)], "burn_rate", "critical", "6 h / 30 min"),
        ([(0, 0), (0, 0), (1.04, 1.04)], "burn_rate_slow", "warning", "3 d / 6 h"),
    ],
)
def test_a_pair_of_windows_that_burns_at_its_limit_rings_at_once(
    rates: list[tuple[float, float]], kind: Kind, severity: str, windows: str
) -> None:
    (opened,) = Desk().see(figure(burn=burning(*rates)), 0)
    assert isinstance(opened, Opened)
    assert (opened.kind, opened.severity, opened.facts["burn_windows"]) == (kind, severity, windows)


def test_the_reason_has_the_numbers_of_the_pair_that_burns_most() -> None:
    (opened,) = Desk().see(figure(burn=burning((20, 15.456), (6.3, 20))), 0)
    assert isinstance(opened, Opened)
    assert opened.summary == "ADmira (acme): the error budget burns fast"
    assert opened.reason == (
        "the error budget burns at 20 times the even rate over 1 h and 15.46 over 5 min since 10:02:11Z, limit 14.88"
    )
    assert {name: opened.facts[name] for name in ("burn_long", "burn_short", "burn_limit", "month")} == {
        "burn_long": "20",
        "burn_short": "15.46",
        "burn_limit": "14.88",
        "month": "2026-03",
    }


@pytest.mark.parametrize("rates", [(14.87, 100), (100, 14.87)])
def test_one_window_alone_never_rings(rates: tuple[float, float]) -> None:
    desk = Desk()
    for after_ms in (0, 60_001, 3_600_000):
        assert desk.see(figure(burn=burning(rates)), after_ms) == []


def test_fast_and_slow_ring_apart_and_neither_waits_for_the_other() -> None:
    desk = Desk()
    assert [change.kind for change in desk.see(figure(burn=burning((0, 0), (0, 0), (2, 2))), 0)] == ["burn_rate_slow"]
    both = figure(burn=burning((30, 30), (7, 30), (2, 5)))
    assert [change.kind for change in desk.see(both, 1_000)] == ["burn_rate"]
    desk.see(figure(burn=burning((20, 0), (6.5, 0), (2, 5))), 2_000)
    (closed,) = desk.see(figure(burn=burning((20, 0), (6.5, 0), (2, 5))), 62_001)
    assert (type(closed), closed.kind) == (Closed, "burn_rate")
    assert set(desk.open) == {"burn_rate_slow"}


def test_between_the_limit_and_four_fifths_of_it_an_open_alert_stays_open() -> None:
    desk = Desk()
    desk.see(figure(burn=burning((20, 20))), 0)
    for after_ms in (1_000, 100_000, 1_000_000):
        assert desk.see(figure(burn=burning((20, 12))), after_ms) == []
    calm = figure(burn=burning((20, 11.904)))
    assert desk.see(calm, 2_000_000) == []
    (closed,) = desk.see(calm, 2_060_001)
    assert closed == Closed(
        "burn_rate",
        "the error budget burns at 20 times the even rate over 1 h and 11.9 over 5 min, at or under 80 % of the limit "
        "14.88 since 10:35:31Z; it was open for 34 min 20 s",
    )


def test_it_closes_only_when_both_fast_pairs_are_calm() -> None:
    desk = Desk()
    desk.see(figure(burn=burning((20, 20), (7, 20))), 0)
    desk.see(figure(burn=burning((20, 0), (7, 10))), 1_000)
    assert desk.see(figure(burn=burning((20, 0), (7, 10))), 600_000) == []


def test_flapping_does_not_multiply() -> None:
    desk = Desk(replace(RULES, release_ms=0))
    changes = []
    for step in range(300):
        changes += desk.see(figure(burn=burning((20, 20 if step % 2 == 0 else 0))), step * 1_000)
    assert [type(change).__name__ for change in changes] == ["Opened", "Closed"]


def test_players_that_fell_silent_do_not_put_the_fire_out() -> None:
    desk = Desk()
    desk.see(figure(burn=burning((20, 20)), down_now=13), 0)
    silent = figure(burn=burning((20, 0)), unknown_now=40)  # the broker died: 0.8 of a hundredth each millisecond
    desk.see(silent, 1_000)
    assert desk.see(silent, 100_000) == []
    few = figure(burn=burning((20, 0)), unknown_now=4)  # 0.8 × 4/40 over 0.01 are 8 times the even rate: calm
    desk.see(few, 101_000)
    assert [type(change) for change in desk.see(few, 161_001)] == [Closed]


def test_silence_is_not_held_against_an_agreement_without_players() -> None:
    desk = Desk(replace(RULES, release_ms=0))
    desk.see(figure(burn=burning((20, 20)), active_now=0), 0)
    assert [type(change) for change in desk.see(figure(burn=burning(), active_now=0, unknown_now=3), 1)] == [Closed]


def test_an_agreement_without_a_budget_neither_rings_nor_stays_open() -> None:
    desk = Desk(replace(RULES, release_ms=0))
    assert desk.see(figure(), 0) == []
    desk.see(figure(burn=burning((20, 20))), 1_000)
    (closed,) = desk.see(figure(), 2_000)
    assert closed.reason.startswith("there is no error budget to burn, so since 10:02:13Z")


def test_a_new_month_does_not_close_what_still_burns() -> None:
    desk = Desk()
    desk.see(figure(burn=burning((20, 20))), 0)
    assert desk.see(figure(burn=burning((20, 20)), month="2026-04"), 1_000) == []


def test_a_hold_can_be_set_and_is_kept() -> None:
    rules = parse("burn_hold_s = 120\nburn_close = 0.5", AlertsConfig, "c.toml").rules_for("acme/admira")
    assert (rules.burn_hold_ms, rules.burn_close) == (120_000, Fraction(1, 2))
    desk = Desk(rules)
    assert desk.see(figure(burn=burning((20, 20))), 0) == []
    assert desk.see(figure(burn=burning((20, 20))), 120_000) == []
    assert [change.kind for change in desk.see(figure(burn=burning((20, 20))), 120_001)] == ["burn_rate"]


@pytest.mark.parametrize("text", ["burn_close = 1.1", '[[agreements]]\nagreement = "*"\nburn_close = 80'])
def test_a_part_of_more_than_the_whole_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"has burn_close = .*: it is a share, write 0\.05 for 5 %"):
        parse(text, AlertsConfig, "c.toml")


def test_an_alert_found_calm_after_a_restart_says_so() -> None:
    desk = Desk(replace(RULES, release_ms=0))
    desk.open["burn_rate"] = OpenAlert(NOW_MS - 1_000, "2026-03")
    desk.memory = Memory({"burn_rate": Watch(unknown_when_over=0, resumed=True)})
    (closed,) = desk.see(figure(burn=burning()), 0)
    assert closed.reason.startswith("found calm after a restart of the collector: the error budget burns at 0 times")


async def test_the_ledger_keeps_both_kinds_apart(ledger: Ledger) -> None:
    desk = AlertDesk(ledger, AlertsConfig(release_s=0), ManualClock(NOW_MS))
    await desk.load()
    await desk.consider(figure(burn=burning((20, 20), (0, 0), (2, 2))), NOW_MS)
    assert {(view.kind, view.severity) for view in desk.open_alerts()} == {
        ("burn_rate", "critical"),
        ("burn_rate_slow", "warning"),
    }
    closed = await desk.consider(figure(burn=burning()), NOW_MS + 1)
    assert [view.kind for view in closed] == ["burn_rate", "burn_rate_slow"]
