"""Message bodies, version 1 (SPEC part 4), as msgspec Structs: decoding is validation.

An unknown *key* is ignored (a newer agent may say more); an unknown *value* (a state, a cause) is refused, since a
figure may hang on it. A body over 64 KiB is refused before it is parsed.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final

import msgspec

from wire.states import Cause, State
from wire.topics import ID_PATTERN, Kind

MAX_BODY_BYTES: Final = 64 * 1024
MAX_INTERVAL_S: Final = 86_400

_LATEST_MS = 253_402_300_799_999  # the end of the year 9999

Id = Annotated[str, msgspec.Meta(pattern=rf"^{ID_PATTERN}\Z")]
Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z_-]{1,64}\Z")]
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]
Detail = Annotated[str, msgspec.Meta(max_length=1000)]
Interval = Annotated[float, msgspec.Meta(gt=0, le=MAX_INTERVAL_S)]
Host = dict[str, int | float | str | bool | None]


class Body(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Base of every message body."""


class Run(Body):
    """One output in one state over `[start, end)`; no end: still open.

    `boot` is named in `runs` messages (a heartbeat's runs are of the heartbeat's boot); `end_boot` only where the run
    ends in another boot than it began (`off` over a restart).
    """

    seq: Seq
    output: Id
    state: State
    start_ms: Millis
    start_mono_ms: Millis
    end_ms: Millis | None = None
    end_mono_ms: Millis | None = None
    cause: Cause | None = None
    detail: Detail | None = None
    boot: Token | None = None
    end_boot: Token | None = None


class Stamped(Body):
    """What every message of an agent says of its clocks."""

    boot: Token
    sent_ms: Millis
    mono_ms: Millis
    synced: bool


class BootClock(Body):
    """What an agent remembers of a boot's clock: `wall − mono` at `mono_ms`, while a time source disciplined it.

    A boot stands there once for each time that its offset changed. Older agents do not say at which mono.
    """

    boot: Token
    offset_ms: int
    mono_ms: Millis | None = None


class Output(Body):
    """One playback output of the device, and the probe that watches it."""

    id: Id
    probe: str = ""


class Hello(Stamped):
    """Sent on every connect."""

    spool: Token
    agent: Annotated[str, msgspec.Meta(max_length=64)]
    interval_s: Interval
    outputs: Annotated[list[Output], msgspec.Meta(max_length=64)]
    role: str = "player"
    host: Host = {}
    clocks: Annotated[list[BootClock], msgspec.Meta(max_length=64)] = []


class Heartbeat(Stamped):
    """The open run of each output, and host figures."""

    spool: Token
    open: Annotated[list[Run], msgspec.Meta(max_length=64)]
    host: Host = {}


class Runs(Stamped):
    """Closed runs, oldest first, each with its own boot.

    `clocks` says again of their earlier boots what the hello said: that one may have been lost, and these runs not.
    """

    spool: Token
    runs: Annotated[list[Run], msgspec.Meta(max_length=500)]
    clocks: Annotated[list[BootClock], msgspec.Meta(max_length=64)] = []


class Gone(Body):
    """The last will."""

    boot: Token


class Ack(Body):
    """The collector has these runs in its ledger."""

    spool: Token
    seqs: list[tuple[Seq, Seq]]


Message = Hello | Heartbeat | Runs | Gone | Ack
_TYPES: Final[dict[str, type[Body]]] = {
    "hello": Hello,
    "heartbeat": Heartbeat,
    "runs": Runs,
    "gone": Gone,
    "ack": Ack,
}
_ENCODER: Final = msgspec.json.Encoder()


class MessageError(ValueError):
    """A body that is refused. `reason` is one of a closed list, for counters: `too_large` `malformed` `invalid`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@cache
def _decoder(kind: Kind) -> msgspec.json.Decoder[Body]:
    """Made when the first of its kind comes: an agent hears nothing but acks, and each takes 11 kB."""
    return msgspec.json.Decoder(_TYPES[kind])


def decode(kind: Kind, body: bytes) -> Message:
    """Body → message; MessageError where it is too large, no JSON, or breaks a rule of the wire."""
    if len(body) > MAX_BODY_BYTES:
        raise MessageError("too_large", f"{len(body)} bytes are over the limit of {MAX_BODY_BYTES}")
    try:
        message: Message = _decoder(kind).decode(body)  # type: ignore[assignment]  # one of _TYPES
    except msgspec.ValidationError as error:
        raise MessageError("invalid", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError("malformed", str(error)) from None
    if isinstance(message, Heartbeat):
        _check_open(message.open)
    elif isinstance(message, Runs):
        _check_closed(message.runs)
    return message


def encode(message: Message) -> bytes:
    """Message → UTF-8 JSON without the keys that say nothing."""
    return _ENCODER.encode(message)


def _check_open(runs: list[Run]) -> None:
    for run in runs:
        if run.end_ms is not None or run.end_mono_ms is not None:
            raise MessageError("invalid", f"run {run.seq} in `open` has an end")


def _check_closed(runs: list[Run]) -> None:
    for run in runs:
        if run.end_mono_ms is None or run.end_ms is None:
            raise MessageError("invalid", f"run {run.seq} in `runs` has no end")
        if run.boot is None:
            raise MessageError("invalid", f"run {run.seq} in `runs` names no boot")
        same_boot = run.end_boot is None or run.end_boot == run.boot
        if same_boot and run.end_mono_ms < run.start_mono_ms:
            raise MessageError(
                "invalid", f"run {run.seq} ends {run.start_mono_ms - run.end_mono_ms} ms before it starts"
            )
