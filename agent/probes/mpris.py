"""Asks a player over D-Bus (MPRIS 2.2) whether it is really playing. docs/probes/mpris.md has the fields and results.

`busctl` of systemd asks (18 ms a question), since a D-Bus library would weigh on every agent. The bus itself is asked
first: only where it knows the player does a silence say that the player hangs.

Deliberately absent: whether pictures move. MPRIS knows a position, and not every player tells it.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, NamedTuple

import msgspec

from agent.command import ask_program
from agent.probes.base import Around, Reading, tidy
from common.config import Section

FIRST_LOOKS: Final = 3  # the first reading looks so often for movement …
FIRST_LOOK_S: Final = 0.3  # … with this pause
_PREFIX: Final = "org.mpris.MediaPlayer2."
_PATH: Final = "/org/mpris/MediaPlayer2"
_PLAYER: Final = "org.mpris.MediaPlayer2.Player"
_NAMES: Final = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListNames")
_NO_TRACK: Final = frozenset({"", "/org/mpris/MediaPlayer2/TrackList/NoTrack"})
_UNKNOWN_MOVEMENT: Final = Reading("unknown", None, "the position has not been seen to move yet")
_NO_BUS: Final = Reading("unknown", None, "the bus does not answer")
_HUNG: Final = Reading("frozen", None, "the player is on the bus but does not answer")


class MprisOptions(Section, frozen=True):
    """The table `[outputs.mpris]`."""

    player: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=200)]
    bus: Annotated[str, msgspec.Meta(pattern=r"^$|^system$|^[a-z]+:[!-~]+$")] = ""
    frozen_after_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 5.0


class Sample(NamedTuple):
    """What the player said at one moment. `position_us` None: it does not tell."""

    at_ms: int
    status: str
    track: str
    position_us: int | None


class Standing(NamedTuple):
    """The latest sample, since when the position stands, and whether it was ever seen to move."""

    sample: Sample
    since_ms: int
    moved: bool = False

    def after(self, sample: Sample) -> Standing:
        """Take in the next sample; another status begins anew."""
        if sample.status != self.sample.status:
            return Standing(sample, sample.at_ms)
        if sample[2:] != self.sample[2:]:
            return Standing(sample, sample.at_ms, moved=True)
        return Standing(sample, self.since_ms, self.moved)


class BusError(Exception):
    """The bus cannot be asked, or gives an answer that makes no sense."""


def judge(standing: Standing, frozen_after_s: float) -> Reading:
    """PURE. What the player's answers mean. The first line that fits decides."""
    now = standing.sample
    match now.status:
        case "Paused":
            return Reading("stopped", None, f"paused at {_seconds(now.position_us)}")
        case "Stopped":
            loaded = now.track not in _NO_TRACK
            return Reading("stopped") if loaded else Reading("idle", None, "nothing is loaded")
        case "Playing":
            return _moving(standing, frozen_after_s)
    return Reading("unknown", None, tidy(f"the player says {now.status!r}, which MPRIS does not know"))


def _moving(standing: Standing, frozen_after_s: float) -> Reading:
    now = standing.sample
    if frozen_after_s == 0 or now.position_us is None:
        return Reading("playing", None, "it says so; its position is not watched")
    if now.at_ms - standing.since_ms > frozen_after_s * 1000:
        return Reading("frozen", None, f"the position stood at {_seconds(now.position_us)}")
    return Reading("playing") if standing.moved else _UNKNOWN_MOVEMENT


class MprisProbe:
    """The probe named `mpris`."""

    def __init__(self, options: MprisOptions, around: Around) -> None:
        self.silence = _NO_BUS
        self._name = _PREFIX + options.player
        self._frozen_after_s = options.frozen_after_s
        self._clock = around.clock
        where = {"": "--user", "system": "--system"}.get(options.bus, f"--address={options.bus}")
        self._busctl = ("busctl", where, "--json=short", "--auto-start=no", "call")
        self._standing: Standing | None = None

    async def read(self) -> Reading:
        """Ask once; the first time more than once, since movement needs two looks."""
        self.silence = _NO_BUS
        try:
            owner = choose(await self._ask(*_NAMES), self._name)
            if owner is None:
                self._standing = None
                return Reading("stopped", None, f"the player is not running: the bus knows no {self._name}")
            return await self._look(owner)
        except OSError as error:
            return Reading("unknown", None, tidy(f"busctl cannot be run: {error.strerror or error}"))
        except BusError as error:
            return Reading("unknown", None, tidy(str(error)))

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _look(self, owner: str) -> Reading:
        reading = await self._next_look(owner)
        for _ in range(FIRST_LOOKS):
            if reading is not _UNKNOWN_MOVEMENT:
                break
            await asyncio.sleep(FIRST_LOOK_S)
            reading = await self._next_look(owner)
        return reading

    async def _next_look(self, owner: str) -> Reading:
        self.silence = _HUNG
        said = await self._ask(owner, _PATH, "org.freedesktop.DBus.Properties", "GetAll", "s", _PLAYER)
        self.silence = _UNKNOWN_MOVEMENT  # from now on it is we who wait
        sample = read_properties(said, self._clock.mono_ms())
        before = self._standing
        self._standing = before.after(sample) if before else Standing(sample, sample.at_ms)
        return judge(self._standing, self._frozen_after_s)

    async def _ask(self, *call: str) -> object:
        said = await ask_program(*self._busctl, *call)
        if said.status:
            raise BusError(f"busctl: {said.complaint}")
        try:
            return _data(msgspec.json.decode(said.out))
        except msgspec.DecodeError:
            raise BusError("busctl gives no JSON: it is older than systemd 240") from None


def choose(said: object, name: str) -> str | None:
    """PURE. Which of the bus's names is the player: the name itself, or one of its instances; None: none is."""
    names = [one for one in _first_list(said) if isinstance(one, str)]
    instances = sorted(one for one in names if one.startswith(f"{name}.instance"))
    return name if name in names else instances[0] if instances else None


def read_properties(said: object, at_ms: int) -> Sample:
    """PURE. `GetAll` of the Player interface → a sample; BusError where it names no status."""
    properties = said[0] if isinstance(said, list) and said else None
    if not isinstance(properties, dict) or not isinstance(status := _data(properties.get("PlaybackStatus")), str):
        raise BusError("the player names no PlaybackStatus: it does not speak MPRIS")
    metadata = _data(properties.get("Metadata"))
    track = _data(metadata.get("mpris:trackid")) if isinstance(metadata, dict) else ""
    position = _data(properties.get("Position"))
    return Sample(at_ms, status, str(track or ""), position if isinstance(position, int) else None)


def _data(value: object) -> object:
    """Unwrap busctl's `{"type": …, "data": …}`."""
    return value.get("data") if isinstance(value, dict) else None


def _first_list(said: object) -> list[object]:
    first = said[0] if isinstance(said, list) and said else None
    return first if isinstance(first, list) else []


def _seconds(position_us: int | None) -> str:
    return "an unknown position" if position_us is None else f"{position_us / 1_000_000:.1f} s"
