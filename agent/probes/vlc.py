"""Asks VLC through its HTTP interface whether it is really playing. docs/probes/vlc.md has the fields and results.

VLC says `playing` of a film whose picture stands, so its counters are watched: pictures that reached the display where
there is video, else the position and the sound. Measured with VLC 3.0.24: the counters begin anew with each item and
each loop, so that any change of theirs is movement; a still is drawn ten times a second and counted each time; a file
that cannot be opened is skipped without a word, and only its length in the playlist, which stays unknown, tells of it.

Deliberately absent: whether light leaves the screen, and whether what VLC draws is black.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from agent.httpclient import Ask, HttpError, get
from agent.probes.base import Around, Complaint, Reading, tidy
from agent.probes.vlc_status import NotVlcError, Sample, Stock, read_playlist, read_status
from agent.probes.web import Secret, url_complaints
from agent.threads import LaneBusyError
from common.config import Section

FIRST_LOOKS: Final = 6  # the first reading looks so often for movement …
FIRST_LOOK_S: Final = 0.25  # … with this pause, since VLC brings its counters up to date a few times a second
FRAMES_OF_PATIENCE: Final = 3
LOST_WORTH_TELLING: Final = 0.1  # of the pictures since the last look
_MOMENT_MS: Final = 2_000  # that VLC may take to open its first file
_STATUS: Final = "requests/status.json"
_PLAYLIST: Final = "requests/playlist.json"
_OK: Final = 200
_UNAUTHORISED: Final = frozenset({401, 403})
_UNKNOWN_MOVEMENT: Final = Reading("unknown", None, "nothing has been seen to move yet")
_HUNG: Final = Reading("frozen", None, "VLC accepts the connection but does not answer")
_UNREACHED: Final = Reading("unknown", None, "no connection to VLC within the deadline")


class VlcOptions(Section, frozen=True):
    """The table `[outputs.vlc]`."""

    url: Annotated[str, msgspec.Meta(min_length=1)] = "http://127.0.0.1:8080/"
    password: str = ""
    password_file: str = ""
    frozen_after_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 3.0


def vlc_complaints(options: VlcOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    yield from url_complaints("agent.vlc_url", "url", options.url)
    if options.password and options.password_file:
        yield Complaint("agent.vlc_password", "password", "stands beside password_file", "keep one of them")
    elif not options.password and not options.password_file:
        yield Complaint(
            "agent.vlc_password",
            "password",
            "is missing: VLC's HTTP interface answers nobody without one",
            "write here what VLC was given as --http-password",
        )


@dataclass(frozen=True, slots=True)
class Movement:
    """Since when the place stands (`since_ms`), whether it was ever seen to move, and what share was lost lately."""

    sample: Sample
    since_ms: int
    moved: bool = False
    lost_ratio: float = 0.0

    def after(self, sample: Sample) -> Movement:
        """Take in the next sample."""
        before = self.sample
        shown, lost = sample.displayed - before.displayed, sample.lost - before.lost
        ratio = lost / (shown + lost) if shown >= 0 < lost else 0.0
        if sample.place != before.place:
            return Movement(sample, sample.at_ms, moved=True, lost_ratio=ratio)
        return Movement(sample, self.since_ms, self.moved, ratio)


def judge(movement: Movement, stock: Stock | None, frozen_after_s: float) -> Reading:
    """PURE. What VLC's answers mean. The first line that fits decides; `stock` is known where VLC stands still."""
    now = movement.sample
    match now.state:
        case "paused":
            return Reading("stopped", None, f"paused at {now.time_s} s")
        case "stopped":
            return _stopped(stock, moment_past=now.at_ms - movement.since_ms >= _MOMENT_MS)
        case "playing":
            return _moving(movement, frozen_after_s)
    return Reading("unknown", None, tidy(f"VLC is {now.state!r}, which is no state known here"))


def _moving(movement: Movement, frozen_after_s: float) -> Reading:
    now = movement.sample
    stands_ms = now.at_ms - movement.since_ms
    patience_ms = max(frozen_after_s, FRAMES_OF_PATIENCE / now.fps if now.fps else 0) * 1000
    if stands_ms > patience_ms:
        what = "no picture was displayed" if now.has_video else "nothing moved"
        return Reading("frozen", None, f"{what} for {stands_ms / 1000:.1f} s, at {now.time_s} s")
    if not movement.moved:
        return _UNKNOWN_MOVEMENT
    if movement.lost_ratio > LOST_WORTH_TELLING:
        return Reading("playing", None, f"loses {movement.lost_ratio:.0%} of its pictures")
    return Reading("playing")


def _stopped(stock: Stock | None, *, moment_past: bool) -> Reading:
    if stock is None:
        return Reading("stopped", None, "VLC has stopped")
    if not stock.items:
        return Reading("idle", None, "the playlist is empty")
    if stock.unopened and not moment_past:
        return Reading("stopped", None, "has opened nothing yet")
    if stock.unopened:
        return Reading("error", None, f"none of the {stock.items} files of the playlist could be opened")
    return Reading("stopped", None, "reached the end of the playlist, or was stopped")


class VlcProbe:
    """The probe named `vlc`."""

    def __init__(self, options: VlcOptions, around: Around) -> None:
        self.silence = _UNREACHED
        self._url = options.url.rstrip("/") + "/"
        self._secret = Secret(options.password, options.password_file, f"vlc-{around.output}")
        self._frozen_after_s = options.frozen_after_s
        self._clock = around.clock
        self._expectation = around.expectation
        self._movement: Movement | None = None

    async def read(self) -> Reading:
        """Ask once; the first time more than once, since movement needs two looks."""
        reading = await self._asked()
        shows_film = self._movement is not None and self._movement.sample.is_film
        self._expectation.moving = True if reading.state == "playing" and shows_film else None
        return reading

    async def _asked(self) -> Reading:
        self.silence = _UNREACHED
        try:
            return await self._look()
        except ConnectionRefusedError:
            self._movement = None
            return Reading("stopped", None, tidy(f"VLC is not running: nobody listens on {self._url}"))
        except (HttpError, NotVlcError, LaneBusyError, OSError) as error:
            self._movement = None
            return Reading("unknown", None, tidy(f"{self._url}: {error}"))

    async def close(self) -> None:
        """Nothing to let go of: each question has its own connection."""

    async def _look(self) -> Reading:
        reading = await self._next_look()
        for _ in range(FIRST_LOOKS):
            if reading is not _UNKNOWN_MOVEMENT and not self._stands():
                break
            await asyncio.sleep(FIRST_LOOK_S)
            reading = await self._next_look()
        return reading

    def _stands(self) -> bool:
        """Whether it is as at the last reading: a short loop, whose counters begin anew each time, may just look so."""
        before = self._movement
        return before is not None and before.sample.state == "playing" and before.since_ms < before.sample.at_ms

    async def _next_look(self) -> Reading:
        sample = read_status(await self._ask(_STATUS), self._clock.mono_ms())
        before = self._movement
        fresh = before is None or before.sample.state != sample.state
        self._movement = Movement(sample, sample.at_ms) if before is None or fresh else before.after(sample)
        stock = read_playlist(await self._ask(_PLAYLIST)) if sample.state == "stopped" else None
        return judge(self._movement, stock, self._frozen_after_s)

    async def _ask(self, path: str) -> object:
        ask = Ask(username="", password=await self._secret.read(), connected=self._connected)
        answer = await get(self._url + path, ask)
        self.silence = _UNKNOWN_MOVEMENT  # from now on it is we who wait
        if answer.status in _UNAUTHORISED:
            raise NotVlcError(f"VLC refuses the password (HTTP {answer.status})")
        if answer.status != _OK:
            raise NotVlcError(f"HTTP {answer.status}: whoever listens is not VLC's HTTP interface")
        try:
            said: object = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotVlcError("the answer is no JSON: whoever listens is not VLC") from None
        return said

    def _connected(self) -> None:
        self.silence = _HUNG
