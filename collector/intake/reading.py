"""PURE. What came over the wire → a statement, or the reason why it is none; `REASONS` holds every reason there is."""

from __future__ import annotations

from typing import Final, cast

from common.clock import EARLIEST_MS
from wire.messages import Ack, Gone, Heartbeat, Hello, Message, MessageError, Runs, decode
from wire.topics import Address, Kind, TopicError, is_id, parse_topic
from wire.votes import states_of_output

Statement = Hello | Heartbeat | Runs | Gone

AHEAD_MAX_MS: Final = 1000  # by which a run may end after the message that tells of it

# The closed list of docs/poison.md: the label of signwatch_messages_refused_total, the column of `quarantine list`.
REASONS: Final[dict[str, str]] = {
    "topic": "its topic is none of ours, or its shard does not fit its device",
    "retained": "the broker had kept it from before: nobody says it now",
    "not_from_device": "it claims to be the collector's own word",
    "too_large": "it has more than 64 KiB",
    "malformed": "it is no JSON",
    "invalid": "it breaks a rule of the wire",
    "unregistered": "its device is not registered, and too many unknown ones are known already",
    "implausible": "it cannot be so, by the collector's clock or by its own",
    "contradiction": "the ledger has another run of that name",
    "unusable": "the ledger cannot hold it",
}


class MessageRefusedError(Exception):
    """A message that is refused; `reason` is one of `REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def read_topic(topic: str) -> tuple[Address, Kind]:
    """Whom a message concerns, and what it is; MessageRefusedError where that cannot be told."""
    try:
        return parse_topic(topic)
    except TopicError as error:
        raise MessageRefusedError("topic", str(error)) from None


def read_body(kind: Kind, body: bytes, received_ms: int, *, retained: bool = False) -> Statement:
    """What a device says; MessageRefusedError where it says nothing that can be so."""
    if retained:
        raise MessageRefusedError("retained", "agents send nothing retained: clear it at the broker")
    if kind == "ack":
        raise MessageRefusedError("not_from_device", "only the collector acknowledges")
    try:
        message = decode(kind, body)
    except MessageError as error:
        raise MessageRefusedError(error.reason, error.detail) from None
    check(message, received_ms)
    return cast("Statement", message)  # only the kind `ack` is decoded to an Ack


def device_in(topic: str) -> str:
    """The `tenant/device` that a topic names, even where the rest of it is wrong; "" where it names none."""
    parts = topic.split("/", 5)
    return f"{parts[3]}/{parts[4]}" if len(parts) == 6 and is_id(parts[3]) and is_id(parts[4]) else ""  # noqa: PLR2004


def check(message: Message, received_ms: int) -> None:
    """MessageRefusedError for what only a receiver can know to be wrong.

    A device states what its players do, and a player is never `up`; only a check of a platform part is. Nothing can be
    told before it has happened: by the clock of its own boot, a run neither starts nor ends after the message that
    tells of it was sent. And no boot has lasted since before there was a signwatch, as far as the collector's own clock
    can be right.
    """
    if isinstance(message, (Gone, Ack)):
        return
    if received_ms - message.mono_ms < EARLIEST_MS <= received_ms:
        raise MessageRefusedError("implausible", f"its boot would have lasted {message.mono_ms} ms, since before 2020")
    if isinstance(message, Hello):
        return
    runs, boot = (message.open, message.boot) if isinstance(message, Heartbeat) else (message.runs, None)
    latest_ms = message.mono_ms + AHEAD_MAX_MS
    for run in runs:
        if run.state not in states_of_output(run.output):
            raise MessageRefusedError("invalid", f"run {run.seq} says {run.state!r}, which is no state of a player")
        if (boot or run.boot) == message.boot and run.start_mono_ms > latest_ms:
            raise MessageRefusedError("implausible", f"run {run.seq} starts after the message was sent")
        if run.end_mono_ms is not None and (run.end_boot or run.boot) == message.boot and run.end_mono_ms > latest_ms:
            raise MessageRefusedError("implausible", f"run {run.seq} ends after the message was sent")


def weigh(message: Statement) -> int:
    """How much work a message is: 1, and 1 more for each run after the first, or for each clock that it remembers."""
    if isinstance(message, Heartbeat):
        return max(1, len(message.open))
    if isinstance(message, Runs):
        return max(1, len(message.runs))
    return 1 + len(message.clocks) if isinstance(message, Hello) else 1
