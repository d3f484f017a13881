"""PURE. Refused messages as text and as JSON.

Their content comes from anybody who may publish: nothing of it reaches the terminal unescaped.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from common.clock import iso

if TYPE_CHECKING:
    from collector.ledger.quarantine_store import Kept

_DETAIL_WIDTH: Final = 100
_HEX_COLUMNS: Final = 16


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
        "device": message.device or None,
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
