"""PURE. What VLC's HTTP interface says, read as carefully as a stranger's word. Whatever is missing counts as 0."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_LOCAL: Final = "file://"
_SIZE: Final = re.compile(r"[0-9]{1,5}x[0-9]{1,5}")
_CODEC: Final = re.compile(r".*\((\w{1,4}) ?\)")  # "H264 - MPEG-4 AVC (part 10) (avc1)": the last one is VLC's own name
# Films come in these; a still is drawn from raw pictures ("24 bits RGB (RV24)").
_FILM_CODECS: Final = frozenset(
    {"avc1", "h264", "hevc", "hev1", "hvc1", "mpgv", "mpg1", "mpg2", "mp4v", "VP80", "VP90", "vp08", "vp09", "av01"}
    | {"theo", "WMV1", "WMV2", "WMV3", "WVC1", "DIV3", "DIVX", "XVID", "FLV1"}
)


class Sample(NamedTuple):
    """What VLC said at one moment. `picture`: counters of what reached the display; None: there is no video."""

    at_ms: int
    state: str
    item: int
    time_s: int
    position: float
    displayed: int
    lost: int
    sound: int
    has_video: bool
    is_film: bool  # its picture is meant to move
    fps: float | None

    @property
    def place(self) -> tuple[object, ...]:
        """Where playback stands; a different place means that it moves."""
        if self.has_video:
            return self.item, self.displayed
        return self.item, self.time_s, self.position, self.sound


class Stock(NamedTuple):
    """What stands in the playlist: how many items, and whether none of these local files was ever opened."""

    items: int
    unopened: bool


class NotVlcError(Exception):
    """Somebody answers, but not as VLC does to those who know the password."""


def read_status(said: object, at_ms: int) -> Sample:
    """PURE. `status.json` → a sample; NotVlcError where it is none. Whatever is missing counts as 0."""
    if not isinstance(said, dict) or not isinstance(said.get("state"), str):
        raise NotVlcError("the answer names no state: whoever listens is not VLC")
    stats = _table(said.get("stats"))
    streams = [_table(stream) for stream in _table(_table(said.get("information")).get("category")).values()]
    displayed, decoded = (round(_number(stats.get(name))) for name in ("displayedpictures", "decodedvideo"))
    return Sample(
        at_ms=at_ms,
        state=said["state"],
        item=round(_number(said.get("currentplid"))),
        time_s=round(_number(said.get("time"))),
        position=_number(said.get("position")),
        displayed=displayed,
        lost=round(_number(stats.get("lostpictures"))),
        sound=round(_number(stats.get("playedabuffers"))),
        has_video=displayed > 0 or decoded > 0 or any(map(_has_picture, streams)),
        is_film=any(map(_is_film, streams)),
        fps=max((_number(stream.get("Frame_rate")) for stream in streams), default=0) or None,
    )


def read_playlist(said: object) -> Stock:
    """PURE. `playlist.json` → what is in it. A file that was opened has a length; a stream may have none."""
    items = list(_leaves(_table(said)))
    lengths = [_number(item.get("duration")) for item in items if str(item.get("uri", "")).startswith(_LOCAL)]
    return Stock(len(items), unopened=len(lengths) == len(items) and all(length <= 0 for length in lengths))


def _leaves(node: Mapping[str, object], depth: int = 0) -> Iterator[Mapping[str, object]]:
    """The items of the playlist; what the media library holds is not meant to be played."""
    if node.get("type") == "leaf":
        yield node
        return
    children = node.get("children")
    if depth == 1 and node.get("name") != "Playlist" and node.get("id") != "1":
        return
    for child in children if isinstance(children, list) else ():
        yield from _leaves(_table(child), depth + 1)


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return number if abs(number) < 2**53 else 0.0  # NaN and infinities, too


def _has_picture(stream: Mapping[str, object]) -> bool:
    # By its size: the names of these fields are in the language of VLC's user.
    return any(isinstance(value, str) and _SIZE.fullmatch(value) for value in stream.values())


def _is_film(stream: Mapping[str, object]) -> bool:
    found = (_CODEC.fullmatch(value) for value in stream.values() if isinstance(value, str))
    return any(codec is not None and codec[1] in _FILM_CODECS for codec in found)
