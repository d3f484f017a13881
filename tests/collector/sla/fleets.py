"""Random case files, small but nasty: everything touches, overlaps, or lies on a change of the clocks."""

# Plain dicts, as JSON gives them; long functions that follow the specification line by line.
# ruff: noqa: ANN001, ANN201, ANN202, C901

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

PLAYER_STATES = ["playing", "playing", "stopped", "frozen", "black", "error", "idle", "off", "unknown"]
PLATFORM_STATES = ["up", "up", "down", "down", "unknown"]
CAUSES = ["hardware", "customer", "player_software", "platform", "unknown", "content"]
TABLE = [
    {"from": "98.99", "to": "98.71", "percent": 5},
    {"from": "98.70", "to": "98.51", "percent": 10},
    {"from": "97.25", "to": "97.16", "percent": 0},
    {"from": "95.10", "to": "60.00", "percent": 40},
]
HOURS = ["09:30-21:30", "18:00-03:00", "00:00-24:00", "22:00-02:30", "01:30-02:30", "10:00-10:00", "12:00-24:00"]


def calendar(rng):
    rules = []
    for _ in range(rng.randint(0, 3)):
        rule = {"hours": rng.sample(HOURS, rng.randint(0, 2))}
        if rng.random() < 0.7:
            rule["days"] = rng.choice(["mon-fri", "sat,sun", "all", "fri-mon", "wed", "mon-wed,sat"])
        if rng.random() < 0.3:
            rule |= rng.choice([{"from": "03-20", "to": "04-02"}, {"from": "10-20", "to": "03-05"}])
        elif rng.random() < 0.3:
            rule["dates"] = rng.sample(["03-29", "03-31", "10-25", "02-28", "04-01"], 2)
        rules.append(rule)
    made = {"timezone": rng.choice(["Europe/Madrid", "America/New_York", "UTC", "Africa/Cairo"]), "rules": rules}
    if rng.random() < 0.5:
        made["holidays"] = rng.choice(["ES-Barcelona", "ES", "US-CA"])
    if rng.random() < 0.4:
        made["closed"] = rng.sample(["2026-03-16", "2026-03-29", "2026-04-30", "2026-03-31"], 2)
    if rng.random() < 0.4:
        made["open"] = {"2026-03-29": ["11:00-19:00"], "2026-03-16": [], "2026-04-03": [rng.choice(HOURS)]}
    return made


def instant(rng, start, end):
    """Mostly on the hour, so that edges meet; sometimes on any millisecond."""
    whole = rng.random() < 0.8
    span = (end - start) // timedelta(hours=1) if whole else (end - start) // timedelta(milliseconds=1)
    at = start + rng.randint(0, span) * (timedelta(hours=1) if whole else timedelta(milliseconds=1))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def interval(rng, start, end):
    first = second = instant(rng, start, end)
    while first == second:
        second = instant(rng, start, end)
    first, second = sorted([first, second])
    return {"start": first, "end": second}


def contract(rng):
    weight = rng.choice(["0", "0.2", "0.5", "1"])
    rules = {
        "weights": {"platform": weight, "players": {"0": "1", "0.2": "0.8", "0.5": "0.50", "1": "0"}[weight]},
        "excluded_causes": rng.sample(CAUSES, rng.randint(0, 3)),
        "excluded_windows": rng.sample(["planned", "emergency"], rng.randint(0, 2)),
    }
    for key, words in (
        ("month", ["calendar", "fixed-31d"]),
        ("player_base", ["total", "emission"]),
        ("membership", ["at_calculation", "time_weighted"]),
        ("unknown", ["excluded", "down"]),
        ("min_notice_ms", [0, 3_600_000, 86_400_000]),
        ("min_coverage", ["0.5", "0.95", "1"]),
    ):
        if rng.random() < 0.6:
            rules[key] = rng.choice(words)
    made = {"name": "random", "timezone": rng.choice(["Europe/Madrid", "America/New_York"]), "availability": rules}
    if rng.random() < 0.7:
        made["rounding"] = {"decimals": rng.choice([2, 3]), "mode": rng.choice(["floor", "half_up"])}
    if rng.random() < 0.8:
        made["guarantee"] = {"committed": rng.choice(["99.00", "97.50", "70.00"]), "window_months": rng.randint(1, 3)}
        if rng.random() < 0.4:
            del made["guarantee"]["window_months"]
    if rng.random() < 0.6:
        made["eligibility"] = {
            "player_downtime_over": rng.choice(["0.01", "0.25", "0"]),
            "players_affected_over": rng.choice(["0.20", "0.5", "0"]),
        }
    if rng.random() < 0.8:
        made["discounts"] = rng.sample(TABLE, len(TABLE))
        made["discount_rules"] = {
            "gap": rng.choice(["milder", "harsher", "none"]),
            "below": rng.choice(["last", "none"]),
        }
    if rng.random() < 0.6:
        made["termination"] = {"window_months": rng.randint(1, 3), "below": rng.choice(["97.00", "80.00"])}
    if rng.random() < 0.5:
        made["life"] = rng.choice([{"from": "2026-03"}, {"until": "2026-04"}, {"from": "2026-02", "until": "2026-03"}])
    return made


def fleet(seed):
    """A whole case, without `expect`."""
    rng = random.Random(seed)
    start, end = datetime(2026, 2, 25, tzinfo=UTC), datetime(2026, 5, 5, tzinfo=UTC)
    months = ["2026-02", "2026-03", "2026-04"][: rng.randint(1, 3)] if rng.random() < 0.5 else ["2026-03"]
    calendars = {f"c{number}": calendar(rng) for number in range(rng.randint(0, 2))}
    subjects = []
    for number in range(rng.randint(0, 5)):
        one = {"id": f"s{number}", "kind": rng.choice(["player", "player", "platform"])}
        if one["kind"] == "player":
            one["emission"] = rng.choice(["always", *calendars])
        if rng.random() < 0.3:
            one["active_from"] = instant(rng, start, end)
        if rng.random() < 0.3:
            one["active_until"] = instant(rng, datetime.fromisoformat(one.get("active_from", start.isoformat())), end)
        subjects.append(one)
    case = {
        "contract": contract(rng),
        "months": months,
        "computed_at": instant(rng, start, datetime(2026, 5, 20, tzinfo=UTC)),
        "calendars": calendars,
        "subjects": subjects,
        "runs": [],
        "windows": [],
        "rulings": [],
    }
    for one in subjects:
        states = PLAYER_STATES if one["kind"] == "player" else PLATFORM_STATES
        for _ in range(rng.randint(0, 5)):
            run = {"subject": one["id"], **interval(rng, start, end), "state": rng.choice(states)}
            if rng.random() < 0.4:
                run["cause"] = rng.choice([*CAUSES, None])
            case["runs"].append(run)
        for _ in range(rng.choice([0, 0, 1, 2])):
            ruling = {"subject": one["id"], **interval(rng, start, end), "at": instant(rng, start, end)}
            if rng.random() < 0.6:
                ruling["state"] = rng.choice(states)
            if rng.random() < 0.6:
                ruling["cause"] = rng.choice(CAUSES)
            case["rulings"].append(ruling)
    rng.shuffle(case["runs"])
    rng.shuffle(case["rulings"])
    for number in range(rng.randint(0, 3)):
        window = {"id": f"w{number}", "kind": rng.choice(["planned", "emergency"]), **interval(rng, start, end)}
        window["subjects"] = rng.choice([["*"], ["kind:player"], ["kind:platform"], [s["id"] for s in subjects[:2]]])
        if rng.random() < 0.7:
            window["announced_at"] = rng.choice([window["start"], instant(rng, start, end)])
        case["windows"].append(window)
    return case


def clock(seed):
    """A clock case on whole minutes, without `expect`."""
    rng = random.Random(seed)
    around = datetime(2026, rng.choice([3, 10, 12]), rng.randint(20, 28), tzinfo=UTC)

    def near(hours):
        return (around + timedelta(minutes=rng.randint(0, hours * 60))).isoformat().replace("+00:00", "Z")

    hours = calendar(rng) if rng.random() < 0.8 else None
    units = ["minutes", "hours"] + (["business days"] if hours and hours["rules"] else []) + ([] if hours else ["days"])
    unit = rng.choice(units)
    pauses = []
    for _ in range(rng.randint(0, 3)):
        start, end = sorted([near(300), near(300)])
        if start != end:
            pauses.append([start, None if rng.random() < 0.2 else end])
    amount = rng.randint(1, {"minutes": 300, "hours": 40, "days": 5, "business days": 6}[unit])
    return {
        "calendar": hours,
        "opened_at": near(100),
        "target": f"{amount} {unit}",
        "pauses": pauses,
        "at": near(400),
    }
