"""PURE. The spool's file format: one record a line, `crc32 SP json LF`, CRC-32 in eight hex digits over the JSON.

Records, in the order in which they are replayed:

    kind    says
    ------  -------------------------------------------------------------------------------------------------
    head    whose spool this is, up to which seq it may have been used (`reserved`), and what the next boot will want to
            know of this one; first line of every file
    turn    runs that ended, and *all* runs that are open from then on, and all outputs whose next run is awaited: one
            record, so that it is all or nothing
    alive   how far the open runs have been seen since, and up to when the agent waited for others (sign of life)
    acked   runs that the collector has
    clock   `wall − mono` of a boot while a time source disciplined the wall clock
    stop    an orderly end; the next seq to use, and whether the machine went down with the runs still open

Any line that does not check is damage; `read` tells what was damaged and goes on behind it.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from agent.endings import BootFact
from wire.messages import Id, Run, Seq, Token

VERSION: Final = 1
MAX_LINE_BYTES: Final = 1024 * 1024
_CRC_HEX: Final = 8


class Kept(msgspec.Struct, omit_defaults=True):
    """A closed run with the spool that numbered it. `stated`: a heartbeat has told of it while it was open."""

    spool: Token
    run: Run
    stated: bool = False


class Opened(msgspec.Struct, omit_defaults=True):
    """An open run with the spool that numbered it, and how far it has been seen."""

    spool: Token
    run: Run
    seen_mono_ms: int
    seen_ms: int
    stated: bool = False


class Awaited(msgspec.Struct):
    """An output of which nothing is open, and when the agent that waits for its next run was last alive."""

    output: Id
    boot: Token | None
    mono_ms: int
    wall_ms: int


class Head(msgspec.Struct, tag="head"):
    """First record of every file."""

    spool: Token
    device: str
    reserved: Seq
    version: int = VERSION
    given_up: int = 0
    damaged: int = 0
    boot: BootFact | None = None


class Turn(msgspec.Struct, tag="turn", omit_defaults=True):
    """Runs that ended, all that are open from then on, and all outputs whose next run is awaited."""

    closed: list[Kept]
    open: list[Opened]
    awaited: list[Awaited] = []


class Alive(msgspec.Struct, tag="alive", omit_defaults=True):
    """(spool, seq, mono, wall): up to when that open run has been seen. `at` (mono, wall): others are awaited."""

    seen: list[tuple[str, int, int, int]]
    at: tuple[int, int] | None = None


class Acked(msgspec.Struct, tag="acked"):
    """Runs that the collector has."""

    spool: Token
    seqs: list[tuple[Seq, Seq]]


class ClockFact(msgspec.Struct, tag="clock"):
    """What a boot's clock was, and when in the boot (0: an older agent did not note that)."""

    boot: Token
    offset_ms: int
    mono_ms: int = 0


class Stop(msgspec.Struct, tag="stop"):
    """An orderly end. `shutdown`: the whole machine was going down, so the runs were left open for the next boot."""

    next: Seq
    shutdown: bool = False


Record = Head | Turn | Alive | Acked | ClockFact | Stop
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record)


class Contents(NamedTuple):
    """What a file holds: the records that check, in order, and a word on each stretch that does not."""

    records: list[Record]
    damage: list[str]


def line(record: Record) -> bytes:
    """Record → one line."""
    body = _ENCODER.encode(record)
    return b"%08x " % crc32(body) + body + b"\n"


def read(lines: Iterable[bytes]) -> Contents:
    """Lines (with their line ends) → contents. Never raises for what the lines hold."""
    contents = Contents([], [])
    for number, text in enumerate(lines, start=1):
        record = _record(text)
        if record is None:
            contents.damage.append(f"line {number}: {len(text)} bytes do not check")
        else:
            contents.records.append(record)
    return contents


def _record(text: bytes) -> Record | None:
    crc, space, body = text[:_CRC_HEX], text[_CRC_HEX : _CRC_HEX + 1], text[_CRC_HEX + 1 : -1]
    if space != b" " or not text.endswith(b"\n") or crc != b"%08x" % crc32(body):
        return None
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError:  # from another version of the program: as unreadable to us as noise
        return None
