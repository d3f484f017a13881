"""Fleets for `bench/judge.py`, made of random numbers: a month in one-minute samples, and months of outages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.sla.calendar import parse_calendar
from collector.sla.columns import CAUSE_CODES, STATE_CODES, Columns
from collector.sla.contract import Contract, parse_contract
from collector.sla.instants import DAY_MS, HOUR_MS, MINUTE_MS
from collector.sla.tally import Subject, Window, month_span

MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06")
LATER_MS = 1_800_000_000_000  # every month above is over
PLAYERS_AT_ONCE = 2000
OUTAGE_STATES = ("stopped", "frozen", "black", "error", "idle", "off", "unknown")
OUTAGE_CAUSES = (None, None, None, "power", "customer", "hardware")
SITES = 40

# Every rule of a contract at work; the ADmira table, gaps included.
TERMS: dict[str, Any] = {
    "name": "bench",
    "timezone": "Europe/Madrid",
    "availability": {
        "weights": {"platform": "0.2", "players": "0.8"},
        "player_base": "emission",
        "excluded_causes": ["customer", "content", "power"],
        "excluded_windows": ["planned", "emergency"],
        "min_notice_ms": DAY_MS,
        "min_coverage": "0.5",
    },
    "guarantee": {"committed": "99.00", "window_months": 6},
    "eligibility": {"player_downtime_over": "0.01", "players_affected_over": "0.20"},
    "discounts": [
        {"from": "98.99", "to": "98.71", "percent": 5},
        {"from": "98.70", "to": "98.51", "percent": 10},
        {"from": "98.50", "to": "98.26", "percent": 15},
        {"from": "97.25", "to": "97.16", "percent": 20},
    ],
    "termination": {"window_months": 3, "below": "97.00"},
}
SHOPS = (
    [{"days": "mon-sat", "hours": ["09:30-21:30"]}],
    [{"days": "mon-fri", "hours": ["09:00-14:00", "16:00-20:30"]}, {"days": "sat", "hours": ["10:00-14:00"]}],
    [{"days": "thu-sat", "hours": ["18:00-03:00"]}, {"hours": ["12:00-24:00"]}],
)


@dataclass(frozen=True)
class Fleet:
    """Everything that a judgement needs."""

    contract: Contract
    months: tuple[str, ...]
    subjects: list[Subject]
    runs: Columns
    windows: list[Window]


@dataclass(frozen=True)
class Samples:
    """One month of one-minute samples: `down[player, minute]`."""

    start_ms: int
    end_ms: int
    down: NDArray[np.bool_]

    @property
    def instants_ms(self) -> range:
        """When the samples were taken."""
        return range(self.start_ms, self.end_ms, MINUTE_MS)


def sampled_month(players: int, share_down: float, seed: int = 1) -> Samples:
    """A month of 31 days of UTC; each minute of each player is down with the same probability."""
    contract = parse_contract(TERMS | {"timezone": "UTC"}, "bench")
    span = month_span(contract, "2026-03", LATER_MS)
    minutes = (span.end_ms - span.start_ms) // MINUTE_MS
    down = np.random.default_rng(seed).random((players, minutes)) < share_down
    return Samples(span.start_ms, span.end_ms, down)


def sampled_fleet(samples: Samples) -> Fleet:
    """The same month as the agents tell it: a run for each stretch in one state."""
    down = samples.down
    subject, minute = np.nonzero(np.diff(down, axis=1, prepend=~down[:, :1]))  # where a run begins
    start = samples.start_ms + minute * MINUTE_MS
    last = np.append(subject[1:] != subject[:-1], True)
    end = np.where(last, samples.end_ms, np.append(start[1:], 0))
    state = np.where(down[subject, minute], STATE_CODES["frozen"], STATE_CODES["playing"]).astype(np.uint8)
    runs = Columns(subject.astype(np.int32), start, end, state, np.zeros_like(state))
    subjects = [Subject(f"p{number:04}", "player") for number in range(len(down))]
    return Fleet(parse_contract(TERMS | {"timezone": "UTC"}, "bench"), ("2026-03",), subjects, runs, [])


def fleet_of_outages(players: int, outages_a_month: int, seed: int = 1) -> Fleet:
    """Six months of players in three kinds of shop, with outages of minutes, windows and causes, and a portal."""
    contract = parse_contract(TERMS, "bench")
    calendars = [
        parse_calendar({"timezone": "Europe/Madrid", "holidays": "ES-Barcelona", "rules": rules}, "bench", "")
        for rules in SHOPS
    ]
    subjects = [
        Subject(f"p{number:06}", "player", emission=calendars[number % len(calendars)]) for number in range(players)
    ]
    subjects.append(Subject("portal", "platform"))
    runs = _outages(contract, players, outages_a_month * len(MONTHS), np.random.default_rng(seed))
    return Fleet(contract, MONTHS, subjects, runs, _windows(contract, subjects))


def _outages(contract: Contract, players: int, outages: int, rng: np.random.Generator) -> Columns:
    """Each player plays, but for one outage in each of equal parts of the time; the portal fails now and then."""
    spans = [month_span(contract, month, LATER_MS) for month in MONTHS]
    begin, end = spans[0].start_ms, spans[-1].end_ms
    a_player = 2 * outages + 1
    total = players * a_player + a_player
    start_ms, end_ms = np.empty(total, np.int64), np.empty(total, np.int64)
    state, cause = np.empty(total, np.uint8), np.zeros(total, np.uint8)
    subject = np.repeat(np.arange(players + 1, dtype=np.int32), a_player)
    kinds = np.array([STATE_CODES[name] for name in OUTAGE_STATES], np.uint8)
    causes = np.array([CAUSE_CODES[name] for name in OUTAGE_CAUSES], np.uint8)
    for first in range(0, players + 1, PLAYERS_AT_ONCE):
        count = min(PLAYERS_AT_ONCE, players + 1 - first)
        part = slice(first * a_player, (first + count) * a_player)
        slot = (end - begin) // outages
        at = begin + np.arange(outages) * slot + rng.integers(0, slot // 2, (count, outages))
        until = at + rng.integers(1000, 30 * MINUTE_MS, (count, outages))
        edges = np.stack([at, until], axis=2).reshape(count, -1)
        start_ms[part] = np.insert(edges, 0, begin, axis=1).ravel()
        end_ms[part] = np.insert(edges, edges.shape[1], end, axis=1).ravel()
        state[part], cause[part] = _looks(rng, count, outages, kinds, causes)
    portal = slice(players * a_player, None)
    state[portal] = np.resize(np.array([STATE_CODES["up"], STATE_CODES["down"]], np.uint8), a_player)
    cause[portal] = 0
    return Columns(subject, start_ms, end_ms, state, cause)


def _looks(
    rng: np.random.Generator, count: int, outages: int, kinds: NDArray[np.uint8], causes: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """States and causes of runs that are playing and an outage in turn."""
    state = np.full((count, 2 * outages + 1), STATE_CODES["playing"], np.uint8)
    cause = np.zeros_like(state)
    state[:, 1::2] = rng.choice(kinds, (count, outages))
    cause[:, 1::2] = rng.choice(causes, (count, outages))
    return state.ravel(), cause.ravel()


def _windows(contract: Contract, subjects: list[Subject]) -> list[Window]:
    """A night's maintenance of everything each month, and one of each of several sites."""
    spans = [month_span(contract, month, LATER_MS) for month in MONTHS]
    everywhere = [
        Window("planned", frozenset({"*"}), at, at + 4 * HOUR_MS, at - 2 * DAY_MS)
        for at in (span.start_ms + 10 * DAY_MS for span in spans)
    ]
    sites = [
        Window("emergency", frozenset(one.id for one in subjects[site::SITES]), at, at + 12 * HOUR_MS)
        for site in range(SITES)
        for at in (spans[site % len(spans)].start_ms + site % 28 * DAY_MS + 9 * HOUR_MS,)
    ]
    return everywhere + sites
