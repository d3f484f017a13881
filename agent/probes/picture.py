"""Looks at the screen itself: is it black, does it stand still? docs/probes/picture.md has the fields and results.

One look is two pictures of 64x36 cells, half a second apart; only the last one is kept, to compare the next look with.
Whether a standing picture is wrong the pixels do not know: the configuration says it, or the output's own player.
No pixel reaches the log or the wire; a thumbnail is written to a local file, and only where the owner names one.

Deliberately absent: whether light leaves the screen (`display`), and what the picture shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
import structlog

from agent.probes.base import Around, Complaint, Reading, tidy
from agent.probes.picture_grab import CELLS, Grabber, GrabError, parse_region
from common.config import Section

log = structlog.get_logger(__name__)

DARK: Final = 16  # of 255: video black, which is seldom 0
NOISE: Final = 2  # a cell that differs by no more is the same
CURSOR_RATIO: Final = 0.001  # a blinking cursor is no film: so few cells may change in a picture that stands


class PictureOptions(Section, frozen=True):
    """The table `[outputs.picture]`."""

    source: Literal["x11", "wayland", "kms"] = "x11"
    display: str = ""
    xauthority: str = ""
    region: str = ""
    moving: Literal["auto", "always", "never"] = "auto"
    black_ratio: Annotated[float, msgspec.Meta(ge=0.5, le=1)] = 0.98
    frozen_after_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0
    thumbnail: str = ""


def picture_complaints(options: PictureOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    if options.region and parse_region(options.region) is None:
        remedy = "write it as xrandr does: 1920x1080+0+0"
        yield Complaint("agent.picture_region", "region", f"{options.region!r} is no region", remedy)
    if options.region and options.source == "kms":
        yield Complaint("agent.picture_region", "region", "kms shows whole screens only", "leave it out")


class Look(NamedTuple):
    """One look: how black it was (of two pictures the brighter), how much changed within it, and the later picture."""

    at_ms: int
    black_ratio: float
    changed_ratio: float
    cells: bytes

    @classmethod
    def of(cls, at_ms: int, first: bytes, second: bytes) -> Look:
        """Take in two pictures."""
        return cls(at_ms, min(black(first), black(second)), changed(first, second), second)


class Standing(NamedTuple):
    """The latest look, since when the picture stands, and how much of it had changed by then."""

    look: Look
    since_ms: int
    changed_ratio: float

    @classmethod
    def beginning(cls, look: Look) -> Standing:
        """Without anything to compare it with but itself."""
        return cls(look, look.at_ms, look.changed_ratio)

    def after(self, look: Look) -> Standing:
        """Take in the next look. A film that is looped within the interval may look the same: hence two pictures."""
        ratio = max(look.changed_ratio, changed(self.look.cells, look.cells))
        return Standing(look, look.at_ms if ratio > CURSOR_RATIO else self.since_ms, ratio)


def black(cells: bytes) -> float:
    """PURE. The share of dark cells."""
    return sum(cell <= DARK for cell in cells) / CELLS


def changed(before: bytes, after: bytes) -> float:
    """PURE. The share of cells that are not the same in both."""
    return sum(abs(one - other) > NOISE for one, other in zip(before, after, strict=True)) / CELLS


def judge(standing: Standing, moving: bool | None, black_ratio: float, frozen_after_s: float) -> Reading:  # noqa: FBT001
    """PURE. What the pictures mean. The first line that fits decides; `moving`: what they are meant to do, if known."""
    look, stands_s = standing.look, (standing.look.at_ms - standing.since_ms) / 1000
    if look.black_ratio >= black_ratio:
        return Reading("black", None, f"{look.black_ratio:.1%} of the picture is black")
    if standing.changed_ratio > CURSOR_RATIO:
        return Reading("playing", None, f"{standing.changed_ratio:.1%} of the picture changed")
    if moving is None:
        return Reading("unknown", None, "the picture stands, and nobody says whether it is meant to move")
    if not moving:
        return Reading("playing", None, "the picture stands, as it is meant to")
    if stands_s >= frozen_after_s:
        return Reading("frozen", None, f"the picture has stood for {stands_s:.0f} s and is meant to move")
    return Reading("unknown", None, "the picture stands, for too short a time to tell")


class PictureProbe:
    """The probe named `picture`."""

    silence = Reading("unknown", None, "the screen could not be looked at in time")

    def __init__(self, options: PictureOptions, around: Around) -> None:
        self._options = options
        self._around = around
        self._grabber = Grabber(options)
        self._standing: Standing | None = None

    async def read(self) -> Reading:
        """Look once, for about a second."""
        try:
            first, second = await self._grabber.two()
        except (GrabError, OSError) as error:
            self._standing = None  # what stood before a gap is no witness of what stood in it
            return Reading("unknown", None, tidy(f"cannot look at {self._grabber.screen}: {error}"))
        look = Look.of(self._around.clock.mono_ms(), first, second)
        self._standing = self._standing.after(look) if self._standing else Standing.beginning(look)
        await self._keep_thumbnail()
        return judge(self._standing, self._moving(), self._options.black_ratio, self._options.frozen_after_s)

    async def close(self) -> None:
        """Nothing to let go of: a look that is cut off kills its program."""

    def _moving(self) -> bool | None:
        if self._options.moving == "auto":
            return self._around.expectation.moving
        return self._options.moving == "always"

    async def _keep_thumbnail(self) -> None:
        if not self._options.thumbnail:
            return
        try:
            write_file(Path(self._options.thumbnail), await self._grabber.thumbnail())
        except (GrabError, OSError) as error:
            log.warning("thumbnail_failed", output=self._around.output, error=str(error))


def write_file(file: Path, data: bytes) -> None:
    """Replace the file at once, readable by nobody else; OSError."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writer:  # noqa: PTH123 - its mode
        writer.write(data)
    new.replace(file)
