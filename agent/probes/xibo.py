"""Sees whether Xibo's player for Windows still reports, by its status.json and its embedded web server.

docs/probes/xibo.md has the fields and results, and what cannot be known. As the player's own code has it
(github.com/xibosignage/xibo-dotnetclient):

- `Log/ClientInfo.cs`, `UpdateStatusMarkerFile`: status.json in the library, written anew after each round of the
  schedule manager (`Logic/ScheduleManager.cs`: every 10 s), and only while the agents' threads live. Its instants are
  written as the machine's language has them, without a zone. So they are not read: what counts is *that* they change,
  by our clock.
- `Control/EmbeddedServer.cs`, `InfoController.cs`: `/info` names the display; the library lies beside it, status.json
  included.
- Xibo's own watchdog (xibo-windows-client-watchdog, `Settings.settings`) restarts a player after 120 s without.

Deliberately absent: whether a layout is on the screen, and moves. The player says that to nobody on its own machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from agent.httpclient import Ask, HttpError, get
from agent.probes.base import Around, Complaint, Reading, tidy
from agent.probes.web import url_complaints
from agent.threads import Lane, LaneBusyError
from common.clock import Clock
from common.config import Section

STATUS_BYTES: Final = 64 * 1024
COLLECTIONS_OF_PATIENCE: Final = 6  # a player whose CMS fails asks five times less often
_UNREACHED: Final = Reading("unknown", None, "no connection to Xibo's web server within the deadline")
_HUNG: Final = Reading("frozen", None, "Xibo's web server accepts the connection but does not answer")
_UNCHANGED: Final = Reading("unknown", None, "status.json has not been seen to change yet")


class XiboOptions(Section, frozen=True):
    """The table `[outputs.xibo]`."""

    status_file: str = ""
    url: str = ""
    frozen_after_s: Annotated[float, msgspec.Meta(ge=15, le=3600)] = 60.0


def xibo_complaints(options: XiboOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    if not options.status_file and not options.url:
        remedy = 'write the path of status.json in the player\'s library, or url = "http://localhost:9696/", or both'
        yield Complaint("agent.xibo_source", "status_file", "is missing, and so is url", remedy)
    if options.url:
        yield from url_complaints("agent.xibo_url", "url", options.url)


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """status.json: texts all of them."""

    last_activity: str
    state: str = ""
    xmds_last_activity: str = ""
    xmds_collect_interval: str = ""

    @property
    def collect_interval_s(self) -> int:
        """How often the player asks its CMS; 0 where it does not say."""
        return int(self.xmds_collect_interval) if self.xmds_collect_interval.isdecimal() else 0


class Seen(NamedTuple):
    """What status.json said, and how old the file was by then (None: nobody knows)."""

    status: Status
    age_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """Since when (ms of our clock) the player's activity, and its contact with the CMS, stand; whether it moved."""

    status: Status
    at_ms: int
    since_ms: int
    cms_since_ms: int
    moved: bool = False

    @staticmethod
    def first(seen: Seen, at_ms: int) -> Movement:
        """The first look: a file that is old already has stood for so long."""
        return Movement(seen.status, at_ms, at_ms - (seen.age_ms or 0), at_ms)

    def after(self, status: Status | None, at_ms: int) -> Movement:
        """Take in the next look; None: it was just being written, or could not be read."""
        now = status or self.status
        moves = now.last_activity != self.status.last_activity
        calls = now.xmds_last_activity != self.status.xmds_last_activity
        return Movement(
            now,
            at_ms,
            at_ms if moves else self.since_ms,
            at_ms if calls else self.cms_since_ms,
            moved=self.moved or moves,
        )


def judge(movement: Movement, frozen_after_s: float, display: str) -> Reading:
    """PURE. What status.json means. The first line that fits decides; `display` is the player's name, if known."""
    stands_ms = movement.at_ms - movement.since_ms
    if stands_ms > frozen_after_s * 1000:
        return Reading("frozen", None, f"the player has not reported for {stands_ms // 1000} s")
    if any(word in movement.status.state for word in ("Stopped", "Abort")):
        return Reading("stopped", None, tidy(f"the player's main thread is {movement.status.state}"))
    if not movement.moved:
        return _UNCHANGED
    said = f"{display or 'the player'} reports"
    apart_ms, interval_s = movement.at_ms - movement.cms_since_ms, movement.status.collect_interval_s
    if interval_s and apart_ms > COLLECTIONS_OF_PATIENCE * interval_s * 1000:
        said += f"; has not reached its CMS for {apart_ms // 1000} s"
    return Reading("playing", None, tidy(said))


def read_status(text: bytes) -> Status | None:
    """PURE. status.json → what it says; None where it says nothing (it is truncated while it is written)."""
    try:
        return msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"), type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class NotXiboError(Exception):
    """Somebody answers, but not as Xibo's player does."""


class XiboProbe:
    """The probe named `xibo`."""

    def __init__(self, options: XiboOptions, around: Around) -> None:
        self.silence = _UNREACHED
        self._url = options.url.rstrip("/") + "/" if options.url else ""
        self._file = options.status_file
        self._frozen_after_s = options.frozen_after_s
        self._clock: Clock = around.clock
        self._lane = Lane(f"xibo-{around.output}")
        self._movement: Movement | None = None
        self._display = ""

    async def read(self) -> Reading:
        """Ask once."""
        self.silence = (
            _UNREACHED if self._url else Reading("unknown", None, tidy(f"{self._file} cannot be read: it hangs"))
        )
        try:
            if self._url:
                self._display = await self._ask_info()
            return self._judge(await self._see())
        except ConnectionRefusedError:
            self._movement = None
            return Reading("stopped", None, tidy(f"the player is not running: nobody listens on {self._url}"))
        except (HttpError, NotXiboError, LaneBusyError, OSError) as error:
            return Reading("unknown", None, tidy(str(error)))

    async def close(self) -> None:
        """Nothing to let go of."""

    def _judge(self, seen: Seen | None) -> Reading:
        now_ms = self._clock.mono_ms()
        if self._movement is not None:
            self._movement = self._movement.after(seen.status if seen else None, now_ms)
        elif seen is not None:
            self._movement = Movement.first(seen, now_ms)
        else:
            return Reading("unknown", None, "status.json says nothing that can be read")
        return judge(self._movement, self._frozen_after_s, self._display)

    async def _see(self) -> Seen | None:
        if self._file:
            self.silence = Reading("unknown", None, tidy(f"reading {self._file} hangs"))
            return await self._lane.call(self._read_file)
        answer = await get(self._url + "status.json", self._as())
        if answer.status != HTTPStatus.OK:
            raise NotXiboError(f"{self._url} answers, but shows no status.json (HTTP {answer.status}): set status_file")
        status = read_status(answer.body)
        return Seen(status) if status is not None else None

    def _read_file(self) -> Seen | None:
        with Path(self._file).open("rb") as file:
            status = read_status(file.read(STATUS_BYTES))
        if status is None:
            return None
        age_ms = self._clock.wall_ms() - Path(self._file).stat().st_mtime_ns // 1_000_000
        return Seen(status, max(0, age_ms))

    async def _ask_info(self) -> str:
        answer = await get(self._url + "info", self._as(redirects=1))
        try:
            said = msgspec.json.decode(answer.body) if answer.status == HTTPStatus.OK else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = None
        if not isinstance(said, dict) or "hardwareKey" not in said:
            raise NotXiboError(f"{self._url}info names no display (HTTP {answer.status}): it is not Xibo's web server")
        return str(said.get("displayName") or "")

    def _as(self, redirects: int = 0) -> Ask:
        return Ask(body_bytes=STATUS_BYTES, redirects=redirects, connected=self._connected)

    def _connected(self) -> None:
        self.silence = _HUNG
