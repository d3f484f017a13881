"""The Xibo probe, against a library and a web server as the Windows player's own code makes them.

The shapes are those of github.com/xibosignage/xibo-dotnetclient: `Log/ClientInfo.cs` (UpdateStatusMarkerFile),
`Control/InfoController.cs` and `Control/EmbeddedServer.cs`.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from agent.probes.base import Around, Reading
from agent.probes.xibo import XiboOptions, XiboProbe, read_status, xibo_complaints
from agent.watch import Watch
from common.clock import Clock, ManualClock, SystemClock
from tests.fixtures.receiver import Answer, Receiver
from tests.fixtures.scripted import Script, babble, say_nothing, serving
from tests.fixtures.waiting import LOOPBACK, free_port

INFO = {"hardwareKey": "5f2a", "displayName": "Lobby", "timeZone": "Europe/Madrid", "latitude": None, "longitude": None}


def status(activity: str = "14/03/2026 9:15:02", cms: str = "14/03/2026 9:10:00", state: str = "Running") -> str:
    told = {"lastActivity": activity, "state": state, "xmdsLastActivity": cms, "xmdsCollectInterval": "300"}
    return json.dumps(told, indent=2)


class Library:
    """The player's library: status.json, written when the test says so."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.file = folder / "status.json"
        self._clock = clock
        self._rounds = 0

    def write(self, text: str) -> None:
        """Write the file at the clock's time."""
        self.file.write_text(text, encoding="utf-8")
        os.utime(self.file, ns=(0, self._clock.wall_ms() * 1_000_000))

    def round(self, cms: str = "14/03/2026 9:10:00") -> None:
        """One round of the schedule manager, ten seconds after the last."""
        self._clock.advance(10_000)
        self._rounds += 1
        self.write(status(f"14/03/2026 9:{self._rounds // 6:02}:{self._rounds % 6 * 10:02}", cms))


@pytest.fixture
def library(tmp_path: Path, clock: ManualClock) -> Library:
    return Library(tmp_path, clock)


def probe_of(clock: Clock, **options: str) -> XiboProbe:
    return XiboProbe(XiboOptions(**options), Around("main", clock))  # type: ignore[arg-type]


@pytest.fixture
def probe(library: Library, clock: ManualClock) -> XiboProbe:
    return probe_of(clock, status_file=str(library.file))


# --- status.json ------------------------------------------------------------------------------------------------------


async def test_a_player_that_goes_on_reporting_is_playing(library: Library, probe: XiboProbe) -> None:
    library.round()
    assert (await probe.read()).state == "unknown"
    for _ in range(20):
        library.round()
        assert await probe.read() == Reading("playing", None, "the player reports")


async def test_a_player_that_stops_reporting_is_frozen_and_playing_when_it_goes_on(
    library: Library, probe: XiboProbe, clock: ManualClock
) -> None:
    for _ in range(2):
        library.round()
        await probe.read()
    clock.advance(60_000)
    assert (await probe.read()).state == "playing"
    clock.advance(1_000)
    assert await probe.read() == Reading("frozen", None, "the player has not reported for 61 s")
    library.round()
    assert (await probe.read()).state == "playing"


async def test_a_file_that_is_old_at_the_first_look_is_frozen_at_once(
    library: Library, probe: XiboProbe, clock: ManualClock
) -> None:
    library.write(status())
    clock.advance(3_600_000)
    assert await probe.read() == Reading("frozen", None, "the player has not reported for 3600 s")


async def test_a_file_from_the_future_is_taken_for_new(library: Library, probe: XiboProbe, clock: ManualClock) -> None:
    library.write(status())
    os.utime(library.file, ns=(0, (clock.wall_ms() + 86_400_000) * 1_000_000))
    assert (await probe.read()).state == "unknown"
    clock.advance(61_000)
    assert (await probe.read()).state == "frozen"


async def test_a_file_that_is_just_being_written_is_no_news(library: Library, probe: XiboProbe) -> None:
    for _ in range(2):
        library.round()
        await probe.read()
    library.write("")
    assert (await probe.read()).state == "playing"
    library.write(status()[:40])
    assert (await probe.read()).state == "playing"


async def test_a_cms_that_is_not_reached_is_told_and_is_no_fault_of_the_screen(
    library: Library, probe: XiboProbe
) -> None:
    for _ in range(200):
        library.round()
        reading = await probe.read()
    assert reading == Reading("playing", None, "the player reports; has not reached its CMS for 1990 s")
    library.round(cms="14/03/2026 9:59:00")
    assert (await probe.read()).detail == "the player reports"


async def test_a_main_thread_that_has_stopped_is_stopped(library: Library, probe: XiboProbe) -> None:
    library.write(status(state="Stopped"))
    assert (await probe.read()).state == "stopped"


async def test_a_file_that_is_missing_says_nothing(library: Library, probe: XiboProbe) -> None:
    reading = await probe.read()
    assert (reading.state, str(library.file) in (reading.detail or "")) == ("unknown", True)


async def test_a_file_that_never_says_anything_is_unknown(library: Library, probe: XiboProbe) -> None:
    library.write("[]")
    assert (await probe.read()).detail == "status.json says nothing that can be read"


def test_a_byte_order_mark_and_an_odd_interval_do_no_harm() -> None:
    read = read_status(b"\xef\xbb\xbf" + status().replace('"300"', '"soon"').encode())
    assert read is not None
    assert (read.last_activity, read.collect_interval_s) == ("14/03/2026 9:15:02", 0)


@pytest.mark.parametrize(
    ("options", "complaints"),
    [
        ({"status_file": "status.json"}, []),
        ({"url": "http://localhost:9696/"}, []),
        ({}, [("agent.xibo_source", "status_file")]),
        ({"url": "localhost:9696"}, [("agent.xibo_url", "url")]),
    ],
)
def test_a_table_that_cannot_work_is_refused(options: dict[str, str], complaints: list[tuple[str, str]]) -> None:
    assert [(one.id, one.key) for one in xibo_complaints(XiboOptions(**options))] == complaints  # type: ignore[arg-type]


# --- the embedded web server ------------------------------------------------------------------------------------------


async def test_the_web_server_tells_of_status_and_display(receiver: Receiver, clock: ManualClock) -> None:
    rounds = iter(range(60))
    said = {"/info": lambda: json.dumps(INFO), "/status.json": lambda: status(f"9:15:{next(rounds):02}")}
    receiver.answer = lambda request: Answer(200, said[request.path]())
    probe = probe_of(clock, url=receiver.url)
    assert (await probe.read()).state == "unknown"
    assert await probe.read() == Reading("playing", None, "Lobby reports")


async def test_a_status_that_stands_is_frozen_although_the_web_server_answers(
    receiver: Receiver, clock: ManualClock
) -> None:
    receiver.answer = lambda request: Answer(200, json.dumps(INFO) if request.path == "/info" else status())
    probe = probe_of(clock, url=receiver.url)
    await probe.read()
    clock.advance(61_000)
    assert (await probe.read()).state == "frozen"


async def test_a_library_that_is_not_shown_is_named_and_the_file_helps(
    receiver: Receiver, library: Library, clock: ManualClock
) -> None:
    receiver.answer = lambda request: Answer(200, json.dumps(INFO)) if request.path == "/info" else Answer(403)
    reading = await probe_of(clock, url=receiver.url).read()
    assert (reading.state, "set status_file" in (reading.detail or "")) == ("unknown", True)
    both = probe_of(clock, url=receiver.url, status_file=str(library.file))
    for _ in range(2):
        library.round()
        reading = await both.read()
    assert reading == Reading("playing", None, "Lobby reports")


async def test_a_web_server_that_is_not_there_is_a_player_that_is_not_running(
    library: Library, clock: ManualClock
) -> None:
    library.round()
    probe = probe_of(clock, url=f"http://{LOOPBACK}:{free_port()}", status_file=str(library.file))
    assert (await probe.read()).state == "stopped"


@pytest.mark.parametrize(("script", "state"), [(babble, "unknown"), (say_nothing, "frozen")])
async def test_one_who_babbles_is_not_believed_and_one_who_is_silent_hangs(script: Script, state: str) -> None:
    async with serving(script) as server:
        probe = probe_of(SystemClock(), url=server.url)
        watch = Watch("main", probe, 5, 0.5, SystemClock(), lambda *_: None, asyncio.Event())
        assert (await watch.ask()).state == state


@pytest.mark.parametrize("answer", [Answer(404), Answer(200, "<html>"), Answer(200, "[]"), Answer(200, "{}")])
async def test_another_web_server_is_not_xibos(receiver: Receiver, clock: ManualClock, answer: Answer) -> None:
    receiver.answer = lambda _: answer
    reading = await probe_of(clock, url=receiver.url).read()
    assert (reading.state, "is not Xibo's" in (reading.detail or "")) == ("unknown", True)


async def test_a_library_on_a_share_that_hangs_is_unknown_and_is_asked_no_second_time(
    tmp_path: Path, clock: ManualClock
) -> None:
    share = tmp_path / "status.json"
    os.mkfifo(share)  # opening it waits for a writer, as a dead share waits for its server
    probe = probe_of(clock, status_file=str(share))
    watch = Watch("main", probe, 5, 0.3, SystemClock(), lambda *_: None, asyncio.Event())
    first, second = await watch.ask(), await watch.ask()
    assert (first.state, second.state) == ("unknown", "unknown")
    assert f"reading {share} hangs" in (first.detail or "")
    assert "has not come back" in (second.detail or "")
    os.close(os.open(share, os.O_RDWR | os.O_NONBLOCK))  # lets the thread go
