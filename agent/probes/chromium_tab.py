"""One page of a Chromium, through the DevTools protocol: found over HTTP, then asked over a WebSocket that stays open.

Nothing is left enabled that costs the page anything: `Inspector` only tells of crashes, `Target` of what the browser
itself does, `Media` hands over a log that the browser keeps in any case. What they tell makes the agent look sooner and
is not believed by itself: where one is missing (older browsers), the next look tells. `Runtime` is enabled for a
moment when exceptions are counted, since while it is, each object that a page logs is kept alive; `Page` is not, since
where it is, a page's dialogs may wait for us. Both are measured facts of the protocol, with Chromium 156.

Requests are answered in order, and at most one look is on its way: a hung page fills no buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog

from agent.httpclient import Ask, get, parse_url
from agent.probes.chromium_page import Page, Thrown
from agent.probes.chromium_script import LOOK
from agent.websocket import WebSocket, WebSocketError
from common.tasks import cancel, spawn

log = structlog.get_logger(__name__)

_WORLD: Final = "signwatch"
_OK: Final = 200
_KINDS: Final = frozenset({"page", "webview"})  # a webview is what Electron embeds
_OWN: Final = ("devtools://", "chrome-extension://", "chrome-untrusted://")
_TURNS: Final = ("kPlay", "kPause", "kEnded", "kSeek")  # of Chromium's media log
SETTLE_S: Final = 0.3  # after an event: between two films, or two pages, there is nothing for a moment
_CONSOLE: Final = "console"  # the protocol's own name for what `Runtime` keeps alive


class DevToolsError(Exception):
    """The browser answers, but not with what was asked for."""


class NoPageError(Exception):
    """No page of the browser is the one that is looked for."""


class TabClosedError(Exception):
    """The connection has ended: the tab was closed, or the browser."""


class Target(msgspec.Struct, frozen=True):
    """One entry of `/json/list`."""

    id: str
    type: str = ""
    url: str = ""


async def find(url: str, pattern: str, connected: Callable[[], None]) -> Target:
    """Find the page whose address `pattern` (a regular expression) finds, else the first, which is the foremost.

    NoPageError where there is none; DevToolsError, HttpError, OSError where the browser cannot be asked.
    """
    answer = await get(url + "json/list", Ask(connected=connected))
    if answer.status != _OK:
        raise DevToolsError(f"HTTP {answer.status}: whoever listens is not Chromium")
    try:
        targets = msgspec.json.decode(answer.body, type=list[Target])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DevToolsError("the answer is no list of pages: whoever listens is not Chromium") from None
    pages = [target for target in targets if target.type in _KINDS and not target.url.startswith(_OWN)]
    if not pages:
        raise NoPageError("no page is open")
    for page in pages:
        if re.search(pattern, page.url):
            return page
    raise NoPageError(f"no page fits {pattern!r}; open is {', '.join(page.url for page in pages)}")


class Tab:
    """A connection to one page."""

    def __init__(self, target: Target, socket: WebSocket, wake: Callable[[], None]) -> None:
        self.target = target
        self.crashed = False
        self.closed = False
        self._frame = target.id  # of a page they are one
        self._socket = socket
        self._wake = wake
        self._last_id = 0
        self._asked: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        self._owed: asyncio.Future[dict[str, Any] | None] | None = None  # of a look that was given up
        self._pulse: asyncio.Future[dict[str, Any] | None] | None = None
        self._news: asyncio.TimerHandle | None = None
        self._shows = target.url
        self._nonsense: str | None = None
        self._thrown = Thrown()
        self._task = spawn(self._listen(), "chromium-tab")

    @classmethod
    async def open(cls, url: str, target: Target, wake: Callable[[], None]) -> Tab:
        """Connect to a page; OSError, WebSocketError as they come."""
        origin = parse_url(f"{url}devtools/page/{target.id}")
        tab = cls(target, await WebSocket.connect(origin), wake)
        tab._send("Inspector.enable", {})  # says at once whether it has crashed
        tab._send("Media.enable", {})
        tab._send("Target.setDiscoverTargets", {"discover": True})
        return tab

    async def look(self) -> tuple[bool, Page]:
        """Look at the page once; and whether it is a document that was not looked at before.

        DevToolsError, TabClosedError. Whoever gives up waiting finds the answer awaited by the next look.
        """
        world = await self._world()
        context = {"contextId": world.get("executionContextId"), "returnByValue": True}
        known = await self._evaluate("'signwatch' in self", context)
        said = await self._evaluate(LOOK, context)
        try:
            return known is not True, msgspec.json.decode(str(said), type=Page)
        except msgspec.DecodeError as error:
            raise DevToolsError(f"the page's answer is nonsense: {error}") from None

    async def _world(self) -> dict[str, Any]:
        """Enter our world of the document that is there now: the same for as long as that document lives."""
        try:
            return await self._call("Page.createIsolatedWorld", {"frameId": self._frame, "worldName": _WORLD})
        except DevToolsError:  # it has just gone elsewhere; a frame may have another id after that
            tree = await self._call("Page.getFrameTree", {})
            self._frame = str(tree.get("frameTree", {}).get("frame", {}).get("id", ""))
            return await self._call("Page.createIsolatedWorld", {"frameId": self._frame, "worldName": _WORLD})

    async def thrown(self) -> Thrown:
        """Count the uncaught exceptions that the browser remembers of this document (of its last 1000 messages)."""
        self._thrown = Thrown()
        await self._call("Runtime.enable", {})  # tells of all that it remembers before it answers
        await self._call("Runtime.disable", {})
        await self._call("Runtime.releaseObjectGroup", {"objectGroup": _CONSOLE})
        return self._thrown

    async def browser_answers(self, patience_s: float) -> bool:
        """Whether the browser itself, which is not the page's process, answers."""
        if self._pulse is None or self._pulse.done():
            self._pulse = self._send("Target.getTargetInfo", {})
        await asyncio.wait({self._pulse}, timeout=patience_s)
        return self._pulse.done() and not self.closed

    async def address(self) -> str:
        """What the browser was to show, whatever it shows."""
        info = await self._call("Target.getTargetInfo", {})
        return str(info.get("targetInfo", {}).get("url", ""))

    async def unreached(self) -> str:
        """The address that the browser could not load into a frame of this page; "": into all that it holds itself.

        Frames of foreign sites, which run in processes of their own, are not among them.
        """
        tree = await self._call("Page.getFrameTree", {})
        children = tree.get("frameTree", {}).get("childFrames", [])
        told = (str(child.get("frame", {}).get("unreachableUrl", "")) for child in children)
        return next((url for url in told if url), "")

    async def show(self, url: str, patience_s: float) -> None:
        """Navigate, which even a crashed page does. One that hangs does if this connection is older than its loop.

        TabClosedError where it is gone. Whoever does not answer within `patience_s` seconds was told all the same.
        """
        self.crashed = False
        self._send("Runtime.terminateExecution", {})
        answer = self._send("Page.navigate", {"url": url})
        await asyncio.wait({answer}, timeout=patience_s)
        if self.closed:
            raise TabClosedError(self.target.url)

    async def close(self) -> None:
        """Let go of the page."""
        await cancel(self._task)

    async def _evaluate(self, expression: str, context: dict[str, Any]) -> object:
        answer = await self._call("Runtime.evaluate", {"expression": expression, **context})
        if "exceptionDetails" in answer:
            raise DevToolsError(f"the page cannot be looked at: {_told(answer['exceptionDetails'])}")
        return answer.get("result", {}).get("value")

    async def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if self._owed is not None:
            await asyncio.wait({self._owed})
        self._owed = self._send(method, params)
        await asyncio.wait({self._owed})
        answer, self._owed = self._owed.result(), None
        if answer is None:
            raise DevToolsError(self._nonsense) if self._nonsense else TabClosedError(self.target.url)
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error'].get('message', 'refused')}")
        result = answer.get("result")
        return result if isinstance(result, dict) else {}

    def _send(self, method: str, params: dict[str, Any]) -> asyncio.Future[dict[str, Any] | None]:
        self._last_id += 1
        answer: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        if self.closed or self.crashed:
            answer.set_result(None)
            return answer
        self._asked[self._last_id] = answer
        self._socket.send(msgspec.json.encode({"id": self._last_id, "method": method, "params": params}).decode())
        return answer

    async def _listen(self) -> None:
        try:
            while (message := await self._socket.receive()) is not None:
                self._take(msgspec.json.decode(message))
        except OSError:
            log.debug("chromium_connection_reset")  # it died
        except (WebSocketError, ValueError) as error:
            self._nonsense = str(error)
        finally:
            self.closed = True
            self._settle_all()
            if self._news is not None:
                self._news.cancel()
            self._wake()
            with contextlib.suppress(OSError):
                await self._socket.close()

    def _settle_all(self) -> None:
        for answer in self._asked.values():
            if not answer.done():
                answer.set_result(None)
        self._asked.clear()

    def _take(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        answer = self._asked.pop(message.get("id", 0), None)
        if answer is not None and not answer.done():
            answer.set_result(message)
        params = message.get("params", {})
        match message.get("method"):
            case "Inspector.targetCrashed":
                self.crashed = True
                self._settle_all()
                self._wake()
            case "Inspector.targetReloadedAfterCrash":
                self.crashed = False
                self._wake()
            case "Target.targetInfoChanged":
                self._went(params.get("targetInfo", {}))
            case "Media.playerEventsAdded" if _turned(params.get("events", [])):
                self._look_soon()
            case "Media.playerCreated" | "Media.playerErrorsRaised":  # the second may come a second late
                self._look_soon()
            case "Runtime.exceptionThrown":
                details = params.get("exceptionDetails", {})
                self._thrown = Thrown(self._thrown.count + 1, _told(details))

    def _went(self, info: dict[str, Any]) -> None:
        """Another document has come: its address is new, or its title is still its address, as at a reload."""
        url, title = str(info.get("url")), str(info.get("title"))
        if info.get("targetId") == self.target.id and (url != self._shows or title in url):
            self._look_soon()
            self._shows = url

    def _look_soon(self) -> None:
        if self._news is None or self._news.when() < asyncio.get_running_loop().time():
            self._news = asyncio.get_running_loop().call_later(SETTLE_S, self._wake)


def _turned(events: list[dict[str, Any]]) -> bool:
    """Whether a film began or stopped to play; a loop that jumps back does both at once, and means neither."""
    told = [event for one in events for event in _TURNS if f'"{event}"' in str(one.get("value"))]
    return bool(told) and told[-1] != "kSeek"


def _told(details: dict[str, Any]) -> str:
    """The first line of an exception, and where it was thrown."""
    exception = details.get("exception") or {}
    said = str(exception.get("description") or exception.get("value") or details.get("text") or "?").partition("\n")[0]
    place = str(details.get("url") or "").rpartition("/")[2]
    return f"{said[:100]} ({place}:{details.get('lineNumber', 0) + 1})" if place else said[:100]
