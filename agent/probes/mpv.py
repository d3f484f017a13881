"""Asks mpv through its JSON IPC socket whether it is really playing. docs/probes/mpv.md has the fields and results.

The connection is kept open: mpv's own events make a pause, an end or a death seen at once instead of at the next poll,
and tell a loop that jumped back from a picture that stands still. Measured with mpv 0.35.1.

Deliberately absent: whether light leaves the screen. mpv can play into a display that is off.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from agent.probes.base import Around, Complaint, Reading, RemedyError, tidy
from agent.probes.mpv_ipc import Answers, IpcClosedError, IpcNonsenseError, IpcRefusedError, MpvIpc, tell
from common.config import Section
from wire.states import Cause

_UNIX_PATH_BYTES: Final = 107  # unix(7): sun_path without its end
FIRST_LOOKS: Final = 5  # the first reading on a connection looks so often for movement …
FIRST_LOOK_S: Final = 0.1  # … with this pause
FRAMES_OF_PATIENCE: Final = 3  # a slide show of one picture in ten seconds is no frozen film
_WATCHED: Final = ("pause", "idle-active", "paused-for-cache", "eof-reached")
_ASKED: Final = (
    *_WATCHED,
    "path",
    "time-pos",
    "playlist-pos",
    "current-tracks/video/image",
    "current-tracks/audio/id",
    "container-fps",
    "demuxer-via-network",
)
_NETWORK_SCHEMES: Final = frozenset(
    {"http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "srt", "mms", "ftp", "ytdl", "tcp", "tls"}
)
_CONTENT_ERRORS: Final = frozenset({"unrecognized file format", "no audio or video data played"})
_UNKNOWN_MOVEMENT: Final = Reading("unknown", None, "the position has not been seen to move yet")


class MpvOptions(Section, frozen=True):
    """The table `[outputs.mpv]`."""

    socket: Annotated[str, msgspec.Meta(min_length=1)]
    frozen_after_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 2.0


def mpv_complaints(options: MpvOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    if len(os.fsencode(options.socket)) > _UNIX_PATH_BYTES:
        yield Complaint("agent.mpv_socket", "socket", f"is over {_UNIX_PATH_BYTES} bytes", "use a shorter path")


class Sample(NamedTuple):
    """What mpv said at one moment."""

    at_ms: int
    restarts: int  # how often playback began anew on this connection: a loop, a seek, the next file
    idle: bool
    pause: bool
    for_cache: bool
    ended: bool
    path: str | None
    time_pos: float | None
    playlist_pos: int | None
    moving: bool | None  # whether its picture is meant to move; None: it shows none
    still: bool
    unseen: bool  # its file has a moving picture, and none is shown
    fps: float | None
    network: bool

    @property
    def place(self) -> tuple[object, ...]:
        """Where playback stands; a different place means that it moves."""
        return self.restarts, self.path, self.playlist_pos, self.time_pos


@dataclass(frozen=True, slots=True)
class Movement:
    """Since when the place stands (`since_ms`), and whether it was ever seen to move on this connection."""

    sample: Sample
    since_ms: int
    moved: bool = False

    def after(self, sample: Sample) -> Movement:
        """Take in the next sample."""
        if sample.place != self.sample.place:
            return Movement(sample, sample.at_ms, moved=True)
        return Movement(sample, self.since_ms, self.moved)


def judge(movement: Movement, load_error: str | None, frozen_after_s: float) -> Reading:  # noqa: PLR0911 - a table
    """PURE. What mpv's answers mean. The first line that fits decides."""
    now = movement.sample
    if now.idle:
        return _load_failed(load_error, now) if load_error else Reading("idle", None, "nothing is loaded")
    if now.still and now.ended:
        return Reading("playing", None, "a still, held")  # keep-open holds it: on the screen it is the same picture
    if now.ended:
        return Reading("stopped", None, "reached the end and holds the last frame")
    if now.pause:
        return Reading("stopped", None, f"paused at {_seconds(now.time_pos)}")
    if now.for_cache:
        return Reading("frozen", _blame(now), f"waits for data at {_seconds(now.time_pos)}")
    if now.time_pos is None:
        if load_error:
            return _load_failed(load_error, now)
        if now.restarts == 0 and not now.network:
            return Reading("stopped", None, "is starting")
        return Reading("frozen", _blame(now), tidy(f"is opening {now.path or 'a file'}"))
    if now.still:
        return Reading("playing", None, "a still")
    return _moving(movement, frozen_after_s)


def _moving(movement: Movement, frozen_after_s: float) -> Reading:
    now = movement.sample
    stands_ms = now.at_ms - movement.since_ms
    patience_ms = max(frozen_after_s, FRAMES_OF_PATIENCE / now.fps if now.fps else 0) * 1000
    if now.unseen:
        return Reading("black", None, "plays sound only: its picture is switched off, or could not be opened")
    if movement.moved and stands_ms <= patience_ms:
        return Reading("playing")
    if stands_ms <= patience_ms:
        return _UNKNOWN_MOVEMENT
    return Reading("frozen", None, f"time-pos stood at {_seconds(now.time_pos)}")


def _load_failed(load_error: str, now: Sample) -> Reading:
    return Reading("error", "content" if load_error in _CONTENT_ERRORS else _blame(now), tidy(load_error))


def _blame(now: Sample) -> Cause | None:
    return "connectivity" if now.network else None


def _seconds(position: float | None) -> str:
    return "the start" if position is None else f"{position:.1f} s"


def is_opening(now: Sample) -> bool:
    """PURE. Whether it is about to open a file: between two slides, for a moment."""
    return now.time_pos is None and not (now.idle or now.ended or now.pause or now.for_cache)


def has_film(tracks: object) -> bool:
    """PURE. Whether there is a moving picture among mpv's tracks; the cover of a record is none."""
    listed = [track for track in tracks if isinstance(track, dict)] if isinstance(tracks, list) else []
    return any(track.get("type") == "video" and not (track.get("image") or track.get("albumart")) for track in listed)


class MpvProbe:
    """The probe named `mpv`."""

    silence = Reading("frozen", None, "mpv accepts the connection but does not answer")

    def __init__(self, options: MpvOptions, around: Around) -> None:
        self._options = options
        self._around = around
        self._ipc: MpvIpc | None = None
        self._movement: Movement | None = None
        self._restarts = 0
        self._load_error: str | None = None
        self._known: dict[str, object] = {}
        self._path: str | None = None  # what played last, on whatever connection

    async def read(self) -> Reading:
        """Ask once; the first time on a connection more than once, since movement needs two looks."""
        reading = await self._asked()
        plays = reading.state == "playing"
        self._around.expectation.moving = self._movement.sample.moving if plays and self._movement else None
        return reading

    async def _asked(self) -> Reading:
        try:
            ipc = await self._connected()
        except (FileNotFoundError, ConnectionRefusedError):
            return Reading(
                "stopped", None, tidy(f"the player is not running: nobody listens on {self._options.socket}")
            )
        except BlockingIOError:
            return Reading("frozen", None, "mpv accepts no more connections")
        except OSError as error:
            return Reading(
                "unknown", None, tidy(f"cannot connect to {self._options.socket}: {error.strerror or error}")
            )
        try:
            return await self._look(ipc)
        except IpcClosedError:
            return Reading("stopped", None, "mpv closed its socket: it has ended")
        except IpcNonsenseError as error:
            return Reading("unknown", None, tidy(f"whoever listens on {self._options.socket} is not mpv: {error}"))

    async def close(self) -> None:
        """Close the connection."""
        if self._ipc is not None:
            await self._ipc.close()

    async def remedy(self) -> str:
        """First aid: play the playlist's present entry again from its start, or the last file; end a pause."""
        try:
            return await self._play_again(self._options.socket)
        except OSError as error:
            raise RemedyError(f"mpv is not running: {error.strerror or error}") from None
        except (IpcClosedError, IpcNonsenseError, IpcRefusedError) as error:
            raise RemedyError(f"mpv: {error}") from None

    async def _play_again(self, socket: str) -> str:
        count = await tell(socket, "get_property", "playlist-count")
        if count:
            position = await tell(socket, "get_property", "playlist-pos")
            await tell(socket, "playlist-play-index", max(0, position))
        elif self._path is not None:
            await tell(socket, "loadfile", self._path)
        else:
            raise RemedyError("mpv has nothing to play")
        await tell(socket, "set_property", "pause", False)
        return f"mpv plays entry {max(0, position)} again" if count else "mpv loads its last file again"

    async def _connected(self) -> MpvIpc:
        if self._ipc is None or self._ipc.closed:
            self._movement, self._restarts, self._load_error, self._known = None, 0, None, {}
            self._ipc = await MpvIpc.connect(self._options.socket, self._take, self._around.wake)
            self._ipc.observe(_WATCHED)
        return self._ipc

    async def _look(self, ipc: MpvIpc) -> Reading:
        if self._movement is None:
            first = await self._sample(ipc)
            self._movement = Movement(first, first.at_ms)
            reading = judge(self._movement, self._load_error, self._options.frozen_after_s)
            return await self._look_again(ipc, reading, self._movement)
        return await self._look_again(ipc, await self._next_look(ipc, self._movement), None)

    async def _look_again(self, ipc: MpvIpc, reading: Reading, first: Movement | None) -> Reading:
        """Where nothing was seen to move yet, or between two files, a moment later says more."""
        for _ in range(FIRST_LOOKS):
            if self._movement is None or not (reading is _UNKNOWN_MOVEMENT or is_opening(self._movement.sample)):
                break
            await asyncio.sleep(FIRST_LOOK_S)
            reading = await self._next_look(ipc, first or self._movement)
        return reading

    async def _next_look(self, ipc: MpvIpc, before: Movement) -> Reading:
        self._movement = before.after(await self._sample(ipc))
        return judge(self._movement, self._load_error, self._options.frozen_after_s)

    async def _sample(self, ipc: MpvIpc) -> Sample:
        answers = await ipc.ask(_ASKED)
        soundly = answers.get("time-pos") is not None and answers.get("current-tracks/video/image") is None
        tracks = (await ipc.ask(("track-list",))).get("track-list") if soundly else None
        return self._read(answers, unseen=has_film(tracks))

    def _read(self, answers: Answers, *, unseen: bool) -> Sample:
        path = answers.get("path")
        self._path = path or self._path
        image = answers.get("current-tracks/video/image")
        scheme = str(path).partition("://")[0] if path and "://" in str(path) else ""
        return Sample(
            at_ms=self._around.clock.mono_ms(),
            restarts=self._restarts,
            idle=bool(answers.get("idle-active")),
            pause=bool(answers.get("pause")),
            for_cache=bool(answers.get("paused-for-cache")),
            ended=bool(answers.get("eof-reached")),
            path=path,
            time_pos=answers.get("time-pos"),
            playlist_pos=answers.get("playlist-pos"),
            moving=None if image is None else not image,
            still=bool(image) and answers.get("current-tracks/audio/id") is None,
            unseen=unseen,
            fps=answers.get("container-fps") or None,
            network=bool(answers.get("demuxer-via-network")) or scheme in _NETWORK_SCHEMES,
        )

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "property-change":
                name, value = str(event.get("name")), event.get("data")
                if name in self._known and self._known[name] != value:
                    self._around.wake()
                self._known[name] = value
            case "file-loaded" | "playback-restart":
                self._restarts += 1
                self._load_error = None
            case "end-file" if event.get("reason") == "error":
                self._load_error = str(event.get("file_error") or "the file could not be played")
                self._around.wake()
