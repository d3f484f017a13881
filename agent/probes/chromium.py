"""Asks a Chromium kiosk through its DevTools protocol whether its page lives, is drawn, and its films move.

docs/probes/chromium.md has the fields and results. It serves whatever is built on Chromium and opens that port: a kiosk
browser, Electron, QtWebEngine. Measured with Chromium 156.

Deliberately absent: whether light leaves the screen, whether what is drawn is black (the probe for pictures sees that),
and what happens inside frames of foreign origin, which run in processes of their own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec

from agent.hardware import ROOT
from agent.httpclient import HttpError, parse_url
from agent.probes.base import Around, Complaint, Reading, RemedyError, tidy
from agent.probes.chromium_page import (
    UNKNOWN_MOVEMENT,
    Movement,
    Page,
    Thrown,
    first,
    is_error_page,
    judge,
    with_exceptions,
)
from agent.probes.chromium_process import browsers, why_closed
from agent.probes.chromium_tab import DevToolsError, NoPageError, Tab, TabClosedError, find
from agent.probes.web import url_complaints
from agent.threads import Lane, LaneBusyError
from agent.websocket import WebSocketError
from common.config import Section

LOOKS: Final = 7  # a reading looks so often for movement …
LOOK_S: Final = 0.25  # … with this pause
EXCEPTIONS_EVERY_MS: Final = 60_000  # counting them makes the browser tell all that it remembers
RELOAD_S: Final = 3.0  # for an answer to first aid
_PULSE_S: Final = 0.3
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_UNREACHED: Final = Reading("unknown", None, "no connection to Chromium within the deadline")
_HUNG: Final = Reading("frozen", None, "Chromium accepts the connection but does not answer")
_CRASHED: Final = Reading("error", None, "the page has crashed (its renderer ended)")


class ChromiumOptions(Section, frozen=True):
    """The table `[outputs.chromium]`."""

    url: Annotated[str, msgspec.Meta(min_length=1)] = "http://127.0.0.1:9222/"
    page: str = ""
    hung_after_s: Annotated[float, msgspec.Meta(ge=0.5, le=3600)] = 3.0
    frozen_after_s: Annotated[float, msgspec.Meta(ge=0.5, le=3600)] = 3.0
    videos: bool = True
    exceptions_are_errors: bool = False


def chromium_complaints(options: ChromiumOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    yield from url_complaints("agent.chromium_url", "url", options.url)
    if options.url.startswith("https:"):
        yield Complaint("agent.chromium_url", "url", "is https, which Chromium's port does not speak", "write http://")
    try:
        re.compile(options.page)
    except re.error as error:
        yield Complaint("agent.chromium_page", "page", f"is no regular expression: {error}", "mend it, or leave it out")


class ChromiumProbe:
    """The probe named `chromium`."""

    def __init__(self, options: ChromiumOptions, around: Around, root: Path = ROOT) -> None:
        """`root`: where /proc is, in which is looked for a browser that has not opened its port."""
        self.silence = _UNREACHED
        self._root = root
        self._lane = Lane(f"chromium-{around.output}")
        self._reached = False  # once at least: then a port that nobody opens is a browser that has gone
        self._options = options
        self._around = around
        self._url = options.url.rstrip("/") + "/"
        self._tab: Tab | None = None
        self._movement: Movement | None = None
        self._thrown = Thrown()
        self._counted_ms: int | None = None

    async def read(self) -> Reading:
        """Ask once; more than once where movement needs another look."""
        reading = await self._asked()
        films = self._movement.traces.values() if self._movement and self._options.videos else ()
        film_plays = reading.state == "playing" and any(film.moved for film in films)
        self._around.expectation.moving = True if film_plays else None  # a page without films may well stand
        return reading

    async def _asked(self) -> Reading:
        self.silence = _UNREACHED
        try:
            tab = await self._connected()
            return _CRASHED if tab.crashed else await self._look(tab)
        except ConnectionRefusedError:
            return await self._refused()
        except NoPageError as error:
            return Reading("stopped", None, tidy(str(error)))
        except TabClosedError as error:
            return _CRASHED if self._crashed else Reading("stopped", None, tidy(f"the page was closed: {error}"))
        except (DevToolsError, WebSocketError, HttpError, OSError) as error:
            await self.close()
            return Reading("unknown", None, tidy(f"{self._url}: {error}"))

    async def _refused(self) -> Reading:
        """Nobody listens. A browser that never opened its port cannot be asked, and is not called dead for that."""
        nobody = f"nobody listens on {self._url}"
        origin = parse_url(self._url)
        local = origin.host in _LOOPBACK
        try:
            closed = await self._lane.call(lambda: why_closed(browsers(self._root), origin.port)) if local else None
        except (LaneBusyError, OSError) as error:
            return Reading("stopped", None, tidy(f"{nobody} (the process table cannot be read: {error})"))
        if closed is None:
            none = "Chromium is not running: no process of it, and " if local else ""
            return Reading("stopped", None, tidy(none + nobody))
        if self._reached or not closed.maybe_ours:
            return Reading("stopped", None, tidy(f"the browser that was watched is gone: {nobody}. {closed.why}"))
        return Reading("unknown", None, tidy(f"{closed.why} ({nobody})"))

    async def remedy(self) -> str:
        """First aid: load the page again, over the connection that is there: a new one reaches no page that hangs."""
        try:
            target = await find(self._url, self._options.page, lambda: None)
            known = self._tab if self._tab is not None and not self._tab.closed else None
            tab = known if known and known.target.id == target.id else await Tab.open(self._url, target, lambda: None)
            try:
                await tab.show(target.url, RELOAD_S)
            finally:
                if tab is not self._tab:
                    await tab.close()
        except (NoPageError, TabClosedError, DevToolsError, WebSocketError, HttpError, OSError) as error:
            raise RemedyError(f"{self._url}: {error}") from None
        return "the page is loaded again"

    async def close(self) -> None:
        """Let go of the page."""
        if self._tab is not None:
            await self._tab.close()
        self._tab = None

    @property
    def _crashed(self) -> bool:
        return self._tab is not None and self._tab.crashed and not self._tab.closed

    async def _connected(self) -> Tab:
        if self._tab is None or self._tab.closed:
            self._movement, self._tab = None, None
            target = await find(self._url, self._options.page, self._connecting)
            self._tab = await Tab.open(self._url, target, self._around.wake)
        self.silence = _HUNG
        return self._tab

    def _connecting(self) -> None:
        self.silence, self._reached = _HUNG, True

    async def _look(self, tab: Tab) -> Reading:
        reading = await self._next_look(tab)
        for _ in range(LOOKS):
            if reading is not UNKNOWN_MOVEMENT:
                break
            self.silence = UNKNOWN_MOVEMENT  # from now on it is we who wait
            await asyncio.sleep(LOOK_S)
            reading = await self._next_look(tab)
        return with_exceptions(reading, self._thrown)

    async def _next_look(self, tab: Tab) -> Reading:
        try:
            async with asyncio.timeout(self._options.hung_after_s):
                page = await self._see(tab)
        except TimeoutError:
            return await self._hung(tab)
        if self._strayed(page):
            await self.close()  # the next reading looks which page fits now
            return Reading("stopped", None, tidy(f"the page has gone to {page.href}"))
        if not page.visible:
            await self.close()  # and another page may be in front
        thrown = self._thrown if self._options.exceptions_are_errors else None
        movement = self._movement or first(page)
        return judge(movement, thrown, self._options.frozen_after_s, videos=self._options.videos)

    async def _see(self, tab: Tab) -> Page:
        try:
            fresh, page = await tab.look()
        except DevToolsError:  # a document that went away under our eyes; its successor is another matter
            await asyncio.sleep(LOOK_S)
            fresh, page = await tab.look()
        now_ms = self._around.clock.mono_ms()
        page = msgspec.structs.replace(page, at_ms=now_ms)
        if is_error_page(page):
            page = msgspec.structs.replace(page, address=await tab.address())
        if page.framed:
            page = msgspec.structs.replace(page, unreached=await tab.unreached())
        if fresh or self._movement is None:
            self._movement, self._counted_ms, self._thrown = first(page), None, Thrown()
        else:
            self._movement = self._movement.after(page)
        every_ms = 0 if self._options.exceptions_are_errors else EXCEPTIONS_EVERY_MS
        if self._counted_ms is None or now_ms - self._counted_ms >= every_ms:
            self._thrown, self._counted_ms = await tab.thrown(), now_ms
        return page

    async def _hung(self, tab: Tab) -> Reading:
        if not await tab.browser_answers(_PULSE_S):
            return _HUNG
        where = self._movement.page.href if self._movement is not None else tab.target.url
        after_s = self._options.hung_after_s
        return Reading("frozen", None, tidy(f"the page does not answer for {after_s:g} s: {where}"))

    def _strayed(self, page: Page) -> bool:
        return not is_error_page(page) and re.search(self._options.page, page.href) is None
