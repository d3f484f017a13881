"""`signwatch window` and `signwatch ruling` as an operator meets them."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from collector.admin import AdminDesk, serve_admin, socket_path
from collector.decisions.model import Decisions
from collector.ledger.decisions_store import read_windows
from collector.ledger.ledger import Ledger
from collector.registry.backend import read_ledger
from collector.registry.model import Registry
from common.clock import ManualClock
from signwatch.cli import main
from tests.collector.decisions.samples import REGISTRY_TOML

LATER = ("--start", "2999-03-14T02:00:00+01:00", "--end", "2999-03-14T04:00:00+01:00")
PAST = ("--start", "2026-03-10T09:00:00Z", "--end", "2026-03-10T10:00:00Z")
WHY = ("--why", "new firmware", "--who", "ana")


@pytest.fixture
def path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A ledger with the registry of the samples."""
    file = tmp_path / "registry.toml"
    file.write_text(REGISTRY_TOML, encoding="utf-8")
    assert main(["registry", "apply", str(file), "--ledger", str(tmp_path / "ledger.db"), "--yes"]) == 0
    capsys.readouterr()
    return tmp_path / "ledger.db"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_window_is_announced_listed_and_cancelled(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "window", "add", "--subject", "site:bcn-01", *LATER, *WHY, "--ledger", path)
    assert (status, err) == (0, "")
    line, journal_line = out.splitlines()
    assert "    1  planned    2999-03-14T01:00:00.000Z to 2999-03-14T03:00:00.000Z  acme: site:bcn-01" in line
    assert re.search(r"\(new firmware\); announced [0-9-]{10}T[0-9:.]{12}Z by ana$", line)
    assert journal_line.startswith("the journal ends at ")
    assert run(capsys, "window", "list", "--ledger", path)[1] == f"{line}\n"

    status, out, _ = run(capsys, "window", "cancel", 1, "--why", "postponed", "--who", "bo", "--ledger", path)
    assert status == 0
    assert " by bo: postponed\n" in out
    assert run(capsys, "window", "list", "--ledger", path)[1:] == ("", "no window is announced\n")
    listed = json.loads(run(capsys, "window", "list", "--all", "--json", "--ledger", path)[1])
    assert (listed["id"], listed["cancelled_why"]) == (1, "postponed")


def test_an_announcement_cannot_be_back_dated(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["window", "add", "--subject", "*", *LATER, *WHY, "--announced-at", PAST[1], "--ledger", str(path)])
    assert caught.value.code == 2
    assert "unrecognized arguments: --announced-at" in capsys.readouterr().err
    status, _, err = run(capsys, "window", "add", "--subject", "*", *PAST, *WHY, "--ledger", path)
    assert status == 0
    assert "warning: window add: --start: begins at 2026-03-10T09:00:00.000Z, which is not after" in err


def test_a_ruling_is_made_and_listed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = ("ruling", "add", "--subject", "p1", *PAST, "--state", "off", "--cause", "power", *WHY)
    status, out, err = run(capsys, *made, "--ledger", path)
    assert (status, err) == (0, "")
    said = "    1  acme/p1/main  2026-03-10T09:00:00.000Z to 2026-03-10T10:00:00.000Z  state off, cause power"
    assert out.startswith(f"{said}  (new firmware); ruled ")
    for about in ((), ("--subject", "p1"), ("--subject", "acme/p1/main"), ("--tenant", "acme")):
        assert run(capsys, "ruling", "list", *about, "--ledger", path)[1].startswith(said)
    assert run(capsys, "ruling", "list", "--subject", "p2/left", "--ledger", path)[1:] == ("", "no ruling was made\n")
    assert json.loads(run(capsys, "ruling", "list", "--json", "--ledger", path)[1])["cause"] == "power"


def test_the_journal_names_what_was_decided(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "window", "add", "--subject", "*", *LATER, *WHY, "--ledger", path)
    run(capsys, "ruling", "add", "--subject", "p1", *PAST, "--cause", "power", *WHY, "--ledger", path)
    _, out, _ = run(capsys, "registry", "log", "--ledger", path, "--limit", 2)
    window, ruling = out.splitlines()
    assert "  ana  + window.planned acme/window-1" in window
    assert "  ana  + ruling   acme/p1/main/ruling-1" in ruling


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (("window", "add", "--subject", "p9", *LATER, *WHY), "window add: --subject: 'p9' is no player, device"),
        (
            ("window", "add", "--subject", "*", "--start", "tomorrow", "--end", "x", *WHY),
            "--start: 'tomorrow' is no ISO",
        ),
        (("ruling", "add", "--subject", "p1", *LATER, "--cause", "power", *WHY), "ruling add: --end: 2999-03-14T03"),
        (("window", "cancel", "4", *WHY), "window cancel: ID: there is no window 4"),
        (("window", "import", "missing.ics", "--subject", "*"), "missing.ics: no such file"),
        (("ruling", "add", "--subject", "p1", *PAST, "--cause", "power", "--why", "x", "--who", "\n"), "--who: is no"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], finding: str
) -> None:
    status, out, err = run(capsys, *arguments, "--ledger", path)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert finding in err
    assert read_ledger(path, read_windows) == []


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.db"
    status, _, err = run(capsys, "window", "add", "--subject", "*", *LATER, *WHY, "--ledger", missing)
    assert status == 1
    assert err == f"{missing}: no such ledger; check the path, or start the collector once [ledger.unusable]\n"
    assert list(tmp_path.iterdir()) == []


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:a@cal
DTSTART:29990310T020000
DTEND:29990310T030000
RRULE:FREQ=WEEKLY;COUNT=3
SUMMARY:Weekly work
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_is_imported_tried_first_and_imported_again(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = path.with_name("work.ics")
    file.write_text(CALENDAR, encoding="utf-8")
    common = ("--subject", "*", "--timezone", "Europe/Madrid", "--until", "2999-12-01T00:00:00Z", "--ledger", path)
    tried = run(capsys, "window", "import", file, *common, "--dry-run")
    assert tried[1].endswith("3 to announce, 0 cancelled, 0 announced before and unchanged\n")
    assert read_ledger(path, read_windows) == []
    assert run(capsys, "window", "import", file, *common)[1].endswith(
        "3 announced, 0 cancelled, 0 announced before and unchanged\n"
    )
    file.write_text(CALENDAR.replace("COUNT=3", "COUNT=2"), encoding="utf-8")
    assert run(capsys, "window", "import", file, *common)[1].endswith(
        "0 announced, 1 cancelled, 2 announced before and unchanged\n"
    )
    status, _, err = run(capsys, "window", "import", file, *common, "--timezone", "Madrid")
    assert status == 1
    assert (
        err
        == "--timezone: 'Madrid' is no IANA time zone; use an IANA name such as 'Europe/Madrid' [timezone.unknown]\n"
    )


async def test_a_running_collector_takes_decisions_over_and_dates_them_by_its_own_clock(path: Path) -> None:
    heard: list[Decisions] = []

    async def registry_changed(_registry: Registry) -> None:
        """Nothing to do."""

    async def decisions_changed(decisions: object) -> None:
        heard.append(decisions["acme"])  # type: ignore[index]

    ledger, clock = Ledger.open(path), ManualClock()
    desk = AdminDesk(ledger, clock, registry_changed, ["admira"], decisions_changed)
    server = await serve_admin(socket_path(path), desk)
    try:
        add = ["window", "add", "--subject", "kind:player", *LATER, *WHY, "--ledger", str(path)]
        assert await asyncio.to_thread(main, add) == 0
        assert [window.announced_at_ms for window in heard[-1].windows] == [clock.wall_ms()]
        rule = ["ruling", "add", "--subject", "p1", *PAST, "--cause", "power", *WHY, "--ledger", str(path)]
        assert await asyncio.to_thread(main, rule) == 1  # the collector's clock stands at 1 March
        clock.advance(10**9)
        assert await asyncio.to_thread(main, rule) == 0
        assert heard[-1].rulings["acme/p1/main"][0].at_ms == clock.wall_ms()
        assert len(heard) == 2
        newcomer = path.with_name("more.toml")
        newcomer.write_text('[[sites]]\ntenant = "acme"\nid = "bcn-02"\n', encoding="utf-8")
        assert await asyncio.to_thread(main, ["registry", "apply", str(newcomer), "--ledger", str(path), "--yes"]) == 0
        assert len(heard) == 3  # a site's window may cover others now
    finally:
        await server.close()
        ledger.close()
