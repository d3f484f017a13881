"""PURE. What an answer of InfluxDB means for the lines it was given.

answer                                     then
-----------------------------------------  ---------------------------------------------------------------------
2xx                                        they landed
"partial write … dropped=N", all N of N    every one of them was refused: too old for the retention policy
                                           (`expired`: nothing to mend), or bad (`refused`)
other 400 and 422 that InfluxDB itself     one of them is bad: halve until it is alone, set it aside; the others
said, "partial write" with any status      land
413                                        too many at once: halve
nobody, 408, 425, 429, 5xx                 not now: keep them, wait (as long as `Retry-After` asks for), try again
anything else                              the configuration is wrong (401, 403, 404; a redirect; a 400 from a
                                           proxy): keep them, say so, try again rarely

Lines that are kept too often come under suspicion themselves: collector/influx/suspicion.py.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal, NamedTuple

Verdict = Literal["landed", "expired", "refused", "halve", "later", "misconfigured"]
NOBODY: Final = 0
_COME_BACK: Final = frozenset({NOBODY, 408, 425, 429})
_BAD_LINES: Final = frozenset({400, 422})
_TOO_LARGE: Final = 413
_SERVER_ERROR: Final = 500
_DROPPED: Final = re.compile(r"\bpartial write: (?P<why>.*) dropped=(?P<count>[0-9]{1,9})\b", re.DOTALL)
_PARTLY: Final = "partial write: "  # 1.x clusters say it with a 500
_TOO_OLD: Final = "beyond retention policy"


class Answer(NamedTuple):
    """What came back. `status` is 0 where nobody answered; `own`: the text is in InfluxDB's form, not a proxy's."""

    status: int
    message: str = ""
    retry_after_ms: int | None = None
    own: bool = False

    def __str__(self) -> str:
        """Give the line for the log."""
        return f"HTTP {self.status}: {self.message}".rstrip(": ") if self.status else self.message


def judge(answer: Answer, lines: int) -> Verdict:
    """Read the answer to a request of so many lines."""
    if answer.status in range(200, 300):
        return "landed"
    if answer.own and (answer.status in _BAD_LINES or _PARTLY in answer.message):
        return _bad(answer.message, lines)
    if answer.status == _TOO_LARGE:
        return "halve" if lines > 1 else "refused"
    if answer.status in _COME_BACK or answer.status >= _SERVER_ERROR:
        return "later"
    return "misconfigured"


def _bad(message: str, lines: int) -> Verdict:
    """Some lines are bad; which, InfluxDB tells only where it is all of them."""
    # Not where N is less: 1.x then hides behind the points that are too old those that it could not even read.
    dropped = _DROPPED.search(message)
    all_of_them = dropped is not None and int(dropped["count"]) == lines
    if dropped is not None and all_of_them and _TOO_OLD in dropped["why"]:
        return "expired"
    return "refused" if all_of_them or lines == 1 else "halve"


def read_body(status: int, body: bytes, retry_after_ms: int | None) -> Answer:
    """Make an answer of a response: versions 1 (`error`), 2 and 3 (`code`, `message`) each have their own form."""
    text = " ".join(body.decode(errors="replace").split())[:500]
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return Answer(status, text, retry_after_ms)
    if not isinstance(said, dict):
        return Answer(status, text, retry_after_ms)
    message = said.get("error") or said.get("message")
    return Answer(status, str(message or text)[:500], retry_after_ms, own=message is not None)
