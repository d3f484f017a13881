"""A stand-in for player software, for machines without mpv: it tells the agent every second that it plays.

`kill -STOP` makes it fall silent, and the agent reports `unknown` after its deadline: a program that stopped talking
may still play. Use: `python -m demo.player_software PORT`.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import cycle
from threading import Event
from typing import Final

_EVERY_S: Final = 1.0
_TIMEOUT_S: Final = 2.0
_CAMPAIGNS: Final = ("coffee of the month", "breakfast until noon", "the terrace is open")


def main(argv: list[str]) -> int:
    """Report for ever; 2 where the port is missing."""
    if len(argv) != 1 or not argv[0].isdecimal():
        print("usage: python -m demo.player_software PORT", file=sys.stderr)
        return 2
    pause = Event()
    for campaign in _campaigns():
        _say(int(argv[0]), {"output": "main", "state": "playing", "detail": campaign})
        pause.wait(_EVERY_S)
    return 0


def _campaigns() -> Iterator[str]:
    return cycle(campaign for campaign in _CAMPAIGNS for _ in range(10))


def _say(port: int, report: dict[str, str]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/state",
        data=json.dumps(report).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - a loopback address of our own
            answer.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        print(f"the agent does not listen: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
