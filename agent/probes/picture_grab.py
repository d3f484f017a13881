"""Takes small grey pictures of a screen, with other programs: ffmpeg on X11 and KMS, grim on Wayland.

Why another program: the agent's memory does not grow, and a display server that hangs or dies takes nothing with it
but that program. Measured for two pictures of 1920x1080 on x86-64: ffmpeg 0.09 s of CPU, 60 MB for 1.1 s and nothing
after; mss within the agent 3.5 MB for ever and up to 9 MB that do not come back; mss in a Python of its own 0.13 s and
33 MB.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import Final, Literal, NamedTuple, Protocol

from agent.command import Ended, run_program

COLUMNS: Final = 64
ROWS: Final = 36
CELLS: Final = COLUMNS * ROWS
APART_S: Final = 0.5  # between the two pictures of one look
THUMBNAIL_PX: Final = 320
_SMALL: Final = f"scale={COLUMNS}:{ROWS}:flags=area,format=gray"
_THUMBNAIL: Final = f"scale={THUMBNAIL_PX}:-2:flags=area"
_WAYLAND_SCALE: Final = "0.05"  # of 1920x1080: 96x54
_WAYLAND_THUMBNAIL_SCALE: Final = "0.2"
_REGION: Final = re.compile(r"(\d+)x(\d+)\+(\d+)\+(\d+)")
_PPM: Final = re.compile(rb"P6\s+(\d+)\s+(\d+)\s+255\s")
_SPEAKER: Final = re.compile(r"^\[[^\]]*\] ")  # "[x11grab @ 0x55eeaac1b8c0] "


class GrabError(Exception):
    """The screen cannot be looked at; the message says why."""


class Region(NamedTuple):
    """A part of the screen in pixels."""

    width: int
    height: int
    x: int
    y: int


def parse_region(text: str) -> Region | None:
    """PURE. `1920x1080+0+0`, as xrandr writes it → region; None where it is none."""
    match = _REGION.fullmatch(text)
    return Region(*map(int, match.groups())) if match else None


class Screen(Protocol):
    """Which screen, and how it is reached: what a grabber needs of `[outputs.picture]`."""

    @property
    def source(self) -> Literal["x11", "wayland", "kms"]:
        """Who draws on it."""

    @property
    def display(self) -> str:
        """Its name there; "": the usual one."""

    @property
    def xauthority(self) -> str:
        """The file with X11's cookie; "": the environment's."""

    @property
    def region(self) -> str:
        """The part to look at; "": all of it."""


class Grabber:
    """Looks at one screen."""

    def __init__(self, options: Screen) -> None:
        self._options = options
        self.screen = options.display or _usual_display(options.source)

    async def two(self) -> tuple[bytes, bytes]:
        """Two pictures half a second apart, each `CELLS` bytes of brightness, row by row; GrabError, OSError."""
        if self._options.source == "wayland":
            first = await self._run(self._grim("-t", "ppm", "-s", _WAYLAND_SCALE))
            await asyncio.sleep(APART_S)
            return shrink(first), shrink(await self._run(self._grim("-t", "ppm", "-s", _WAYLAND_SCALE)))
        pictures = await self._run(self._ffmpeg("-frames:v", "2", "-vf", self._filter(_SMALL), "-f", "rawvideo"))
        if len(pictures) != 2 * CELLS:
            raise GrabError(f"ffmpeg gave {len(pictures)} bytes instead of {2 * CELLS}")
        return pictures[:CELLS], pictures[CELLS:]

    async def thumbnail(self) -> bytes:
        """A small JPEG; on Wayland a PNG, since Debian's grim knows no JPEG. GrabError, OSError."""
        if self._options.source == "wayland":
            return await self._run(self._grim("-t", "png", "-s", _WAYLAND_THUMBNAIL_SCALE))
        one = ("-frames:v", "1", "-vf", self._filter(_THUMBNAIL), "-c:v", "mjpeg", "-q:v", "6", "-f", "image2pipe")
        return await self._run(self._ffmpeg(*one))

    def _filter(self, wanted: str) -> str:
        return f"hwdownload,format=bgr0,{wanted}" if self._options.source == "kms" else wanted

    def _ffmpeg(self, *output: str) -> list[str]:
        common = ["ffmpeg", "-v", "error", "-nostdin", "-probesize", "32", "-threads", "1"]
        if self._options.source == "kms":
            grab = ["-device", self.screen, "-framerate", f"{1 / APART_S:g}", "-f", "kmsgrab", "-i", "-"]
        else:
            grab = ["-f", "x11grab", "-draw_mouse", "0", "-framerate", f"{1 / APART_S:g}", *self._x11_place()]
        return [*common, *grab, *output, "pipe:1"]

    def _x11_place(self) -> list[str]:
        region = parse_region(self._options.region)
        if region is None:
            return ["-i", self.screen]
        return ["-video_size", f"{region.width}x{region.height}", "-i", f"{self.screen}+{region.x},{region.y}"]

    def _grim(self, *how: str) -> list[str]:
        region = parse_region(self._options.region)
        where = ["-g", f"{region.x},{region.y} {region.width}x{region.height}"] if region else []
        return ["grim", *how, *where, "-"]

    async def _run(self, argv: list[str]) -> bytes:
        env = {"XAUTHORITY": self._options.xauthority} if self._options.xauthority else {}
        if self._options.source == "wayland":
            env["WAYLAND_DISPLAY"] = self.screen
        try:
            ended = await run_program(*argv, env=env)
        except FileNotFoundError:
            raise GrabError(f"{argv[0]} is not installed: apt install {argv[0]}") from None
        if ended.status != 0:
            raise GrabError(_why(argv[0], ended))
        return ended.out


def shrink(picture: bytes) -> bytes:
    """PURE. A binary PPM of any size → `CELLS` bytes of brightness; GrabError for anything else."""
    head = _PPM.match(picture)
    if head is None:
        raise GrabError("grim gave no picture")
    width, height, start = int(head[1]), int(head[2]), head.end()
    if not (width and height) or len(picture) < start + 3 * width * height:
        raise GrabError("grim gave half a picture")
    cells = bytearray()
    for row in range(ROWS):
        line = start + 3 * width * (row * height // ROWS)
        for column in range(COLUMNS):
            red, green, blue = picture[(at := line + 3 * (column * width // COLUMNS)) : at + 3]
            cells.append((2 * red + 5 * green + blue) // 8)
    return bytes(cells)


def _usual_display(source: str) -> str:
    if source == "kms":
        return "/dev/dri/card0"
    if source == "wayland":
        return os.environ.get("WAYLAND_DISPLAY") or "wayland-0"
    return os.environ.get("DISPLAY") or ":0"


def _why(program: str, ended: Ended) -> str:
    said = [_SPEAKER.sub("", line).strip() for line in ended.err.splitlines() if line.strip()]
    return said[0] if said else f"{program} ended with status {ended.status}"
