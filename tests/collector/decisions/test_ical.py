"""iCalendar files as calendars really write them."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from collector.decisions.ical import Reading, read_ical
from collector.sla.instants import format_instant
from common.config import ConfigError
from tests.collector.decisions.samples import at

MADRID = ZoneInfo("Europe/Madrid")
WEEKLY = """BEGIN:VEVENT
UID:weekly@cal
DTSTART;TZID=Europe/Madrid:20260308T020000
DTEND;TZID=Europe/Madrid:20260308T040000
RRULE:FREQ=WEEKLY;COUNT=6
EXDATE;TZID=Europe/Madrid:20260315T020000
SUMMARY:Weekly  work
END:VEVENT
"""
MOVED = """BEGIN:VEVENT
UID:weekly@cal
RECURRENCE-ID;TZID=Europe/Madrid:20260322T020000
DTSTART;TZID=Europe/Madrid:20260322T050000
DURATION:PT90M
SUMMARY:Later that night
END:VEVENT
"""


def calendar(*events: str) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//EN"]
    return "\r\n".join([*lines, *"".join(events).splitlines(), "END:VCALENDAR", ""])


def event(*lines: str) -> str:
    return "\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])


def read(*events: str, zone: ZoneInfo | None = None) -> Reading:
    return read_ical(calendar(*events), "work.ics", at("01T00:00"), at("31T00:00"), zone)


def starts(reading: Reading) -> list[str]:
    return [format_instant(found.start_ms)[:16] for found in reading.occurrences]


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_ical(text, "work.ics", at("01T00:00"), at("31T00:00"))
    return str(caught.value)


def test_recurrences_keep_their_local_hour_over_the_change_of_clocks() -> None:
    # 02:00 on 29 March is skipped in Madrid: it takes the offset before the gap
    assert starts(read(WEEKLY)) == ["2026-03-08T01:00", "2026-03-22T01:00", "2026-03-29T01:00"]


def test_a_moved_recurrence_keeps_its_name() -> None:
    (_, moved, _) = read(WEEKLY, MOVED).occurrences
    assert (moved.occurrence, format_instant(moved.start_ms)) == (
        *("2026-03-22T01:00:00.000Z", "2026-03-22T04:00:00.000Z"),
    )
    assert moved.end_ms - moved.start_ms == 5_400_000
    assert moved.why == "Later that night"


def test_a_summary_is_the_reason_on_one_line() -> None:
    assert read(WEEKLY).occurrences[0].why == "Weekly work"
    nameless = event("UID:x", "DTSTART:20260310T020000Z", "DURATION:PT1H")
    assert read(nameless).occurrences[0].why == "event x"


def test_a_zone_that_the_file_describes_itself_is_understood() -> None:
    described = Path(__file__).with_name("outlook.ics").read_text(encoding="utf-8")
    reading = read_ical(described, "outlook.ics", at("01T00:00"), at("31T00:00"))
    assert starts(reading) == ["2026-03-10T01:00", "2026-03-30T00:00"]


def test_whole_days_and_times_without_a_zone_need_to_be_told_where_they_are() -> None:
    whole = event("UID:day", "DTSTART;VALUE=DATE:20260329", "SUMMARY:Stocktaking")
    floating = event("UID:night", "DTSTART:20260310T020000", "DTEND:20260310T030000")
    said = refusal(calendar(whole, floating))
    assert "work.ics: event day: DTSTART: is a whole day without a zone; say where that is: --timezone" in said
    assert "work.ics: event night: DTEND: is a time without a zone" in said
    reading = read(whole, floating, zone=MADRID)
    assert starts(reading) == ["2026-03-10T01:00", "2026-03-28T23:00"]
    assert reading.occurrences[1].end_ms - reading.occurrences[1].start_ms == 23 * 3_600_000


def test_what_is_called_off_is_told_as_such() -> None:
    off = MOVED.replace("SUMMARY", "STATUS:CANCELLED\nSUMMARY")
    assert [found.cancelled for found in read(WEEKLY, off).occurrences] == [False, True, False]


def test_what_is_tentative_or_has_no_length_is_left_out_with_a_warning() -> None:
    maybe = event("UID:maybe", "STATUS:TENTATIVE", "DTSTART:20260310T020000Z", "DURATION:PT1H")
    reminder = event("UID:reminder", "DTSTART:20260311T020000Z")
    reading = read(maybe, reminder)
    assert reading.occurrences == []
    assert [str(warning) for warning in reading.warnings] == [
        f"work.ics: event {what}; {remedy} [ical.left_out]"
        for what, remedy in (
            ("maybe at 2026-03-10T02:00:00.000Z: is tentative, so it is left out", "confirm it first"),
            ("reminder at 2026-03-11T02:00:00.000Z: has no length, so it is left out", "give it a DTEND or a DURATION"),
        )
    ]


def test_only_what_begins_within_the_time_asked_for_is_read() -> None:
    edges = [
        event(f"UID:{day}", f"DTSTART:{day}Z", "DURATION:PT1H")
        for day in ("20260228T235959", "20260301T000000", "20260330T235959", "20260331T000000")
    ]
    assert starts(read(*edges)) == ["2026-03-01T00:00", "2026-03-30T23:59"]


def test_several_calendars_in_one_file_are_read() -> None:
    both = calendar(WEEKLY) + calendar(event("UID:b", "DTSTART:20260302T000000Z", "DURATION:PT1H"))
    reading = read_ical(both, "work.ics", at("01T00:00"), at("31T00:00"))
    assert [found.uid for found in reading.occurrences][:2] == ["b", "weekly@cal"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "work.ics: holds no event"),
        ("hello", "work.ics: is no iCalendar file"),
        ("PK\x03\x04", "work.ics: is no iCalendar file"),
        (calendar(), "work.ics: holds no event"),
        (calendar(event("UID:a", "DTSTART:soon")), "event a: DTSTART: Expected datetime, date, or time"),
        (calendar(event("UID:a", "SUMMARY:x")), "event a: has no DTSTART"),
        (calendar(event("SUMMARY:nobody", "DTSTART:20260310T020000Z")), "event nobody: has no UID"),
        (
            calendar(event("UID:a", "DTSTART:20260310T020000Z", "RRULE:FREQ=OFTEN")),
            "event a: RRULE: Expected frequency",
        ),
        (
            calendar(event("UID:a", "DTSTART:20260310T020000Z", "RRULE:FREQ=SECONDLY")),
            "event a: RRULE: recurs every minute or oftener",
        ),
        (
            calendar(event("UID:a", "DTSTART;TZID=Middle/Earth:20260310T020000", "DURATION:PT1H")),
            "event a: DTSTART: is in the zone 'Middle/Earth', which is neither known nor described in the file",
        ),
        (calendar(event("UID:a", "DTSTART;VALUE=PERIOD:20260310T020000Z/PT1H")), "event a: DTSTART: "),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(text: str, problem: str) -> None:
    assert problem in refusal(text)
