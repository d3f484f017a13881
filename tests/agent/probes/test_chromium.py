"""The Chromium probe against a real Chromium, and against strangers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from agent.probes.base import Around, Reading, RemedyError
from agent.probes.chromium import ChromiumOptions, ChromiumProbe, chromium_complaints
from agent.probes.chromium_tab import SETTLE_S, Tab, Target, find
from agent.watch import Watch
from common.clock import SystemClock
from tests.agent.probes.kiosk import Kiosk, make_site
from tests.fixtures.processes import Process, Processes
from tests.fixtures.receiver import Answer, Receiver
from tests.fixtures.scripted import Script, babble, say_nothing, serving
from tests.fixtures.waiting import LOOPBACK, PATIENCE_S, free_port, until

CRASHED = Reading("error", None, "the page has crashed (its renderer ended)")
HUNG = Reading("frozen", None, "Chromium accepts the connection but does not answer")


def watching(probe: ChromiumProbe, timeout_s: float = 8) -> Watch:
    return Watch("main", probe, 5, timeout_s, SystemClock(), lambda *_: None, asyncio.Event())


def probe_of(url: str, **options: object) -> ChromiumProbe:
    return ChromiumProbe(ChromiumOptions(url=url, **options), Around("main", SystemClock()))  # type: ignore[arg-type]


# --- the configuration, and who else may answer -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaints"),
    [
        (ChromiumOptions(), []),
        (ChromiumOptions(page="player|menu"), []),
        (ChromiumOptions(page="("), [("agent.chromium_page", "page")]),
        (ChromiumOptions(url="127.0.0.1:9222"), [("agent.chromium_url", "url")]),
        (ChromiumOptions(url="https://127.0.0.1:9222/"), [("agent.chromium_url", "url")]),
    ],
)
def test_a_table_that_cannot_work_is_refused(options: ChromiumOptions, complaints: list[tuple[str, str]]) -> None:
    assert [(one.id, one.key) for one in chromium_complaints(options)] == complaints


async def test_nobody_there_is_stopped(tmp_path: Path) -> None:
    options = ChromiumOptions(url=f"http://{LOOPBACK}:{free_port()}")
    assert (await ChromiumProbe(options, Around("main", SystemClock()), tmp_path).read()).state == "stopped"


@pytest.mark.parametrize(("script", "timeout_s", "state"), [(babble, 60, "unknown"), (say_nothing, 1, "frozen")])
async def test_one_who_babbles_is_not_believed_and_one_who_is_silent_hangs(
    script: Script, timeout_s: float, state: str
) -> None:
    async with serving(script) as server:
        assert (await watching(probe_of(server.url), timeout_s).ask()).state == state


@pytest.mark.parametrize(
    ("answer", "state", "detail"),
    [
        (Answer(404), "unknown", "HTTP 404: whoever listens is not Chromium"),
        (Answer(200, "<html>"), "unknown", "no list of pages"),
        (Answer(200, "{}"), "unknown", "no list of pages"),
        (Answer(200, "[]"), "stopped", "no page is open"),
        (Answer(200, '[{"id": "a", "type": "service_worker", "url": "x"}]'), "stopped", "no page is open"),
        (Answer(200, '[{"id": "a", "type": "page", "url": "http://other/"}]'), "stopped", "no page fits 'menu'"),
        (Answer(200, '[{"id": "a", "type": "page", "url": "http://menu/"}]'), "unknown", "instead of a WebSocket"),
    ],
)
async def test_an_answer_without_the_page_is_told(receiver: Receiver, answer: Answer, state: str, detail: str) -> None:
    receiver.answer = lambda _: answer
    reading = await probe_of(receiver.url, page="menu").read()
    assert (reading.state, detail in (reading.detail or "")) == (state, True)


# --- a real Chromium --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Iterator[Kiosk]:
    """A Chromium for all the tests that leave it alive."""
    runner = Processes(tmp_path_factory.mktemp("chromium"))
    kiosk = Kiosk(runner, site)
    kiosk.start()
    yield kiosk
    runner.end()


@pytest.fixture
async def tab(shared: Kiosk) -> AsyncIterator[Tab]:
    """The hand of the person at the kiosk: a session of its own, beside the probe's."""
    target = await new_page(shared)
    tab = await Tab.open(shared.url, target, lambda: None)
    yield tab
    await tab.close()
    await ask(shared, "GET", f"json/close/{target.id}")


async def ask(kiosk: Kiosk, method: str, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.request(method, kiosk.url + path) as answer:
        return await answer.text()


async def new_page(kiosk: Kiosk) -> Target:
    return Target(json.loads(await ask(kiosk, "PUT", "json/new?about:blank"))["id"])


@pytest.fixture
async def probe(shared: Kiosk, tab: Tab) -> AsyncIterator[ChromiumProbe]:
    """A probe of the page that is in front, which is the newest."""
    probe = shared.probe(hung_after_s=60)  # a slow machine's page does not hang
    yield probe
    await probe.close()


async def reads(probe: ChromiumProbe, state: str) -> Reading:
    async def right() -> Reading | None:
        reading = await probe.read()
        return reading if reading.state == state else None

    found = await until(right, f"the page is seen {state}")
    assert found is not None
    return found


async def stays(probe: ChromiumProbe, state: str, looks: int = 4) -> None:
    for _ in range(looks):
        await asyncio.sleep(0.1)
        assert (await probe.read()).state == state


@pytest.mark.system
@pytest.mark.parametrize(
    "page",
    [
        *("playing", "short", "still", "picture", "backdrop", "animated", "canvas", "double", "hidden-film", "slides"),
        *("logo", "untouchable", "zoomed", "frame", "frame-aside"),
    ],
)
async def test_healthy_pages_are_playing(shared: Kiosk, tab: Tab, probe: ChromiumProbe, page: str) -> None:
    await shared.go(tab, page)
    await reads(probe, "playing")
    await stays(probe, "playing")


@pytest.mark.system
async def test_other_probes_are_told_that_the_picture_is_meant_to_move_while_a_film_plays(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe
) -> None:
    async def expects(moving: bool | None) -> bool:
        return (await probe.read()).state == "playing" and probe._around.expectation.moving is moving

    await shared.go(tab, "playing")
    await until(lambda: expects(True), "a film is meant to move")
    await shared.go(tab, "still")
    await until(lambda: expects(None), "a page without films may stand")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", ["playing", "short", "still", "animated", "canvas", "double", "throws"])
async def test_many_looks_at_a_healthy_page_raise_no_alarm(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe, page: str
) -> None:
    await shared.go(tab, page)
    await reads(probe, "playing")
    await stays(probe, "playing", looks=300)


@pytest.mark.system
@pytest.mark.parametrize(
    ("page", "state", "detail"),
    [
        ("paused", "stopped", "paused at 0.0 s"),
        ("ended", "stopped", "the film has ended"),
        ("shadow", "stopped", "paused at 0.0 s"),
        ("framed", "stopped", "paused at 0.0 s"),
        ("behind", "stopped", "paused at 0.0 s"),
        ("curtain", "black", "there is nothing to be seen on"),
        ("clipped", "black", "there is nothing to be seen on"),
        ("tiny", "black", "there is nothing to be seen on"),
        ("frame-missing", "error", "an error page in its frame instead of file://"),
        ("missing", "error", "nowhere.webm"),
        ("sources", "error", "nowhere.webm"),
        ("broken", "error", "broken.webm"),
        ("empty", "black", "there is nothing to be seen on"),
        ("about:blank", "idle", "nothing is loaded: about:blank"),
        ("file:///nowhere/menu.html", "error", "ERR_FILE_NOT_FOUND instead of file:///nowhere/menu.html"),
        ("http://signage.invalid/", "error", "instead of http://signage.invalid/"),
    ],
)
async def test_pages_that_show_nothing_say_why(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe, page: str, state: str, detail: str
) -> None:
    await shared.go(tab, page)
    reading = await reads(probe, state)
    assert detail in (reading.detail or "")
    await stays(probe, state, looks=2)


@pytest.mark.system
async def test_an_error_of_the_web_server_is_an_error(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe, receiver: Receiver
) -> None:
    receiver.answer = lambda _: Answer(503, "<h1>Back soon</h1>", {"Content-Type": "text/html"})
    await shared.go(tab, receiver.url)
    assert "HTTP 503 from" in ((await reads(probe, "error")).detail or "")
    receiver.answer = lambda _: Answer(200, "<h1>Menu</h1>", {"Content-Type": "text/html"})
    await shared.go(tab, receiver.url)
    await reads(probe, "playing")


@pytest.mark.system
async def test_what_a_page_throws_is_told_and_is_an_error_where_that_is_wanted(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe
) -> None:
    await shared.go(tab, "throws")
    reading = await reads(probe, "playing")
    assert "an uncaught exception: Error: boom (throws.html:1)" in (reading.detail or "")
    strict = shared.probe(exceptions_are_errors=True)
    assert (await strict.read()).state == "error"
    await shared.go(tab, "still")
    await reads(strict, "playing")
    await strict.close()


@pytest.mark.system
async def test_a_film_that_somebody_pauses_is_stopped_and_goes_on(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe
) -> None:
    await shared.go(tab, "playing")
    await reads(probe, "playing")
    for command, state in (("pause", "stopped"), ("play", "playing")):
        expression = f"void document.querySelector('video').{command}()"
        await tab._call("Runtime.evaluate", {"expression": expression})
        await reads(probe, state)


@pytest.mark.system
async def test_one_connection_is_used_again_and_leaves_nothing_in_the_page(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe
) -> None:
    before = "Object.getOwnPropertyNames(self).length"
    await shared.go(tab, "still")
    count = await tab._call("Runtime.evaluate", {"expression": before})
    await reads(probe, "playing")
    connection = probe._tab
    await shared.go(tab, "animated")
    await shared.go(tab, "still")
    await stays(probe, "playing")
    assert probe._tab is connection
    assert await tab._call("Runtime.evaluate", {"expression": before}) == count


@pytest.mark.system
async def test_the_kiosks_page_is_found_by_its_address_and_missed_when_it_goes_elsewhere(
    shared: Kiosk, tab: Tab
) -> None:
    await shared.go(tab, "still")
    probe = shared.probe(page=r"still\.html$")
    await reads(probe, "playing")
    await shared.go(tab, "picture")
    assert "has gone to" in ((await reads(probe, "stopped")).detail or "")
    assert "no page fits" in ((await probe.read()).detail or "")
    await shared.go(tab, "still")
    await reads(probe, "playing")
    await probe.close()


@pytest.mark.system
async def test_a_page_behind_another_is_stopped_and_the_one_in_front_is_judged_where_any_will_do(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe
) -> None:
    await shared.go(tab, "animated")
    await reads(probe, "playing")
    named = shared.probe(page=r"animated\.html$")
    popup = await new_page(shared)
    assert "is in the background" in ((await reads(named, "stopped")).detail or "")
    await reads(probe, "idle")  # the popup is empty
    await ask(shared, "GET", f"json/close/{popup.id}")
    await reads(named, "playing")
    await reads(probe, "playing")
    await named.close()


@pytest.mark.system
async def test_a_tab_that_is_closed_is_told_at_once(shared: Kiosk, tab: Tab) -> None:
    await shared.go(tab, "animated")
    woken = asyncio.Event()
    options = ChromiumOptions(url=shared.url, page="animated")
    probe = ChromiumProbe(options, Around("main", SystemClock(), woken.set))
    await reads(probe, "playing")
    await ask(shared, "GET", f"json/close/{tab.target.id}")
    await asyncio.wait_for(woken.wait(), PATIENCE_S)
    assert (await reads(probe, "stopped")).detail is not None


@pytest.mark.system
async def test_what_happens_to_a_page_makes_the_agent_look(shared: Kiosk, tab: Tab) -> None:
    woken = asyncio.Event()
    options = ChromiumOptions(url=shared.url)
    probe = ChromiumProbe(options, Around("main", SystemClock(), woken.set))
    await shared.go(tab, "playing")
    await reads(probe, "playing")
    await until(quiet(woken), "the film plays and nothing is told")
    await tab._call("Runtime.evaluate", {"expression": "void document.querySelector('video').pause()"})
    await asyncio.wait_for(woken.wait(), 30)
    await until(quiet(woken), "a pause is told once")
    await shared.go(tab, "file:///nowhere/menu.html")
    await asyncio.wait_for(woken.wait(), 30)
    await until(quiet(woken), "an error page is told once")
    await tab._call("Page.reload", {})
    await asyncio.wait_for(woken.wait(), 30)
    await probe.close()


def quiet(woken: asyncio.Event) -> Callable[[], Awaitable[bool]]:
    """For twice as long as an event may take to be told."""

    async def is_quiet() -> bool:
        woken.clear()
        await asyncio.sleep(2 * SETTLE_S)
        return not woken.is_set()

    return is_quiet


# --- what a Chromium does not survive ---------------------------------------------------------------------------------


@pytest.fixture
def kiosk(processes: Processes, site: Path) -> Kiosk:
    """A Chromium of the test's own, not yet started."""
    return Kiosk(processes, site)


def kill_renderers(browser: Process) -> None:
    """What the kernel does when memory runs out."""
    for child in psutil.Process(browser.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "--type=renderer" in child.cmdline():
                child.kill()


@pytest.mark.system
async def test_a_page_that_hangs_is_frozen_and_one_that_crashes_is_an_error_at_once(kiosk: Kiosk) -> None:
    browser = kiosk.start("hangs")
    woken = asyncio.Event()
    options = ChromiumOptions(url=kiosk.url, hung_after_s=1.0)
    probe = ChromiumProbe(options, Around("main", SystemClock(), woken.set))

    async def the_page_hangs() -> bool:  # and not the browser, of which a slow machine makes one believe it
        reading = await probe.read()
        return reading.state == "frozen" and "the page does not answer for 1 s" in (reading.detail or "")

    await until(the_page_hangs, "the page is seen to hang")
    await until(the_page_hangs, "it is seen to hang however long it does")
    woken.clear()
    kill_renderers(browser)
    await asyncio.wait_for(woken.wait(), PATIENCE_S)
    assert await reads(probe, "error") == CRASHED
    late = kiosk.probe()
    assert await reads(late, "error") == CRASHED  # also for one who comes later
    hand = await Tab.open(kiosk.url, await find(kiosk.url, "", lambda: None), lambda: None)
    await until(lambda: hand.crashed, "the crash is told to a newcomer")
    hand.crashed = False  # navigating is the one thing that a crashed page still does
    hand._send("Page.navigate", {"url": kiosk.address("still")})
    await reads(probe, "playing")
    await reads(late, "playing")
    for one in (hand, late, probe):
        await one.close()


@pytest.mark.system
async def test_first_aid_loads_a_crashed_page_again_and_says_where_there_is_no_browser(kiosk: Kiosk) -> None:
    browser = kiosk.start("playing")
    probe = kiosk.probe()
    await reads(probe, "playing")
    kill_renderers(browser)
    assert await reads(probe, "error") == CRASHED
    assert await probe.remedy() == "the page is loaded again"
    await reads(probe, "playing")
    browser.kill()
    with pytest.raises(RemedyError):
        await probe.remedy()
    await probe.close()


@pytest.mark.system
async def test_first_aid_loads_a_page_again_that_hangs(kiosk: Kiosk) -> None:
    kiosk.start("playing")
    probe = kiosk.probe(hung_after_s=1.0)
    await reads(probe, "playing")
    hand = await Tab.open(kiosk.url, await find(kiosk.url, "", lambda: None), lambda: None)
    await hand._call("Runtime.evaluate", {"expression": "void setTimeout(() => { for (;;) {} })"})
    await reads(probe, "frozen")
    assert await probe.remedy() == "the page is loaded again"
    await reads(probe, "playing")
    await hand.close()
    await probe.close()


@pytest.mark.system
async def test_a_page_that_crashes_itself_is_an_error_whatever_it_was_asked_just_then(
    shared: Kiosk, tab: Tab, probe: ChromiumProbe
) -> None:
    await shared.go(tab, "playing")
    await reads(probe, "playing")
    tab._send("Page.navigate", {"url": "chrome://crash"})
    assert await reads(probe, "error") == CRASHED


@pytest.mark.system
async def test_a_browser_that_hangs_is_frozen_one_that_is_killed_is_stopped_and_a_new_one_is_found(
    kiosk: Kiosk,
) -> None:
    process = kiosk.start("playing")
    probe = kiosk.probe(hung_after_s=1.0)
    await reads(probe, "playing")
    process.freeze()
    watch = watching(probe)
    assert await watch.ask() == HUNG
    assert await watching(kiosk.probe(), 2).ask() == HUNG  # also for one who comes later
    process.send(signal.SIGCONT)
    await reads(probe, "playing")
    process.kill()
    assert "nobody listens" in ((await reads(probe, "stopped")).detail or "") or "nobody listens" in (
        (await probe.read()).detail or ""
    )
    kiosk.start("playing")
    await reads(probe, "playing")
    await probe.close()
