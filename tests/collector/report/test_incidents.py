from __future__ import annotations

from collector.report.incidents import Outage, find_outages, group
from collector.report.stretches import Stretch

MINUTE = 60_000


def outage(subject: str, start: int, end: int, cause: str = "player_software", **more: object) -> Outage:
    said = {"kind": "player", "standing": "down", "window": None, "states": ("stopped",), "estimated": False}
    said |= {"rulings": (), "detail": None, **more}
    return Outage(subject=subject, start_ms=start, end_ms=end, cause=cause, **said)  # type: ignore[arg-type]


def test_players_that_stop_and_return_together_are_one_incident() -> None:
    (incident,) = group([outage("b", 30_000, 600_000), outage("a", 0, 580_000), outage("c", MINUTE, 640_000)])
    assert [each.subject for each in incident.outages] == ["a", "b", "c"]
    assert (incident.start_ms, incident.end_ms, incident.sum_ms) == (0, 640_000, 580_000 + 570_000 + 580_000)


def test_a_minute_and_more_apart_is_apart() -> None:
    assert len(group([outage("a", 0, 600_000), outage("b", MINUTE + 1, 600_000)])) == 2
    assert len(group([outage("a", 0, 600_000), outage("b", 0, 600_000 + MINUTE + 1)])) == 2


def test_a_chain_of_outages_is_not_one_long_incident() -> None:
    chain = [outage(str(number), number * 50_000, 600_000 + number * 50_000) for number in range(6)]
    assert [len(incident.outages) for incident in group(chain)] == [2, 2, 2]


def test_causes_windows_kinds_and_standings_are_never_mixed() -> None:
    apart = [
        outage("a", 0, 600_000),
        outage("b", 0, 600_000, "power"),
        outage("c", 0, 600_000, standing="cause"),
        outage("d", 0, 600_000, standing="window", window=1),
        outage("e", 0, 600_000, standing="window", window=2),
        outage("f", 0, 600_000, kind="platform"),
    ]
    assert len(group(apart)) == 6


def test_incidents_come_by_their_start_whatever_the_order_of_the_outages() -> None:
    outages = [outage(str(start), start * MINUTE * 5, start * MINUTE * 5 + 1000) for start in (3, 1, 2)]
    assert [incident.first.subject for incident in group(outages)] == ["1", "2", "3"]
    assert group(outages) == group(reversed(outages))


def stretch(start: int, end: int, standing: str = "down", state: str = "stopped", **more: object) -> Stretch:
    said: dict[str, object] = {"cause": None if standing == "up" else "player_software", **more}
    return Stretch(start, end, standing, state, **said)  # type: ignore[arg-type]


def test_one_cause_through_several_states_is_one_outage() -> None:
    parts = [
        stretch(0, 10, "up", "playing"),
        stretch(10, 20, state="frozen", detail="time-pos stood"),
        stretch(20, 30, state="black", estimated=True),
        stretch(30, 40, state="frozen", rulings=(4, 2)),
        stretch(40, 50, "unknown", "unknown"),
    ]
    (found,) = find_outages("p", "player", parts)
    assert (found.start_ms, found.end_ms, found.states) == (10, 40, ("frozen", "black"))
    assert (found.estimated, found.rulings, found.detail) == (True, (2, 4), "time-pos stood")


def test_a_gap_another_cause_or_another_window_ends_an_outage() -> None:
    parts = [
        stretch(0, 10),
        stretch(20, 30),
        stretch(30, 40, cause="unknown"),
        stretch(40, 50, "window", window=1),
        stretch(50, 60, "window", window=2),
    ]
    assert [(each.start_ms, each.end_ms) for each in find_outages("p", "player", parts)] == [
        *((0, 10), (20, 30), (30, 40), (40, 50), (50, 60)),
    ]
