"""What the agent says of a player in each state that a player can be in: kinds by players, and what makes each.

docs/probes/README.md shows the same table (test_verdicts.py holds it), and each of its rows is a test against the real
programs on a real screen, judged by the real agent: the player's own probe together with `picture`.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Player = Literal["mpv", "vlc", "chromium"]
PLAYERS: Final[tuple[Player, ...]] = ("mpv", "vlc", "chromium")


class Verdict(NamedTuple):
    """A state, and the cause that the agent names; None: none, so that the contract's default counts."""

    state: str
    cause: str | None = None

    def __str__(self) -> str:
        """Write it as the page does."""
        return f"`{self.state}`, `{self.cause}`" if self.cause else f"`{self.state}`"


PLAYING: Final = Verdict("playing")
STOPPED: Final = Verdict("stopped")
FROZEN: Final = Verdict("frozen")
BLACK: Final = Verdict("black")
ERROR: Final = Verdict("error")
IDLE: Final = Verdict("idle")
UNREADABLE: Final = Verdict("error", "content")

Row = dict[Player, Verdict]


def _all(verdict: Verdict) -> Row:
    return dict.fromkeys(PLAYERS, verdict)


TABLE: Final[dict[str, Row]] = {
    "playing": _all(PLAYING),
    "looping clip of a second": _all(PLAYING),
    "still image": _all(PLAYING),
    "paused": _all(STOPPED),
    "ended, not looped": _all(STOPPED),
    "nothing to play": _all(IDLE),
    "missing file": _all(ERROR),
    "unreadable file": {"mpv": UNREADABLE, "vlc": ERROR, "chromium": UNREADABLE},
    "black clip": _all(BLACK),
    "frozen clip": _all(FROZEN),
    "page that throws": {"chromium": PLAYING},
    "page that hangs in a loop": {"chromium": FROZEN},
    "crashed tab": {"chromium": ERROR},
    "hung (SIGSTOP)": _all(FROZEN),
    "killed": _all(STOPPED),
}


def page() -> str:
    """Give the table in Markdown."""
    lines = ["| what happens | mpv | VLC | Chromium |", "|---|---|---|---|"]
    for kind, row in TABLE.items():
        cells = " | ".join(str(row[player]) if player in row else "–" for player in PLAYERS)
        lines.append(f"| {kind} | {cells} |")
    return "\n".join(lines)
