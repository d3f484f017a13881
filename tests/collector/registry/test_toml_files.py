"""A registry in TOML: what it says, and one bad file for each complaint."""

from pathlib import Path

import pytest

from collector.registry.entries import Entry
from collector.registry.toml_files import read_toml
from common.config import ConfigError

DEVICE = '[[devices]]\ntenant = "acme"\nid = "p1"\n'
OUTPUT = DEVICE + '[[devices.outputs]]\nid = "main"\n'
PLATFORM = '[[platforms]]\ntenant = "acme"\nid = "portal"\n'
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "registry.toml"


def findings(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_toml(text, "fleet.toml")
    return [str(finding) for finding in caught.value.findings]


def only(text: str) -> Entry:
    (entry,) = [entry for entry in read_toml(text, "fleet.toml") if entry.kind != "device" or "outputs" not in text]
    return entry


def test_the_example_of_the_documentation_says_what_it_seems_to_say() -> None:
    entries = {entry.key: entry for entry in read_toml(EXAMPLE.read_text(encoding="utf-8"), "registry.toml")}
    main = entries["acme/player-0001/main"]
    assert main.ids == {"tenant": "acme", "device": "player-0001", "id": "main"}
    assert main.values == {
        "name": "Left screen",
        "contract": "admira",
        "emission": "shop",
        "active_from_ms": 1_772_319_600_000,  # midnight in Madrid is 23:00 UTC
    }
    assert main.where == "devices[0].outputs[0]"
    assert entries["acme/portal"].values["check"] == {
        "url": "https://portal.example.com/login",
        "expect_status": 200,
        "expect_text": "Sign in",
        "timeout_s": 10.0,
        "interval_s": 30.0,
        "failures": 2,
    }


def test_a_calendar_s_bare_dates_become_text_that_json_can_keep() -> None:
    entries = {entry.key: entry for entry in read_toml(EXAMPLE.read_text(encoding="utf-8"), "registry.toml")}
    assert entries["acme/shop"].values["rules"] == {
        "timezone": "Europe/Madrid",
        "holidays": "ES-Barcelona",
        "rules": [{"days": "mon-sat", "hours": ["09:30-21:30"]}],
        "closed": ["2026-03-16"],
        "open": {"2026-03-29": ["11:00-19:00"]},
    }


def test_only_what_is_mentioned_is_said() -> None:
    assert only(OUTPUT).values == {}
    assert only(OUTPUT + 'contract = ""\nactive_until = ""').values == {"contract": None, "active_until_ms": None}


@pytest.mark.parametrize(
    "written",
    ["2026-03-01T00:00:00+01:00", "2026-02-28T23:00:00Z", '"2026-02-28T23:00:00.000Z"', "2026-02-28 23:00:00.000000Z"],
)
def test_an_instant_may_be_a_toml_datetime_or_text_and_is_the_same_instant(written: str) -> None:
    assert only(f"{OUTPUT}active_from = {written}").values == {"active_from_ms": 1_772_319_600_000}


def test_a_byte_order_mark_is_tolerated() -> None:
    assert only("\ufeff" + DEVICE).key == "acme/p1"


REMEDY = (
    "write it with its offset, such as 2026-03-01T00:00:00Z or 2026-03-01T00:00:00+01:00 [registry.instant.invalid]"
)
ID_REMEDY = "use lower-case letters, digits, '.', '_', '-', beginning with a letter or digit, at most 63"
BAD = {
    "unknown table": (
        '[[device]]\nid = "x"',
        "fleet.toml: device: unknown key; did you mean 'devices'? [registry.key.unknown]",
    ),
    "unknown key": (
        OUTPUT + 'emision = "shop"',
        "fleet.toml: devices[0].outputs[0].emision: unknown key; did you mean 'emission'? [registry.key.unknown]",
    ),
    "missing key": (
        '[[devices]]\ntenant = "acme"',
        "fleet.toml: devices[0].id: is missing; add id [registry.key.missing]",
    ),
    "naive instant": (
        OUTPUT + "active_from = 2026-03-01T00:00:00",
        f"fleet.toml: devices[0].outputs[0].active_from: 2026-03-01T00:00:00 has no offset from UTC; {REMEDY}",
    ),
    "naive instant as text": (
        OUTPUT + 'active_from = "2026-03-01T00:00:00"',
        f"fleet.toml: devices[0].outputs[0].active_from: '2026-03-01T00:00:00' has no offset from UTC; {REMEDY}",
    ),
    "local date": (
        OUTPUT + "active_until = 2026-03-01",
        "fleet.toml: devices[0].outputs[0].active_until: 2026-03-01 is a date: at which moment, and in which zone?; "
        + REMEDY,
    ),
    "too fine": (
        OUTPUT + "active_from = 2026-03-01T00:00:00.0005Z",
        "fleet.toml: devices[0].outputs[0].active_from: 2026-03-01T00:00:00.000500+00:00 is finer than a millisecond; "
        + REMEDY,
    ),
    "before 1970": (
        OUTPUT + "active_from = 1969-12-31T23:59:59Z",
        (
            "fleet.toml: devices[0].outputs[0].active_from: 1969-12-31T23:59:59+00:00 is not between 1970 and 9999; "
            "correct the year [registry.instant.range]"
        ),
    ),
    "number for an instant": (
        OUTPUT + "active_from = 5",
        f"fleet.toml: devices[0].outputs[0].active_from: 5 is no instant; {REMEDY}",
    ),
    "bad id": (
        '[[tenants]]\nid = "Acme Retail"',
        f"fleet.toml: tenants[0].id: 'Acme Retail' cannot be an id; {ID_REMEDY} [registry.id.invalid]",
    ),
    "role": (
        DEVICE + 'role = "plyer"',
        "fleet.toml: devices[0].role: 'plyer' is no word known here; did you mean 'player'? [registry.choice.unknown]",
    ),
    "name": (
        DEVICE + 'name = "a\\u001b[31mb"',
        (
            r"fleet.toml: devices[0].name: 'a\x1b[31mb' has characters that cannot be shown; "
            "remove them [registry.name.unprintable]"
        ),
    ),
    "not a list": (
        "[devices]\nid = 1",
        "fleet.toml: devices: {'id': 1} is no list; write it as [ … ] [registry.value.type]",
    ),
    "not a table": ("devices = [1]", "fleet.toml: devices[0]: 1 is no table; write it as { … } [registry.value.type]"),
    "address": (
        PLATFORM + 'check = {url = "portal.example.com"}',
        (
            "fleet.toml: platforms[0].check.url: 'portal.example.com' is no address; "
            "write https://host/path [registry.url.invalid]"
        ),
    ),
    "check without address": (
        PLATFORM + "check = {failures = 2}",
        (
            "fleet.toml: platforms[0].check: has neither url nor votes; "
            'add url = "https://…", or votes = {points = […]} [registry.key.missing]'
        ),
    ),
    "no time to answer": (
        PLATFORM + 'check = {url = "http://portal/", timeout_s = 0}',
        "fleet.toml: platforms[0].check.timeout_s: 0 is too short; write at least 0.1 seconds [registry.value.range]",
    ),
    "calendar's own complaint": (
        '[[calendars]]\ntenant = "acme"\nid = "shop"\ntimezone = "Europe/Madird"',
        (
            "fleet.toml: calendars[0].timezone: 'Europe/Madird' is no IANA time zone; "
            "use an IANA name such as 'Europe/Madrid' [calendar.timezone.unknown]"
        ),
    ),
    "calendar's name": (
        '[[calendars]]\ntenant = "acme"\nid = "always"\ntimezone = "Europe/Madrid"',
        "fleet.toml: calendars[0]: 'always' means around the clock; choose another id [registry.id.taken]",
    ),
    "emission of a platform": (
        PLATFORM + 'emission = "shop"',
        (
            "fleet.toml: platforms[0].emission: unknown key; "
            "use one of: active_from, active_until, check, contract, id, name, tenant [registry.key.unknown]"
        ),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_one_finding_with_file_key_and_remedy(case: str) -> None:
    text, finding = BAD[case]
    assert findings(text) == [finding]


def test_one_run_shows_every_mistake_of_a_file() -> None:
    text = '[[tenants]]\nid = "A"\n[[sites]]\ntenant = "acme"\n' + OUTPUT + "active_from = 2026-01-01"
    assert [line.split(": ")[1] for line in findings(text)] == [
        "tenants[0].id",
        "sites[0].id",
        "devices[0].outputs[0].active_from",
    ]


def test_what_is_no_toml_at_all_is_said_with_its_line() -> None:
    (finding,) = findings("[[devices]\n")
    assert "fleet.toml" in finding
    assert "line 1" in finding
