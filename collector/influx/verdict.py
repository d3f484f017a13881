"""PURE. What an answer of InfluxDB means for the lines it was given.

answer                                then
------------------------------------  --------------------------------------------------------------------------
2xx                                   they landed
400 and 422 that InfluxDB itself said  one of them is bad: halve until it is alone, set it aside; the others land
413                                   too many at once: halve
nobody, 408, 425, 429, 5xx            not now: keep them, wait (as long as `Retry-After` asks for), try again
anything else                         the configuration is wrong (401, 403, 404; a 400 from a proxy): keep them,
                                      say so, try again rarely
"""

from __future__ import annotations

import json
from typing import Final, Literal, NamedTuple

Verdict = Literal["landed", "halve", "later", "misconfigured"]
NOBODY: Final = 0
_COME_BACK: Final = frozenset({NOBODY, 408, 425, 429})
_BAD_LINES: Final = frozenset({400, 422})
_TOO_LARGE: Final = 413
_SERVER_ERROR: Final = 500


class Answer(NamedTuple):
    """What came back. `status` is 0 where nobody answered; `own`: the text is in InfluxDB's form, not a proxy's."""

    status: int
    message: str = ""
    retry_after_ms: int | None = None
    own: bool = False

    def __str__(self) -> str:
        """Give the line for the log."""
        return f"HTTP {self.status}: {self.message}".rstrip(": ") if self.status else self.message


def judge(answer: Answer) -> Verdict:
    """Read one answer."""
    if answer.status in range(200, 300):
        return "landed"
    if answer.status == _TOO_LARGE or (answer.status in _BAD_LINES and answer.own):
        return "halve"
    if answer.status in _COME_BACK or answer.status >= _SERVER_ERROR:
        return "later"
    return "misconfigured"


def read_body(status: int, body: bytes, retry_after_ms: int | None) -> Answer:
    """Make an answer of a response: versions 1 (`error`), 2 and 3 (`code`, `message`) each have their own form."""
    text = " ".join(body.decode(errors="replace").split())[:500]
    try:
        said = json.loads(body)
    except ValueError:
        return Answer(status, text, retry_after_ms)
    if not isinstance(said, dict):
        return Answer(status, text, retry_after_ms)
    message = said.get("error") or said.get("message")
    return Answer(status, str(message or text)[:500], retry_after_ms, own=message is not None)
