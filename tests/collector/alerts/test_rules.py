from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from collector.alerts.rules import KINDS, Closed, Kind, Memory, OpenAlert, Opened, Rules, Watch, decide
from collector.views import FigureView
from tests.collector.alerts.samples import NOW_MS, breached, figure

RULES = Rules(
    hold_ms=60_000,
    release_ms=60_000,
    unknown_hold_ms=300_000,
    breach_hold_ms=60_000,
    reopen_ms=300_000,
    close_margin=Fraction(5, 100),
)


class Desk:
    """Keeps between decisions what the real desk keeps."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.memory = Memory()
        self.open: dict[Kind, OpenAlert] = {}
        self.wake_ms: int | None = None

    def see(self, view: FigureView, after_ms: int) -> list[Opened | Closed]:
        now_ms = NOW_MS + after_ms
        decision = decide(view, dict(self.open), self.memory, self.rules, now_ms)
        self.memory, self.wake_ms = decision.memory, decision.wake_ms
        for change in decision.changes:
            if isinstance(change, Opened):
                assert change.kind not in self.open
                self.open[change.kind] = OpenAlert(now_ms, view.month)
            else:
                del self.open[change.kind]
        return decision.changes


def test_more_than_the_limit_for_longer_than_the_hold_opens_one_critical_alert() -> None:
    desk = Desk()
    down = figure(down_now=13)
    assert desk.see(down, 0) == []
    assert desk.wake_ms == NOW_MS + 60_001
    assert desk.see(down, 60_000) == []
    (opened,) = desk.see(down, 60_001)
    assert isinstance(opened, Opened)
    assert (opened.kind, opened.severity) == ("players_down", "critical")
    assert opened.summary == "ADmira (acme): more than 20 % of the players are down"
    assert opened.reason == "13 of 40 players (32.50 %) down since 10:02:11Z, limit 20 %"
    assert opened.facts == {
        "month": "2026-03",
        "since_ms": NOW_MS,
        "active": 40,
        "down": 13,
        "unknown": 0,
        "limit_percent": "20",
        "availability_percent": "99.71",
        "committed_percent": "99",
    }
    assert desk.see(down, 90_000) == []


def test_exactly_the_limit_never_rings() -> None:
    desk = Desk()
    for after_ms in (0, 60_001, 600_000):
        assert desk.see(figure(down_now=8), after_ms) == []
    assert desk.wake_ms is None


def test_a_share_that_dips_to_the_limit_starts_the_hold_anew() -> None:
    desk = Desk()
    desk.see(figure(down_now=9), 0)
    desk.see(figure(down_now=8), 50_000)
    desk.see(figure(down_now=9), 51_000)
    assert desk.see(figure(down_now=9), 111_000) == []
    assert [change.kind for change in desk.see(figure(down_now=9), 111_001)] == ["players_down"]


def test_a_hold_of_zero_opens_at_once() -> None:
    desk = Desk(replace(RULES, hold_ms=0))
    assert [change.kind for change in desk.see(figure(down_now=9), 0)] == ["players_down"]


def open_desk() -> Desk:
    desk = Desk(replace(RULES, hold_ms=0))
    desk.see(figure(down_now=13), 0)
    assert "players_down" in desk.open
    return desk


def test_between_the_close_threshold_and_the_limit_an_open_alert_stays_open() -> None:
    desk = open_desk()
    for after_ms in (1_000, 61_002, 1_000_000):
        assert desk.see(figure(down_now=7), after_ms) == []  # 17.5 %, threshold 15 %


def test_at_the_close_threshold_for_longer_than_the_release_hold_it_closes_with_the_numbers() -> None:
    desk = open_desk()
    assert desk.see(figure(down_now=6), 432_000) == []  # exactly 15 %
    assert desk.wake_ms == NOW_MS + 492_001
    assert desk.see(figure(down_now=6), 492_000) == []
    (closed,) = desk.see(figure(down_now=6), 492_001)
    assert closed == Closed(
        "players_down",
        "6 of 40 players (15.00 %) down, at or under 15 % since 10:09:23Z; it was open for 8 min 12 s",
    )


def test_a_relapse_during_the_release_hold_keeps_it_open() -> None:
    desk = open_desk()
    desk.see(figure(down_now=0), 10_000)
    desk.see(figure(down_now=7), 40_000)
    desk.see(figure(down_now=0), 50_000)
    assert desk.see(figure(down_now=0), 110_000) == []
    assert [type(change) for change in desk.see(figure(down_now=0), 110_001)] == [Closed]


def test_a_margin_wider_than_the_limit_closes_only_when_nobody_is_down() -> None:
    desk = Desk(replace(RULES, hold_ms=0, release_ms=0, close_margin=Fraction(1, 2)))
    desk.see(figure(down_now=13), 0)
    assert desk.see(figure(down_now=1), 1_000) == []
    assert [change.kind for change in desk.see(figure(down_now=0), 2_000)] == ["players_down"]


def test_flapping_does_not_multiply() -> None:
    desk = Desk(replace(RULES, hold_ms=0, release_ms=0))
    changes = []
    for step in range(300):  # down and up again, every second, for five minutes
        changes += desk.see(figure(down_now=13 if step % 2 == 0 else 0), step * 1_000)
    assert [type(change).__name__ for change in changes] == ["Opened", "Closed"]


def test_after_the_reopen_interval_a_condition_that_still_holds_rings_again() -> None:
    desk = open_desk()
    desk.rules = replace(desk.rules, release_ms=0)
    desk.see(figure(down_now=0), 1_000)
    assert desk.see(figure(down_now=13), 2_000) == []
    assert desk.wake_ms == NOW_MS + 301_000
    assert [type(change) for change in desk.see(figure(down_now=13), 301_000)] == [Opened]


def test_players_that_fell_silent_do_not_close_the_alarm_about_players_that_are_down() -> None:
    desk = open_desk()
    silent = figure(down_now=0, unknown_now=40)  # the broker died while 13 were down
    assert desk.see(silent, 1_000) == []
    assert desk.see(silent, 200_000) == []
    assert "players_down" in desk.open


def test_players_that_were_unknown_all_along_do_not_keep_the_alarm_open() -> None:
    desk = Desk(replace(RULES, hold_ms=0))
    desk.see(figure(down_now=13, unknown_now=12), 0)
    desk.see(figure(down_now=0, unknown_now=12), 1_000)
    assert Closed in [type(change) for change in desk.see(figure(down_now=0, unknown_now=12), 61_001)]


def test_silence_of_many_players_is_a_warning_after_its_own_hold() -> None:
    desk = Desk()
    dead = figure(unknown_now=40)
    desk.see(dead, 0)
    assert desk.see(dead, 300_000) == []
    (opened,) = desk.see(dead, 300_001)
    assert isinstance(opened, Opened)
    assert (opened.kind, opened.severity) == ("players_unknown", "warning")
    assert opened.reason == "40 of 40 players (100.00 %) unknown since 10:02:11Z, limit 20 %"


def test_an_agreement_without_active_players_neither_rings_nor_stays_open() -> None:
    desk = open_desk()
    nobody = figure(active_now=0, emitting_now=0, down_now=0)
    desk.see(nobody, 1_000)
    (closed,) = desk.see(nobody, 61_001)
    assert closed.reason.startswith("no active player is down: none is active, at or under 15 %")


def test_a_figure_under_the_committed_level_is_a_breach() -> None:
    desk = Desk()
    desk.see(breached(), 0)
    (opened,) = desk.see(breached(), 60_001)
    assert isinstance(opened, Opened)
    assert (opened.kind, opened.severity) == ("breach", "critical")
    assert opened.summary == "ADmira (acme): the availability of 2026-03 is under the committed level"
    assert opened.reason == "availability 98.87 % in 2026-03 so far since 10:02:11Z, under the committed 99 %"


def test_a_breach_that_recovers_closes() -> None:
    desk = Desk(replace(RULES, breach_hold_ms=0, release_ms=0))
    desk.see(breached(), 0)
    (closed,) = desk.see(figure(percent="99.01"), 3_600_000)
    assert closed.reason == (
        "availability 99.01 % in 2026-03 so far, not under the committed 99 % since 11:02:11Z; "
        "it was open for 1 h 0 min"
    )


def test_a_figure_that_cannot_be_assessed_neither_opens_nor_closes_a_breach() -> None:
    desk = Desk(replace(RULES, breach_hold_ms=0, release_ms=0))
    assert desk.see(breached(met=None), 0) == []
    desk.see(breached(), 1_000)
    assert desk.see(breached(met=None), 2_000) == []
    assert "breach" in desk.open


def test_a_new_month_closes_the_last_breach_and_may_open_its_own() -> None:
    desk = Desk(replace(RULES, breach_hold_ms=0))
    desk.see(breached(), 0)
    closed, opened = desk.see(breached(month="2026-04", percent="90.00"), 1_000)
    assert closed == Closed("breach", "2026-03 is over; 2026-04 is judged afresh")
    assert isinstance(opened, Opened)
    assert "2026-04" in opened.summary


def test_a_contract_that_loses_its_level_loses_its_breach() -> None:
    desk = Desk(replace(RULES, breach_hold_ms=0, release_ms=0))
    desk.see(breached(), 0)
    (closed,) = desk.see(figure(committed=None, met=None), 1_000)
    assert closed.reason.startswith("the contract has no committed level")


def test_a_kind_that_is_not_asked_for_never_opens_and_is_closed() -> None:
    desk = open_desk()
    desk.rules = replace(desk.rules, kinds=frozenset({"breach"}))
    (closed,) = desk.see(figure(down_now=13), 1_000)
    assert closed.reason == "the configuration does not ask for players_down alerts of this agreement any more"
    assert desk.see(figure(down_now=13), 1_000_000) == []


def test_an_alert_found_calm_after_a_restart_closes_and_says_so() -> None:
    desk = open_desk()
    desk.memory = Memory({"players_down": Watch(unknown_when_over=0, resumed=True)})
    desk.see(figure(), 7_200_000)
    (closed,) = desk.see(figure(), 7_260_001)
    assert closed.reason.startswith("found calm after a restart of the collector: 0 of 40 players (0.00 %) down")


def test_an_alert_that_still_holds_after_a_restart_stays_the_same_one() -> None:
    desk = open_desk()
    desk.memory = Memory({"players_down": Watch(unknown_when_over=0, resumed=True)})
    assert desk.see(figure(down_now=13), 7_200_000) == []
    assert desk.memory.of("players_down").resumed is False


def test_a_wall_clock_that_steps_back_never_lengthens_a_hold() -> None:
    desk = Desk()
    desk.see(figure(down_now=13), 3_600_000)
    desk.see(figure(down_now=13), 0)
    assert desk.wake_ms == NOW_MS + 60_001
    assert [change.kind for change in desk.see(figure(down_now=13), 60_001)] == ["players_down"]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 400_000)), max_size=60))
def test_openings_and_closings_alternate_whatever_the_players_do(steps: list[tuple[int, int, int]]) -> None:
    desk, after_ms = Desk(), 0
    history: dict[Kind, list[type]] = {kind: [] for kind in KINDS}
    closed_at: dict[Kind, int] = {}
    for down, unknown, pause_ms in steps:
        after_ms += pause_ms
        for change in desk.see(figure(down_now=down, unknown_now=min(unknown, 40 - down)), after_ms):
            history[change.kind].append(type(change))
            if isinstance(change, Closed):
                closed_at[change.kind] = after_ms
            elif change.kind in closed_at:
                assert after_ms - closed_at[change.kind] >= RULES.reopen_ms
        if "players_down" in desk.open:
            assert desk.open["players_down"].opened_ms <= NOW_MS + after_ms
    for events in history.values():
        assert events == ([Opened, Closed] * len(events))[: len(events)]
