"""The contract rules once more, as slow and as plain as possible: judge every elementary segment by itself.

Written from the specification alone; shares nothing with `collector.sla` but the `holidays` package.
"""

# Plain dicts, as JSON gives them; long functions that follow the specification line by line.
# ruff: noqa: ANN001, ANN201, C901, PLR0911, PLR0912, RUF007

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import holidays

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT_CAUSE = {
    "stopped": "player_software",
    "frozen": "player_software",
    "black": "player_software",
    "error": "player_software",
    "idle": "content",
    "down": "platform",
}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def ms(text):
    return None if text is None else (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def iso(at):
    return (EPOCH + timedelta(milliseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def wall_to_ms(zone, wall):
    """The first instant at which a clock on the wall shows it; in a gap, with the offset before it."""
    offsets = {(wall.replace(tzinfo=UTC) + timedelta(days=d)).astimezone(zone).utcoffset() for d in (-1, 0, 1)}
    fits = [wall.replace(tzinfo=UTC) - o for o in offsets]
    fits = [at for at in fits if at.astimezone(zone).replace(tzinfo=None) == wall]
    before = (wall.replace(tzinfo=UTC) - timedelta(days=1)).astimezone(zone).utcoffset()
    at = min(fits) if fits else wall.replace(tzinfo=UTC) - before
    return (at - EPOCH) // timedelta(milliseconds=1)


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def weekdays(text):
    if text == "all":
        return set(range(7))
    found = set()
    for part in text.split(","):
        first, last = (part.split("-") * 2)[:2]
        at = DAYS.index(first)
        while True:
            found.add(at % 7)
            if DAYS[at % 7] == last:
                break
            at += 1
    return found


def rule_fits(rule, day):
    mmdd = f"{day.month:02d}-{day.day:02d}"
    if day.weekday() not in weekdays(rule.get("days", "all")):
        return False
    if "dates" in rule:
        return mmdd in rule["dates"]
    if "from" in rule:
        if rule["from"] <= rule["to"]:
            return rule["from"] <= mmdd <= rule["to"]
        return mmdd >= rule["from"] or mmdd <= rule["to"]
    return True


def hours_of(calendar, day):
    if day.isoformat() in calendar.get("closed", []):
        return []
    if day.isoformat() in calendar.get("open", {}):
        return calendar["open"][day.isoformat()]
    if calendar.get("holidays"):
        country, _, region = calendar["holidays"].partition("-")
        if holidays.country_holidays(country, subdiv=region or None, years=day.year).get(day) is not None:
            return []
    for rule in calendar.get("rules", []):
        if rule_fits(rule, day):
            return rule["hours"]
    return []


def openings(calendar, first, last):
    """Every opening of the dates `first` to `last`, in ms."""
    zone = ZoneInfo(calendar["timezone"])
    found = []
    day = first
    while day <= last:
        midnight = datetime(day.year, day.month, day.day)
        for hours in hours_of(calendar, day):
            start, end = (minutes(time) for time in hours.split("-"))
            if end <= start:
                end += 24 * 60
            edges = [wall_to_ms(zone, midnight + timedelta(minutes=m)) for m in (start, end)]
            found.append(tuple(edges))
        day += timedelta(days=1)
    return found


def month_edges(contract, month):
    zone = ZoneInfo(contract["timezone"])
    year, number = int(month[:4]), int(month[5:])
    following = datetime(year + number // 12, number % 12 + 1, 1)
    return wall_to_ms(zone, datetime(year, number, 1)), wall_to_ms(zone, following)


def state_at(case, subject, at):
    best = None
    for order, run in enumerate(case["runs"]):
        if run["subject"] == subject["id"] and ms(run["start"]) <= at < ms(run["end"]):
            key = (ms(run["start"]), order)
            if best is None or key > best[0]:
                best = (key, run)
    state = best[1]["state"] if best else "unknown"
    cause = (best[1].get("cause") if best else None) or DEFAULT_CAUSE.get(state, "unknown")
    for _, ruling in sorted(enumerate(case["rulings"]), key=lambda pair: (ms(pair[1]["at"]), pair[0])):
        if ruling["subject"] != subject["id"] or ms(ruling["at"]) > ms(case["computed_at"]):
            continue
        if not ms(ruling["start"]) <= at < ms(ruling["end"]):
            continue
        if ruling.get("state"):
            state = ruling["state"]
            cause = DEFAULT_CAUSE.get(state, "unknown")
        if ruling.get("cause") and state not in ("playing", "up"):
            cause = ruling["cause"]
    return state, cause


def window_covers(rules, window, subject, at):
    if window["kind"] not in rules.get("excluded_windows", []):
        return False
    if not {"*", "kind:" + subject["kind"], subject["id"]} & set(window["subjects"]):
        return False
    if not ms(window["start"]) <= at < ms(window["end"]):
        return False
    if window["kind"] == "planned":
        told = ms(window.get("announced_at"))
        if told is None or not told < ms(window["start"]):
            return False
        return ms(window["start"]) - told >= rules.get("min_notice_ms", 0)
    return True


def segments_of(case, start, end, extra):
    edges = {start, end}
    for thing in [*case["runs"], *case["rulings"], *case["windows"]]:
        edges |= {ms(thing["start"]), ms(thing["end"])}
    for subject in case["subjects"]:
        edges |= {ms(subject.get("active_from")), ms(subject.get("active_until"))} - {None}
    edges |= extra
    inside = sorted(edge for edge in edges if start <= edge <= end)
    return list(zip(inside, inside[1:], strict=False))


def judge_month(case, month):
    contract, rules = case["contract"], case["contract"]["availability"]
    start, end = month_edges(contract, month)
    computed = ms(case["computed_at"])
    until = min(end, computed)
    counted = max(0, until - start)
    total = counted
    if rules.get("month") == "fixed-31d":
        total = 31 * 86_400_000 * counted // (end - start)
    open_hours = {
        name: openings(
            calendar,
            (EPOCH + timedelta(milliseconds=start)).date() - timedelta(days=3),
            (EPOCH + timedelta(milliseconds=end)).date() + timedelta(days=3),
        )
        for name, calendar in case.get("calendars", {}).items()
    }
    extra = {edge for hours in open_hours.values() for pair in hours for edge in pair}
    per = {
        s["id"]: {"active": 0, "counted": 0, "known": 0, "acc": 0, "down": set(), "states": {}}
        for s in case["subjects"]
    }
    for begin, stop in segments_of(case, start, max(start, until), extra):
        for subject in case["subjects"]:
            one = per[subject["id"]]
            active_from, active_until = ms(subject.get("active_from")), ms(subject.get("active_until"))
            if active_from is not None and begin < active_from:
                continue
            if active_until is not None and begin >= active_until:
                continue
            one["active"] += stop - begin
            emission = subject.get("emission", "always")
            if (
                subject["kind"] == "player"
                and emission != "always"
                and not any(a <= begin < b for a, b in open_hours[emission])
            ):
                continue
            one["counted"] += stop - begin
            state, cause = state_at(case, subject, begin)
            one["known"] += stop - begin if state != "unknown" else 0
            if state in ("playing", "up") or (state == "unknown" and rules.get("unknown") != "down"):
                continue
            if cause in rules.get("excluded_causes", []):
                continue
            if any(window_covers(rules, window, subject, begin) for window in case["windows"]):
                continue
            one["acc"] += stop - begin
            one["down"].add((begin, stop))
    platform = [per[s["id"]] for s in case["subjects"] if s["kind"] == "platform"]
    players = []
    for subject in case["subjects"]:
        if subject["kind"] != "player" or counted == 0:
            continue
        if rules.get("membership", "at_calculation") == "time_weighted":
            belongs = per[subject["id"]]["active"] > 0
        else:
            active_from, active_until = ms(subject.get("active_from")), ms(subject.get("active_until"))
            last = until - 1
            belongs = (active_from is None or active_from <= last) and (active_until is None or last < active_until)
        if belongs:
            players.append(per[subject["id"]])
    return figures_of(contract, month, (start, end, computed, counted, total), platform, players)


def figures_of(contract, month, times, platform, players):
    rules = contract["availability"]
    start, end, computed, counted, total = times
    t_platform = sum(stop - begin for begin, stop in set().union(*(one["down"] for one in platform)))
    t_players = sum(one["acc"] for one in players)
    if rules.get("player_base") == "emission":
        denominator = Fraction(sum(one["counted"] for one in players))
    elif rules.get("membership") == "time_weighted":
        denominator = Fraction(sum(one["active"] for one in players) * total, counted) if counted else Fraction(0)
    else:
        denominator = Fraction(len(players) * total)
    eligibility = contract.get("eligibility")
    affected = None
    eligible = True
    if eligibility:
        over = Fraction(eligibility["player_downtime_over"])
        affected = sum(1 for one in players if one["counted"] and Fraction(one["acc"], one["counted"]) > over)
        eligible = bool(players) and Fraction(affected, len(players)) > Fraction(eligibility["players_affected_over"])
    coverage = {}
    for kind, group in (("players", players), ("platform", platform)):
        whole = sum(one["counted"] for one in group)
        coverage[kind] = Fraction(sum(one["known"] for one in group), whole) if whole else None
    weights = {kind: Fraction(rules["weights"].get(kind, "0")) for kind in ("players", "platform")}
    least = rules.get("min_coverage")
    assessable = least is None or not any(
        weights[kind] and coverage[kind] is not None and coverage[kind] < Fraction(least) for kind in weights
    )
    sums = (t_platform, total, t_players, denominator)
    figure = availability(contract, [sums]) if counted else None
    percent = rounded(contract, figure) if counted else None
    committed = level(contract.get("guarantee", {}).get("committed"))
    return {
        "month": month,
        "start": start,
        "end": end,
        "provisional": end > computed,
        "total_ms": total,
        "players": len(players),
        "platform_downtime_ms": t_platform,
        "players_downtime_ms": t_players,
        "affected_players": affected,
        "coverage": coverage,
        "assessable": assessable,
        "availability": figure,
        "percent": percent,
        "met": None if committed is None or not assessable or percent is None else percent >= committed,
        "band": band(contract, percent, committed),
        "eligible": eligible,
        "sums": sums,
    }


def level(text):
    return None if text is None else Fraction(text)


def availability(contract, sums):
    weights = contract["availability"]["weights"]
    t_platform, total, t_players, denominator = (sum(column, Fraction(0)) for column in zip(*sums, strict=True))
    value = Fraction(1)
    if total:
        value -= Fraction(weights.get("platform", "0")) * t_platform / total
    if denominator:
        value -= Fraction(weights.get("players", "0")) * t_players / denominator
    return max(Fraction(0), value)


def rounded(contract, share):
    rounding = contract.get("rounding", {})
    step = Fraction(1, 10 ** rounding.get("decimals", 2))
    percent = share * 100
    if rounding.get("mode", "floor") == "half_up":
        percent += step / 2
    return percent // step * step


def band(contract, percent, committed):
    table = contract.get("discounts")
    if not table or committed is None or percent is None or percent >= committed:
        return None
    for row in table:
        if Fraction(row["to"]) <= percent <= Fraction(row["from"]):
            return {"percent": row["percent"], "literal": True}
    how = contract.get("discount_rules", {})
    above = [row for row in table if Fraction(row["to"]) > percent]
    under = [row for row in table if Fraction(row["from"]) < percent]
    above.sort(key=lambda row: Fraction(row["to"]))
    under.sort(key=lambda row: Fraction(row["from"]), reverse=True)
    if not under:
        chosen = above[:1] if how.get("below", "last") == "last" else []
    else:
        chosen = {"milder": above[:1], "harsher": under[:1], "none": []}[how.get("gap", "milder")]
    return {"percent": chosen[0]["percent"] if chosen else 0, "literal": False}


def shift(month, by):
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def all_windows(contract, length, around):
    """Every run of months within the life that touches the months around; text compares as time does."""
    life = contract.get("life", {})
    first, last = life.get("from", "0000-01"), life.get("until", "9999-12")
    if "from" in life and "until" in life and shift(first, length - 1) > last:
        run = [first]
        while run[-1] != last:
            run.append(shift(run[-1], 1))
        return [run]
    runs = []
    start = shift(around[0], -length)
    while start <= around[-1]:
        run = [shift(start, by) for by in range(length)]
        if first <= run[0] and run[-1] <= last:
            runs.append(run)
        start = shift(start, 1)
    return runs


def known_windows(contract, months, length, floor):
    given = {month["month"]: month for month in months}
    known = []
    for run in all_windows(contract, length, [month["month"] for month in months]):
        if any(name not in given or given[name]["provisional"] for name in run):
            continue
        share = availability(contract, [given[name]["sums"] for name in run])
        falls = rounded(contract, share) < floor
        if falls or all(given[name]["assessable"] for name in run):
            known.append((run, share, falls))
    return known


def guarantee(contract, months, name):
    terms = contract.get("guarantee", {})
    if "window_months" not in terms or "committed" not in terms:
        return True
    known = known_windows(contract, months, terms["window_months"], Fraction(terms["committed"]))
    around = [run for run in all_windows(contract, terms["window_months"], [name]) if name in run]
    if any(falls for run, _, falls in known if run in around):
        return True
    return False if all(any(run == other for other, _, _ in known) for run in around) else None


def discount(contract, month, window):
    if month["provisional"]:
        return None, "provisional"
    if not month["assessable"]:
        return None, "coverage"
    if contract.get("guarantee", {}).get("committed") is None:
        return 0, "no_level"
    if month["met"]:
        return 0, "met"
    if not contract.get("discounts"):
        return 0, "no_table"
    if month["band"]["percent"] == 0:
        return 0, "no_band"
    if not month["eligible"]:
        return 0, "players"
    if window is False:
        return 0, "window"
    if window is None:
        return None, "window_open"
    return month["band"]["percent"], "due"


def pair(share):
    return None if share is None else [share.numerator, share.denominator]


def judge(case):
    contract = case["contract"]
    months = [judge_month(case, month) for month in case["months"]]
    rows = []
    for month in months:
        window = guarantee(contract, months, month["month"])
        percent, reason = discount(contract, month, window)
        row = {key: value for key, value in month.items() if key != "sums"}
        row["start"], row["end"] = iso(month["start"]), iso(month["end"])
        row["coverage"] = {kind: pair(share) for kind, share in month["coverage"].items()}
        row["availability"] = pair(month["availability"])
        decimals = contract.get("rounding", {}).get("decimals", 2)
        if month["percent"] is not None:
            digits = f"{int(month['percent'] * 10**decimals):0{decimals + 1}d}"
            row["percent"] = digits if not decimals else f"{digits[:-decimals]}.{digits[-decimals:]}"
        row["eligible"] = {"players": month["eligible"], "guarantee_window": window}
        row["discount_percent"], row["discount_reason"] = percent, reason
        rows.append(row)
    listed = {}
    terms = contract.get("guarantee", {})
    both = "window_months" in terms and "committed" in terms
    ending = contract.get("termination")
    for name, wanted, length, floor in (
        ("guarantee_windows", both, terms.get("window_months"), terms.get("committed")),
        ("termination_windows", ending, (ending or {}).get("window_months"), (ending or {}).get("below")),
    ):
        known = known_windows(contract, months, length, Fraction(floor)) if wanted else []
        listed[name] = [
            {"from": run[0], "to": run[-1], "availability": pair(share), "breached": falls}
            for run, share, falls in known
        ]
    right = any(window["breached"] for window in listed["termination_windows"])
    return {"months": rows, **listed, "termination_right": right}


def judge_clock(case, horizon_days):
    """Segment by segment between all edges; a deadline that the horizon does not hold is reported as None."""
    opened, at = ms(case["opened_at"]), ms(case["at"])
    calendar = case["calendar"]
    zone = ZoneInfo(calendar["timezone"]) if calendar else None
    first = (EPOCH + timedelta(milliseconds=opened)).date()
    horizon = opened + horizon_days * 86_400_000
    hours = [(opened, horizon)]
    if calendar:
        hours = openings(calendar, first - timedelta(days=3), first + timedelta(days=horizon_days + 3))
    pauses = [(ms(a), horizon if b is None else ms(b)) for a, b in case["pauses"]]
    edges = sorted({edge for pair in hours + pauses for edge in pair} | {opened, at, horizon})
    amount, _, unit = case["target"].partition(" ")
    target = int(amount) * {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}.get(unit.rstrip("s"), 10**18)
    ran = elapsed = 0
    due = None
    for begin, stop in zip(edges, edges[1:], strict=False):
        inside = opened <= begin < horizon
        if not inside or any(a <= begin < b for a, b in pauses) or not any(a <= begin < b for a, b in hours):
            continue
        if due is None and ran + stop - begin >= target:
            due = begin + target - ran
        ran += stop - begin
        elapsed += stop - begin if begin < at else 0
        if due is not None and stop > at:
            break
    if "business" in unit:
        day = (EPOCH + timedelta(milliseconds=opened)).astimezone(zone).date()
        left = int(amount)
        while left and day < first + timedelta(days=horizon_days):
            day += timedelta(days=1)
            left -= 1 if hours_of(calendar, day) else 0
        following = day + timedelta(days=1)
        due = None if left else wall_to_ms(zone, datetime(following.year, following.month, following.day))
    return {
        "due_at": None if due is None else iso(due),
        "elapsed_ms": elapsed,
        "breached": due is not None and at > due,
    }
