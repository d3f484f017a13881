"""What a batch of changes says to its two kinds of reader: JSON for programs, ready-made pieces for the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collector.web import jsonviews
from collector.web.cards import WATCHED, alert_lines, card, watched, worst_first
from collector.web.encoding import encode, instant
from collector.web.tiles import evidence_by_agreement, newest_evidence, state_counts, tile, times_of, zones

if TYPE_CHECKING:
    from collector.views import Desk, PlayerView
    from collector.web.hub import Batch
    from collector.web.render import Renderer

API: Final = "api"
PAGE: Final = "page"
_OLDEST_MS: Final = 10_000  # nobody listened, so nobody pulsed


class ApiStream:
    """`/api/v1/events`: views as the API gives them; the pulse is a comment."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def changes(self, batch: Batch) -> bytes:
        """Tell a batch."""
        return frame(
            "changes",
            {
                **instant("at", self._desk.now_ms()),
                "players": [jsonviews.player(view) for view in batch.players],
                "platforms": [jsonviews.platform(view) for view in batch.platforms],
                "figures": [jsonviews.figure(view) for view in batch.figures],
                "alerts": [jsonviews.alert(view) for view in batch.alerts],
            },
        )

    def pulse(self) -> bytes:
        """Give a comment, which keeps proxies and half-open connections honest."""
        return b": heartbeat\n\n"


class PageStream:
    """`/live`: for each changed player its state and words, for each touched agreement its card, drawn here.

    What a batch costs depends on what changed, not on the fleet: the whole fleet is read at each pulse, and between
    two of them the batches keep it up to date.
    """

    def __init__(self, desk: Desk, renderer: Renderer) -> None:
        self._desk = desk
        self._renderer = renderer
        self._players: dict[str, PlayerView] = {}
        self._newcomers = 0
        self._read_ms: int | None = None

    def changes(self, batch: Batch) -> bytes:
        """Tell a batch."""
        self._follow(batch)
        known = zones(self._desk.figures())
        now_ms = self._desk.now_ms()
        tiles = [tile(view, times_of(view, known), now_ms, self._renderer.texts) for view in batch.players]
        return frame(
            "changes",
            {
                **self._signs(),
                "players": [[made.subject, made.state, made.emitting, made.title] for made in tiles],
                "platforms": [view.subject for view in batch.platforms],
                "cards": self._cards(batch),
                "alerts": self._alerts() if batch.alerts else None,
            },
        )

    def pulse(self) -> bytes:
        """Say the time, how old the evidence is, and the counts; its absence tells a browser that it is cut off."""
        self._read()
        return frame("pulse", self._signs())

    def _read(self) -> None:
        self._players = {view.subject: view for view in self._desk.players()}
        self._newcomers = len(self._desk.newcomers())
        self._read_ms = self._desk.now_ms()

    def _follow(self, batch: Batch) -> None:
        age_ms = None if self._read_ms is None else abs(self._desk.now_ms() - self._read_ms)
        if age_ms is None or age_ms > _OLDEST_MS or any(view.subject not in self._players for view in batch.players):
            self._read()
        else:
            self._players.update((view.subject, view) for view in batch.players)

    def _signs(self) -> dict[str, object]:
        players = self._players.values()
        return {
            "now_ms": self._desk.now_ms(),
            "newest": newest_evidence(players),
            "evidence": evidence_by_agreement(players),
            "counts": state_counts(players),
            "newcomers": self._newcomers,
            "alarm": any(alert.severity == "critical" for alert in self._desk.open_alerts()),
        }

    def _cards(self, batch: Batch) -> dict[str, str]:
        desk = self._desk
        touched = {view.key for view in batch.figures}
        touched |= {f"{view.tenant}/{view.contract}" for view in batch.platforms}
        touched |= {view.agreement for view in batch.alerts}
        if not touched:
            return {}
        newest = evidence_by_agreement(self._players.values())
        platforms, alerts, texts = desk.platforms(), desk.open_alerts(), self._renderer.texts
        judged = {figure.key for figure in desk.figures()}
        others: dict[str, str] = {}
        if any(f"{view.tenant}/{view.contract}" not in judged for view in batch.platforms):
            chips = watched(desk.figures(), platforms, texts)
            others[WATCHED] = self._renderer.render("_watched.html", watched=chips)
        return others | {
            figure.key: self._renderer.render(
                "_card.html",
                card=card(figure, platforms, alerts, newest.get(figure.key), texts),
                now_ms=desk.now_ms(),
            )
            for figure in desk.figures()
            if figure.key in touched
        }

    def _alerts(self) -> str:
        lines = alert_lines(worst_first(self._desk.open_alerts()), self._desk.figures(), self._renderer.texts)
        return self._renderer.render("_alerts.html", open_alerts=lines, now_ms=self._desk.now_ms())


def frame(event: str, data: object) -> bytes:
    """One server-sent event without its id; the JSON is one line of ASCII, so nothing can break the frame."""
    return b"event: " + event.encode() + b"\ndata: " + encode(data) + b"\n\n"
