"""PURE. What a page said of itself, and what that means. docs/probes/chromium.md has the table.

A film moves where its position or its count of pictures changes; a page without films is a still, and its browser draws
it where a frame that was asked for came. One film that moves is enough: players hold the next one paused behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import msgspec

from agent.probes.base import Reading, tidy
from wire.states import Cause

PICTURE_MS: Final = 30_000  # for which a film may go on without a new picture: a slide show that is a film
UNKNOWN_MOVEMENT: Final = Reading("unknown", None, "nothing has been seen to move yet")
_ERROR_PAGE: Final = "chrome-error:"
_EMPTY: Final = ("about:blank", "chrome://newtab", "chrome://new-tab-page")
_FAILED: Final = 400  # HTTP: from here on it is an error
_SERVER_FAILED: Final = 500
# HTML: HTMLMediaElement.readyState, .networkState and MediaError.code
_HAVE_FUTURE_DATA: Final = 3
_NETWORK_EMPTY, _NO_SOURCE = 0, 3
_MEDIA_NETWORK: Final = 2
_NOT_LOADED: Final = "MEDIA_ELEMENT_ERROR"  # MediaError.message: it never came to being read
_LINK_FAULTS: Final = (
    "ERR_INTERNET_",
    "ERR_NETWORK_",
    "ERR_NAME_",
    "ERR_DNS_",
    "ERR_ADDRESS_",
    "ERR_CONNECTION_",
    "ERR_TIMED_OUT",
    "ERR_PROXY_",
    "ERR_TUNNEL_",
)
_CONTENT_FAULTS: Final = ("ERR_ACCESS_DENIED", "ERR_INVALID_URL", "ERR_UNKNOWN_URL_SCHEME")


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """One `<video>` that can be seen. `area` in square CSS pixels; `time` in seconds."""

    id: int
    area: int = 0
    src: str = ""
    time: float = 0.0
    frames: int = 0
    pictured: bool = False  # whether it is more than sound
    ready: int = 0
    network: int = 0
    paused: bool = False
    ended: bool = False
    error: int = 0
    message: str = ""

    @property
    def place(self) -> tuple[object, ...]:
        """Where it stands; a different place means that it moves."""
        return self.src, self.time, self.frames

    @property
    def picture(self) -> tuple[object, ...]:
        """Which picture it shows."""
        return self.src, self.frames

    @property
    def runs(self) -> bool:
        """Whether it means to play."""
        return not (self.paused or self.ended or self.error)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What a page said at one moment. `waits_ms`: for how long a frame that was asked for has not come."""

    href: str
    at_ms: int = 0
    address: str = ""  # what the browser was to show: of an error page `href` does not tell
    loading: bool = False
    visible: bool = True
    waits_ms: float = 0.0
    frames: int = 0
    status: int = 0
    fault: str = ""
    something: bool = True
    framed: bool = False  # most of it is a frame that cannot be entered …
    unreached: str = ""  # … and the address that the browser could not load into it
    videos: tuple[Video, ...] = ()


class Thrown(msgspec.Struct, frozen=True):
    """Uncaught exceptions of a document: how many the browser remembers, and the last."""

    count: int = 0
    last: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Since when a film stands, since when it shows the same picture, and whether it was ever seen to move."""

    place: tuple[object, ...]
    since_ms: int
    picture: tuple[object, ...]
    picture_ms: int
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Movement:
    """The page as it is now, and the trace of each of its films."""

    page: Page
    traces: dict[int, Trace] = field(default_factory=dict)

    def after(self, page: Page) -> Movement:
        """Take in the next look at the same document."""
        return Movement(page, {video.id: self._trace(video, page.at_ms) for video in page.videos})

    def _trace(self, video: Video, at_ms: int) -> Trace:
        before = self.traces.get(video.id)
        if before is None:
            return Trace(video.place, at_ms, video.picture, at_ms)
        if before.place == video.place:
            return before
        stood = before.since_ms < self.page.at_ms  # at the last look: what stands still need not change its picture
        picture_ms = at_ms if stood or before.picture != video.picture else before.picture_ms
        return Trace(video.place, at_ms, video.picture, picture_ms, moved=True)

    def stands_ms(self, video: Video) -> int:
        """For how long it has not moved."""
        return self.page.at_ms - self.traces[video.id].since_ms

    def same_picture_ms(self, video: Video) -> int:
        """For how long its position (or its sound) has gone on without a new picture; 0 where it is only sound."""
        return self.page.at_ms - self.traces[video.id].picture_ms if video.pictured else 0


def first(page: Page) -> Movement:
    """The first look at a document."""
    return Movement(Page(href=page.href)).after(page)


def is_error_page(page: Page) -> bool:
    """Whether the browser shows a page of its own instead of the one that it could not load."""
    return page.href.startswith(_ERROR_PAGE)


def judge(movement: Movement, thrown: Thrown | None, frozen_after_s: float, *, videos: bool) -> Reading:  # noqa: PLR0911 - a table
    """PURE. What a page's answers mean. The first line that fits decides; `thrown`: where exceptions are errors."""
    page, patience_ms = movement.page, frozen_after_s * 1000
    if is_error_page(page):
        return Reading("error", _blame(page), tidy(f"{page.fault or 'an error page'} instead of {page.address}"))
    if not page.visible:
        return Reading("stopped", None, tidy(f"{page.href} is in the background, or its window is minimised"))
    if page.unreached:
        return Reading("error", _blame_frame(page), tidy(f"an error page in its frame instead of {page.unreached}"))
    if page.status >= _FAILED:
        cause: Cause | None = "content" if page.status < _SERVER_FAILED else None
        return Reading("error", cause, tidy(f"HTTP {page.status} from {page.href}"))
    if page.waits_ms > patience_ms:
        return Reading("frozen", None, f"no picture has been drawn for {page.waits_ms / 1000:.1f} s")
    if not page.something:
        return _blank(page)
    if thrown is not None and thrown.count:
        return Reading("error", None, tidy(_exceptions(thrown)))
    if page.frames == 0:
        return UNKNOWN_MOVEMENT
    films = [video for video in page.videos if video.network != _NETWORK_EMPTY or video.error] if videos else []
    if not films:
        return Reading("playing", None, "a page without films" if videos else None)
    return _films(movement, films, patience_ms)


def _films(movement: Movement, films: list[Video], patience_ms: float) -> Reading:
    fresh = [film for film in films if film.runs and _lives(movement, film, patience_ms)]
    if any(movement.traces[film.id].moved for film in fresh):
        return Reading("playing")
    return UNKNOWN_MOVEMENT if fresh and not _hopeless(fresh) else _fault(movement, films[0])


def _lives(movement: Movement, film: Video, patience_ms: float) -> bool:
    slow_ms = max(patience_ms, PICTURE_MS)
    return movement.stands_ms(film) <= patience_ms and movement.same_picture_ms(film) <= slow_ms


def _hopeless(films: list[Video]) -> bool:
    return all(film.network == _NO_SOURCE for film in films)


def _fault(movement: Movement, film: Video) -> Reading:
    """Why the largest film does not move."""
    where = f"at {film.time:.1f} s"
    if film.error or film.network == _NO_SOURCE:
        said = film.message or "no source that can be played"
        return Reading("error", _blame_film(movement.page, film), tidy(f"{said}: {film.src or 'no address'}"))
    if film.ended:
        return Reading("stopped", None, "the film has ended")
    if film.paused:
        return Reading("stopped", None, f"paused {where}")
    if film.ready < _HAVE_FUTURE_DATA:
        return Reading("frozen", "connectivity" if _is_remote(film.src) else None, f"waits for data {where}")
    if movement.same_picture_ms(film) > movement.stands_ms(film):
        same_s = movement.same_picture_ms(film) / 1000
        return Reading("frozen", None, f"the same picture for {same_s:.1f} s although the film goes on, {where}")
    return Reading("frozen", None, f"the film stands {where} for {movement.stands_ms(film) / 1000:.1f} s")


def _blank(page: Page) -> Reading:
    if page.href.startswith(_EMPTY):
        return Reading("idle", None, tidy(f"nothing is loaded: {page.href}"))
    if page.loading:
        return Reading("black", "connectivity" if _is_remote(page.href) else None, tidy(f"is loading {page.href}"))
    return Reading("black", None, tidy(f"there is nothing to be seen on {page.href}"))


def _blame_frame(page: Page) -> Cause | None:
    return "connectivity" if _is_remote(page.unreached) else None


def _blame(page: Page) -> Cause | None:
    if page.fault.startswith(_CONTENT_FAULTS):
        return "content"
    return "connectivity" if page.fault.startswith(_LINK_FAULTS) and _is_remote(page.address) else None


def _blame_film(page: Page, film: Video) -> Cause | None:
    """A film that cannot be read is the content's fault, and so is one that its server does not have.

    One that is missing on this machine is nobody's excuse: whoever plays it should have it (as with mpv and VLC).
    """
    remote = _is_remote(film.src or page.href)
    if film.error == _MEDIA_NETWORK and remote:
        return "connectivity"
    unreadable = film.error and not film.message.startswith(_NOT_LOADED)
    return "content" if remote or unreadable else None


def _is_remote(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    local = host in {"localhost", "::1"} or host.startswith("127.") or host.endswith(".localhost")
    return parts.scheme in {"http", "https"} and not local


def _exceptions(thrown: Thrown) -> str:
    many = "an uncaught exception" if thrown.count == 1 else f"{thrown.count} uncaught exceptions, the last"
    return f"{many}: {thrown.last}"


def with_exceptions(reading: Reading, thrown: Thrown) -> Reading:
    """The same reading; what the page threw is told with it."""
    if not thrown.count or reading.state == "unknown" or "uncaught" in (reading.detail or ""):
        return reading
    said = f"{reading.detail}; {_exceptions(thrown)}" if reading.detail else _exceptions(thrown)
    return reading._replace(detail=tidy(said))
