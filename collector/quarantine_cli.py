"""`signwatch quarantine …`: look at the messages that the collector refused.

Their content comes from anybody who may publish: nothing of it reaches the terminal unescaped, except by `--raw`.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Final

from collector.ledger.quarantine_store import Kept, count_by_reason, kept_message, kept_messages
from collector.registry.backend import read_ledger
from collector.registry.options import Subparsers, add_ledger, ledger_path
from common.clock import iso
from common.config import ConfigError, Finding

_SHOWN: Final = 50
_DETAIL_WIDTH: Final = 100
_LARGEST_ID: Final = 2**63 - 1
_HEX_COLUMNS: Final = 16


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `quarantine` and its subcommands."""
    parser = subparsers.add_parser("quarantine", help="look at the messages that the collector refused")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="the latest refused messages, and how many by reason")
    add_ledger(listing)
    listing.add_argument("--limit", type=int, default=_SHOWN, help="the latest so many; 0: all")
    listing.add_argument("--reason", default="", help="only of this reason, such as invalid or malformed")
    listing.add_argument("--topic", default="", metavar="TEXT", help="only with this in the topic, such as /player-7/")
    listing.add_argument("--json", action="store_true", help="print one JSON object a line")
    listing.set_defaults(run=_list)
    showing = commands.add_parser("show", help="one refused message, whole")
    showing.add_argument("id", type=int, metavar="ID")
    add_ledger(showing)
    form = showing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON object")
    form.add_argument("--raw", action="store_true", help="write the body as it came")
    showing.set_defaults(run=_show)


def _list(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    limit = options.limit if options.limit > 0 else None
    kept = read_ledger(path, lambda connection: kept_messages(connection, limit, options.reason, options.topic))
    if options.json:
        for message in kept:
            print(json.dumps(as_json(message)))
        return 0
    for message in kept:
        print(summary_line(message))
    counts = read_ledger(path, count_by_reason)
    by_reason = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    print(f"{len(kept)} shown of {sum(counts.values())} refused ({by_reason})" if counts else "nothing was refused")
    return 0


def _show(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    message = _find(path, options.id)
    if options.raw:
        sys.stdout.buffer.write(message.body)
    elif options.json:
        print(json.dumps(as_json(message), indent=2))
    else:
        print("\n".join(full_text(message)))
    return 0


def _find(path: Path, number: int) -> Kept:
    known = 0 < number <= _LARGEST_ID
    message = read_ledger(path, lambda connection: kept_message(connection, number)) if known else None
    if message is None:
        remedy = "signwatch quarantine list shows the numbers there are"
        raise ConfigError(Finding("quarantine.unknown", str(path), "", f"has no refused message {number}", remedy))
    return message


def summary_line(message: Kept) -> str:
    """One refused message on one line."""
    detail = escaped(message.detail)
    if len(detail) > _DETAIL_WIDTH:
        detail = f"{detail[:_DETAIL_WIDTH]}…"
    facts = f"{iso(message.received_ms)}  {message.reason:<12} {len(message.body):>6} B"
    return f"{message.id:>6}  {facts}  {escaped(message.topic)}  {detail}"


def full_text(message: Kept) -> list[str]:
    """A whole refused message, line by line: its body as indented JSON, as text, or as a hex dump."""
    return [
        f"id        {message.id}",
        f"received  {iso(message.received_ms)}",
        f"topic     {escaped(message.topic)}",
        f"reason    {message.reason}",
        f"detail    {escaped(message.detail)}",
        f"body      {len(message.body)} bytes",
        "",
        *body_lines(message.body),
    ]


def body_lines(body: bytes) -> list[str]:
    """A body for a person: indented JSON where it is JSON, text where it is UTF-8, a hex dump otherwise."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return hex_dump(body)
    try:
        return json.dumps(json.loads(text), indent=2).splitlines()  # ASCII only: nothing to escape
    except (ValueError, RecursionError):
        return [escaped(line) for line in text.splitlines()]


def hex_dump(body: bytes) -> list[str]:
    """Give offset, bytes and printable ASCII, as `hexdump -C` does."""
    lines = []
    for offset in range(0, len(body), _HEX_COLUMNS):
        row = body[offset : offset + _HEX_COLUMNS]
        shown = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in row)
        lines.append(f"{offset:08x}  {row.hex(' '):<{_HEX_COLUMNS * 3}} |{shown}|")
    return lines


def as_json(message: Kept) -> dict[str, object]:
    """A refused message as JSON: `body` is its text, `body_base64` stands in its place where it is not UTF-8."""
    known: dict[str, object] = {
        "id": message.id,
        "received_ms": message.received_ms,
        "received": iso(message.received_ms),
        "topic": message.topic,
        "reason": message.reason,
        "detail": message.detail,
        "bytes": len(message.body),
    }
    try:
        return {**known, "body": message.body.decode()}
    except UnicodeDecodeError:
        return {**known, "body_base64": base64.b64encode(message.body).decode()}


def escaped(text: str) -> str:
    r"""Text that cannot move the cursor or colour the terminal: what is not printable becomes `\x1b`."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
